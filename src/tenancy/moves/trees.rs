//! What a tenant has beside its database: uploads, and copies made before migrations. Each file is copied once, and again if
//! it was written since.

use super::mirror::{differs, digest_of};
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::tenancy::layout::{make_directory, sync};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Beginnings of the names of what is copied in another way, or is not to be copied.
const NOT_THESE: [&str; 2] = ["data.db", "swap.db"];
const PIECE: usize = 256 << 10;

/// When a file was written last, and how long it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    size: u64,
    written: (i64, i64),
}

impl Seen {
    fn of(metadata: &std::fs::Metadata) -> Seen {
        Seen { size: metadata.len(), written: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

/// Files by their paths below a tenant's directory.
#[derive(Debug, Default)]
pub(super) struct Tree(BTreeMap<PathBuf, Seen>);

impl Tree {
    /// What is there now. Blocks.
    ///
    /// # Errors
    /// 409 `odd_file` for what is neither file nor directory; the disk refuses.
    pub(super) fn of(directory: &Path) -> Result<Tree> {
        let mut tree = Tree::default();
        tree.walk(directory, Path::new(""))?;
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, below: &Path) -> Result<()> {
        let entries = match std::fs::read_dir(root.join(below)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound && below.parent().is_some() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_other = |beginning: &&str| name.to_string_lossy().starts_with(*beginning);
            if below.parent().is_none() && NOT_THESE.iter().any(is_other) {
                continue;
            }
            let path = below.join(&name);
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            if metadata.is_dir() {
                self.walk(root, &path)?;
            } else if metadata.is_file() {
                self.0.insert(path, Seen::of(&metadata));
            } else {
                return Err(Error::conflict(
                    "odd_file",
                    format!(
                        "{} is neither a file nor a directory, and is not copied.",
                        root.join(path).display()
                    ),
                ));
            }
        }
        Ok(())
    }

    pub(super) fn count(&self) -> u64 {
        self.0.len() as u64
    }

    pub(super) fn bytes(&self) -> u64 {
        self.0.values().map(|seen| seen.size).sum()
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.0.keys().cloned().collect()
    }

    /// Copies one file, unless that was done and it is as it was; how many bytes. One that is gone is let pass. Blocks.
    ///
    /// # Errors
    /// The disk refuses, or the copy is not what was copied.
    pub(super) fn copy(&mut self, from: &Path, to: &Path, path: &Path) -> Result<u64> {
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let source = match File::options().read(true).custom_flags(no_link).open(from.join(path)) {
            Ok(source) => source,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let seen = Seen::of(&source.metadata()?);
        if self.0.get(path) == Some(&seen) {
            return Ok(0);
        }
        let target = to.join(path);
        target.parent().map_or(Ok(()), make_directory)?;
        let copied = copy(source, &target)?;
        if digest_of(&target)? != copied {
            return Err(differs(&target));
        }
        self.0.insert(path.to_path_buf(), seen);
        Ok(seen.size)
    }

    /// Removes copies of what is not there any more. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn remove_others(&mut self, to: &Path, found: &Tree) -> Result<()> {
        let others = self.0.keys().filter(|path| !found.0.contains_key(*path)).cloned();
        for path in others.collect::<Vec<_>>() {
            match std::fs::remove_file(to.join(&path)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
                _ => drop(self.0.remove(&path)),
            }
        }
        Ok(())
    }

    /// Makes sure that the names survive a power cut as well. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub(super) fn sync_directories(&self, to: &Path) -> Result<()> {
        let parents = |path: &PathBuf| path.ancestors().skip(1).map(Path::to_path_buf).collect::<Vec<_>>();
        let all: BTreeSet<PathBuf> = self.0.keys().flat_map(parents).collect();
        // The innermost first.
        all.iter().rev().try_for_each(|directory| sync(&to.join(directory)))?;
        sync(to)
    }
}

/// Copies, and brings it to the disk: the digest of what was read, in hex.
fn copy(mut source: File, target: &Path) -> Result<String> {
    let mut out = File::options().write(true).create(true).truncate(true).mode(0o600).open(target)?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; PIECE]);
    loop {
        match source.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => {
                let read = piece.get(..count).unwrap_or_default();
                digest.update(read);
                out.write_all(read)?;
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    out.sync_all()?;
    Ok(hex(&digest.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copied(tree: &mut Tree, from: &Path, to: &Path) -> Result<u64> {
        let found = Tree::of(from)?;
        let bytes = found.paths().iter().map(|path| tree.copy(from, to, path)).sum::<Result<u64>>()?;
        tree.remove_others(to, &found)?;
        tree.sync_directories(to)?;
        Ok(bytes)
    }

    #[test]
    fn only_what_was_written_since_is_copied_again_and_what_went_goes() {
        let place = tempfile::TempDir::new().unwrap();
        let (from, to) = (place.path().join("from"), place.path().join("to"));
        std::fs::create_dir_all(from.join("files/ab")).unwrap();
        std::fs::create_dir(&to).unwrap();
        for (path, text) in
            [("files/ab/one", "1"), ("files/ab/two", "22"), ("data.db", "x"), ("swap.db-wal", "x")]
        {
            std::fs::write(from.join(path), text).unwrap();
        }
        let mut tree = Tree::default();
        assert_eq!(copied(&mut tree, &from, &to).unwrap(), 3);
        assert_eq!(copied(&mut tree, &from, &to).unwrap(), 0);
        std::fs::write(from.join("files/ab/two"), "333").unwrap();
        std::fs::remove_file(from.join("files/ab/one")).unwrap();
        assert_eq!(copied(&mut tree, &from, &to).unwrap(), 3);
        assert_eq!(Tree::of(&to).unwrap().paths(), [PathBuf::from("files/ab/two")]);
        assert!(!to.join("data.db").exists() && !to.join("swap.db-wal").exists());
        std::os::unix::fs::symlink("/etc/passwd", from.join("files/ab/link")).unwrap();
        assert_eq!(Tree::of(&from).unwrap_err().code(), "odd_file");
    }
}
