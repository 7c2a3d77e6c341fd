//! The zip file of an import. It comes from anywhere: nothing that it says is believed before it was counted.

use super::lines::{FlatRow, NamedFile, each_line, read_fault};
use crate::error::{Error, Result};
use crate::id::ContentId;
use crate::model::FilePath;
use crate::model::hex::hex;
use crate::model::media_type::{LOOKED_AT, media_type};
use crate::service::exports::file_name_of;
use crate::tenancy::import_refused;
use crate::tenancy::tx::files::NewFile;
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use zip::{CompressionMethod, ZipArchive};

/// Entries of one file.
const MOST_ENTRIES: u64 = 100_000;
/// Bytes of manifest.json.
const LARGEST_MANIFEST: u64 = 16 << 20;
/// Bytes of members.csv.
const LARGEST_LIST: u64 = 64 << 20;
/// Bytes of one row of a search index.
const LONGEST_ROW: u64 = 64 << 20;
/// Bytes of one line of files.ndjson.
const LONGEST_NAME: u64 = 64 << 10;
/// All entries together may have so many times the largest zip file that is taken in.
const MOST_UNPACKED: u64 = 10;
/// And one of them so many times its own size in the zip file, beyond a megabyte.
const MOST_RATIO: u64 = 250;
const SMALL: u64 = 1 << 20;
/// Bytes of one read.
const PIECE: usize = 256 << 10;

/// Files that an export has, beside those of tables and uploads.
const KNOWN: [&str; 8] = [
    "manifest.json",
    "data.db",
    "usage_events.ndjson",
    "members.csv",
    "invoices.ndjson",
    "audit.ndjson",
    "audit-checkpoints.ndjson",
    "files.ndjson",
];

/// What manifest.json says.
#[derive(Deserialize)]
pub(super) struct Manifest {
    format: String,
    #[serde(default)]
    pub(super) version: String,
    #[serde(default)]
    pub(super) installation: String,
    #[serde(default)]
    pub(super) tenant: ManifestTenant,
    #[serde(default)]
    pub(super) exported_at: String,
    #[serde(default)]
    records: BTreeMap<String, u64>,
    files: Vec<ManifestFile>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ManifestTenant {
    pub(super) id: String,
    pub(super) slug: String,
    pub(super) name: String,
}

#[derive(Deserialize)]
struct ManifestFile {
    path: String,
    size_bytes: u64,
    sha256: String,
}

/// A zip file whose list of entries is in order.
pub(super) struct Archive {
    zip: ZipArchive<File>,
    pub(super) manifest: Manifest,
    /// Size and digest by name, as the manifest has them.
    listed: HashMap<String, (u64, String)>,
}

/// What was unpacked.
pub(super) struct Unpacked {
    /// The database, alone in its directory.
    pub(super) database: PathBuf,
    pub(super) members: PathBuf,
    /// What is among the uploads, by their names in the zip file.
    contents: HashMap<String, NewFile>,
    /// Uploads: how many, and how many bytes.
    pub(super) uploads: (u64, u64),
}

fn unreadable(error: &zip::result::ZipError) -> Error {
    import_refused(format!("the zip file cannot be read: {error}"))
}

impl Archive {
    /// Opens it and looks at the list of its entries, of which `most_bytes` may be in the zip file.
    ///
    /// # Errors
    /// 422 `import_refused` that says what is wrong.
    pub(super) fn open(path: &Path, most_bytes: u64) -> Result<Archive> {
        let mut file = File::open(path)?;
        let count = count_entries(&mut file)?;
        let mut zip = ZipArchive::new(file).map_err(|error| unreadable(&error))?;
        if zip.len() as u64 != count {
            return Err(import_refused("two of its entries have one name"));
        }
        let mut unpacked = 0_u64;
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|error| unreadable(&error))?;
            let name = std::str::from_utf8(entry.name_raw())
                .map_err(|_| import_refused("the name of an entry is no UTF-8"))?
                .to_owned();
            let refuse = |why: &str| Err(import_refused(format!("its entry {name:?} {why}")));
            if !is_known(&name) {
                return refuse("is none that an export has");
            }
            let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
            if entry.is_dir() || entry.is_symlink() || ![0, 0o100_000].contains(&kind) {
                return refuse("is a link, a directory or a device");
            }
            if entry.encrypted() {
                return refuse("is encrypted");
            }
            if !matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated) {
                return refuse("is compressed in another way than exports are");
            }
            let (size, packed) = (entry.size(), entry.compressed_size());
            unpacked = unpacked.saturating_add(size);
            if size > SMALL && size / MOST_RATIO > packed {
                return refuse("says to hold far more than its bytes can");
            }
            if unpacked > most_bytes.saturating_mul(MOST_UNPACKED) {
                return Err(import_refused("what is in it is larger than is taken in here"));
            }
        }
        let mut text = Vec::new();
        zip.by_name("manifest.json")
            .map_err(|_| import_refused("it has no manifest.json: it is no export of Tenantry"))?
            .take(LARGEST_MANIFEST)
            .read_to_end(&mut text)
            .map_err(|error| read_fault("manifest.json", error))?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| import_refused(format!("manifest.json is none of an export: {error}")))?;
        if manifest.format != "tenantry.export.v1" {
            return Err(import_refused("its manifest is of another format than tenantry.export.v1"));
        }
        let listed: HashMap<String, (u64, String)> = manifest
            .files
            .iter()
            .map(|file| (file.path.clone(), (file.size_bytes, file.sha256.clone())))
            .collect();
        if listed.len() as u64 + 1 != count || listed.len() != manifest.files.len() {
            return Err(import_refused("its entries are not those that manifest.json lists"));
        }
        Ok(Archive { zip, manifest, listed })
    }

    /// How many rows the manifest promises.
    pub(super) fn rows_promised(&self) -> u64 {
        self.manifest.records.values().fold(0, |sum, rows| sum.saturating_add(*rows))
    }

    /// How many bytes all entries have, as the manifest says.
    pub(super) fn unpacked_bytes(&self) -> u64 {
        self.listed.values().fold(0, |sum, (size, _)| sum.saturating_add(*size))
    }

    /// Uploads of more bytes than that: their names, and how many each has.
    pub(super) fn uploads_beyond(&self, most: u64) -> impl Iterator<Item = (&str, u64)> {
        let uploads =
            self.listed.iter().filter_map(|(name, (size, _))| Some((name.strip_prefix("files/")?, *size)));
        uploads.filter(move |(_, size)| *size > most)
    }

    /// Holds every entry against the manifest, byte by byte, and writes what is needed below `working`: the contents of
    /// uploads into `contents`, if that is said, where a tenant has them.
    ///
    /// # Errors
    /// 422 `import_refused`; the disk refuses.
    pub(super) fn unpack(
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

    /// Hands each line of the file of a table to `act`; false where it has none.
    ///
    /// # Errors
    /// 422 `import_refused`; what `act` returns.
    pub(super) fn rows_of(
        &mut self,
        table: &str,
        act: &mut dyn FnMut(Map<String, Value>) -> Result<()>,
    ) -> Result<bool> {
        let name = format!("tables/{}.ndjson", file_name_of(table));
        if !self.listed.contains_key(&name) {
            return Ok(false);
        }
        let entry = self.zip.by_name(&name).map_err(|error| unreadable(&error))?;
        each_line(entry, &name, LONGEST_ROW, &mut |row: FlatRow| act(row.0))?;
        Ok(true)
    }
}

/// The uploads that files.ndjson names and the archive holds, and the names of those that it does not hold as they were.
pub(super) fn uploads(
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

/// Where contents of uploads are written.
pub(super) struct Contents<'c> {
    /// The directory of the tenant to be.
    pub(super) directory: &'c Path,
    /// Who imports.
    pub(super) by: String,
    pub(super) now: crate::clock::Timestamp,
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

/// Whether exports have entries of that name. No other is looked at, so none leads anywhere.
fn is_known(name: &str) -> bool {
    let is_table = |name: &str| {
        let base = name.strip_suffix(".ndjson").or_else(|| name.strip_suffix(".csv"));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_%".contains(&byte);
        base.is_some_and(|base| !base.is_empty() && base.bytes().all(is_plain))
    };
    KNOWN.contains(&name)
        || name.strip_prefix("tables/").is_some_and(is_table)
        || name.strip_prefix("files/").is_some_and(|path| FilePath::parse(path).is_ok())
}

/// How many entries the end of the file says that it has. A list of millions is not even read.
fn count_entries(file: &mut File) -> Result<u64> {
    let cut = || import_refused("it is no zip file, or is cut off");
    let length = file.metadata()?.len();
    let mut end = [0_u8; 22];
    let mut read_at = |at: u64, bytes: &mut [u8]| -> Result<()> {
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes).map_err(|_| cut())
    };
    let at = length.checked_sub(22).ok_or_else(cut)?;
    read_at(at, &mut end)?;
    // An export has no comment there.
    if !end.starts_with(b"PK\x05\x06") || end[20..22] != [0, 0] {
        return Err(cut());
    }
    let mut count = u64::from(u16::from_le_bytes([end[10], end[11]]));
    let mut locator = [0_u8; 20];
    if let Some(before) = at.checked_sub(20) {
        read_at(before, &mut locator)?;
        if locator.starts_with(b"PK\x06\x07") {
            let place = locator[8..16].try_into().map_or(0, u64::from_le_bytes);
            let mut end64 = [0_u8; 56];
            read_at(place, &mut end64)?;
            if !end64.starts_with(b"PK\x06\x06") {
                return Err(cut());
            }
            count = end64[32..40].try_into().map_or(u64::MAX, u64::from_le_bytes);
        }
    }
    if count > MOST_ENTRIES {
        return Err(import_refused(format!("it has {count} entries, of {MOST_ENTRIES} at most")));
    }
    Ok(count)
}
