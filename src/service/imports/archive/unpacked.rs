//! What is unpacked of the zip file of an import, each byte held against the manifest.

use super::{Archive, unreadable};
use crate::error::Result;
use crate::id::ContentId;
use crate::model::FilePath;
use crate::model::hex::hex;
use crate::model::media_type::{LOOKED_AT, media_type};
use crate::service::imports::lines::{NamedFile, each_line, read_fault};
use crate::tenancy::import_refused;
use crate::tenancy::tx::files::NewFile;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Bytes of members.csv.
const LARGEST_LIST: u64 = 64 << 20;
/// Bytes of one line of files.ndjson.
const LONGEST_NAME: u64 = 64 << 10;
/// Bytes of one read.
const PIECE: usize = 256 << 10;

/// What was unpacked.
pub(in crate::service::imports) struct Unpacked {
    /// The database, alone in its directory.
    pub(in crate::service::imports) database: PathBuf,
    pub(in crate::service::imports) members: PathBuf,
    /// What is among the uploads, by their names in the zip file.
    contents: HashMap<String, NewFile>,
    /// Uploads: how many, and how many bytes.
    pub(in crate::service::imports) uploads: (u64, u64),
}

/// Where contents of uploads are written.
pub(in crate::service::imports) struct Contents<'c> {
    /// The directory of the tenant to be.
    pub(in crate::service::imports) directory: &'c Path,
    /// Who imports.
    pub(in crate::service::imports) by: String,
    pub(in crate::service::imports) now: crate::clock::Timestamp,
}

impl Contents<'_> {
    fn create(&self, path: &str) -> Result<(File, NewFile)> {
        let path = FilePath::parse(path).map_err(|error| import_refused(error.detail()))?;
        let id = ContentId::new(self.now);
        let name = id.to_string();
        let shard = self.directory.join("files").join(name.get(name.len() - 2..).unwrap_or("00"));
        make_directory(&shard)?;
        let file = create(&shard.join(name))?;
        let (sha256, content_type) = (String::new(), "application/octet-stream");
        Ok((file, NewFile { path, id, size: 0, sha256, content_type, by: self.by.clone() }))
    }
}

impl Archive {
    /// Holds every entry against the manifest, byte by byte, and writes what is needed below `working`: the contents of
    /// uploads into `contents`, if that is said, where a tenant has them.
    ///
    /// # Errors
    /// 422 `import_refused`; the disk refuses.
    pub(in crate::service::imports) fn unpack(
        &mut self,
        working: &Path,
        contents: Option<&Contents<'_>>,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<Unpacked> {
        let alone = working.join("incoming");
        make_directory(&alone)?;
        let mut unpacked = Unpacked {
            database: alone.join("data.db"),
            members: working.join("members.csv"),
            contents: HashMap::new(),
            uploads: (0, 0),
        };
        let count = self.zip.len();
        for index in 0..count {
            progress(index, count);
            let mut entry = self.zip.by_index(index).map_err(|error| unreadable(&error))?;
            let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
            if name == "manifest.json" {
                continue;
            }
            let (size, sha256) = self
                .listed
                .get(&name)
                .ok_or_else(|| import_refused(format!("its entry {name:?} is not in manifest.json")))?;
            let upload = name.strip_prefix("files/");
            let mut target = match (&*name, upload, contents) {
                ("data.db", ..) => Some(create(&unpacked.database)?),
                ("members.csv", ..) => Some(create(&unpacked.members)?),
                ("files.ndjson", ..) => Some(create(&working.join("files.ndjson"))?),
                (_, Some(path), Some(contents)) => {
                    let (file, new) = contents.create(path)?;
                    unpacked.contents.insert(name.clone(), new);
                    Some(file)
                }
                _ => None,
            };
            let read = copy(&mut entry, target.as_mut(), *size, &name)?;
            if read.sha256 != *sha256 {
                return Err(import_refused(format!("{name} is not as it was exported: its digest differs")));
            }
            if upload.is_some() {
                unpacked.uploads = (unpacked.uploads.0 + 1, unpacked.uploads.1 + read.size);
            }
            if let Some(new) = unpacked.contents.get_mut(&name) {
                (new.size, new.sha256, new.content_type) = (read.size, read.sha256, read.content_type);
                if let Some(file) = target {
                    file.sync_all()?;
                }
            }
        }
        for name in ["data.db", "members.csv", "files.ndjson"] {
            if !self.listed.contains_key(name) {
                return Err(import_refused(format!("it has no {name}")));
            }
        }
        if self.listed["members.csv"].0 > LARGEST_LIST {
            return Err(import_refused("members.csv is larger than such a list can be"));
        }
        Ok(unpacked)
    }
}

/// The uploads that files.ndjson names and the archive holds, and the names of those that it does not hold as they were.
pub(in crate::service::imports) fn uploads(
    working: &Path,
    unpacked: &Unpacked,
    of: &Archive,
) -> Result<(Vec<NewFile>, Vec<String>)> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    let list = File::open(working.join("files.ndjson"))?;
    each_line(list, "files.ndjson", LONGEST_NAME, &mut |line: NamedFile| {
        let entry = format!("files/{}", line.path);
        let is_whole = of.listed.get(&entry).is_some_and(|(_, sha256)| *sha256 == line.sha256);
        match unpacked.contents.get(&entry) {
            Some(new) if is_whole => found.push(new.clone()),
            None if is_whole => {}
            _ => missing.push(line.path),
        }
        Ok(())
    })?;
    Ok((found, missing))
}

fn make_directory(path: &Path) -> Result<()> {
    Ok(std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?)
}

fn create(path: &Path) -> Result<File> {
    Ok(File::options().write(true).create_new(true).mode(0o600).open(path)?)
}

struct Copied {
    size: u64,
    sha256: String,
    content_type: &'static str,
}

/// Unpacks one entry, which has `size` bytes and not one more.
fn copy(entry: &mut impl Read, mut target: Option<&mut File>, size: u64, name: &str) -> Result<Copied> {
    let (mut digest, mut head, mut read) = (Sha256::new(), Vec::new(), 0_u64);
    let mut buffer = vec![0; PIECE];
    loop {
        let count = entry.read(&mut buffer).map_err(|error| read_fault(name, error))?;
        let piece = buffer.get(..count).unwrap_or_default();
        read += count as u64;
        if read > size || (count == 0 && read < size) {
            return Err(import_refused(format!("{name} does not have the size that manifest.json says")));
        }
        if count == 0 {
            let content_type = media_type(&head, read == head.len() as u64);
            return Ok(Copied { size: read, sha256: hex(&digest.finalize()), content_type });
        }
        digest.update(piece);
        let wanted = LOOKED_AT.saturating_sub(head.len()).min(count);
        head.extend_from_slice(piece.get(..wanted).unwrap_or_default());
        if let Some(target) = target.as_mut() {
            target.write_all(piece)?;
        }
    }
}
