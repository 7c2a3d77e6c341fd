//! Long files, written and removed beside what others wait for.
//!
//! What is written without a sync lies with the system in one heap, and whoever has a few bytes synced meanwhile waits behind all
//! of it. So such a file is on the disk piece by piece, and the disk is free for as long after each piece as that took. The
//! same goes for what is given back to a disk that is told of it.

use crate::clock::monotonic;
use std::fs::File;
use std::io::{Result, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Bytes that lie with the system at once.
const PIECE: u64 = 1 << 20;
/// Bytes that are given back at once.
const GIVEN_BACK: u64 = 8 << 20;
/// The longest pause after a piece. One that takes as long waits for others as it is.
const LONGEST: Duration = Duration::from_millis(25);

/// A file that grows. Short ones are left to whoever syncs them in the end.
pub struct Paced {
    file: File,
    length: u64,
    synced: u64,
}

impl Paced {
    /// Paces what is written to this file, which is empty.
    pub fn new(file: File) -> Paced {
        Paced { file, length: 0, synced: 0 }
    }

    /// Has what somebody else wrote to the file reach the disk, where that is a piece or more. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn catch_up(&mut self) -> Result<()> {
        self.length = self.file.metadata()?.len();
        self.settle()
    }

    /// The file, all of which is on the disk to stay. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn finish(self) -> Result<File> {
        self.file.sync_all()?;
        Ok(self.file)
    }

    fn settle(&mut self) -> Result<()> {
        if self.length.saturating_sub(self.synced) < PIECE {
            return Ok(());
        }
        let begun = monotonic();
        self.file.sync_data()?;
        self.synced = self.length;
        std::thread::sleep(begun.elapsed().min(LONGEST));
        Ok(())
    }
}

impl Write for Paced {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let room = usize::try_from(PIECE - (self.length - self.synced).min(PIECE - 1)).unwrap_or(bytes.len());
        let written = self.file.write(bytes.get(..room).unwrap_or(bytes))?;
        self.length += written as u64;
        self.settle()?;
        Ok(written)
    }

    fn flush(&mut self) -> Result<()> {
        self.file.flush()
    }
}

/// A directory of working files that nobody else has open. Dropped, it is removed with all that is in it, on a thread where that may
/// take its time; its name is free at once. What cannot be removed stays.
#[derive(Debug)]
pub struct Working(PathBuf);

impl Working {
    /// The directory at this path, whether it is there by now or not.
    pub fn new(directory: PathBuf) -> Working {
        Working(directory)
    }

    /// The place of one file in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl AsRef<Path> for Working {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        static REMOVED: AtomicU64 = AtomicU64::new(0);
        let directory = std::mem::take(&mut self.0);
        let mut gone = directory.clone().into_os_string();
        gone.push(format!(".gone-{}", REMOVED.fetch_add(1, Relaxed)));
        let gone = PathBuf::from(gone);
        let gone = if std::fs::rename(&directory, &gone).is_ok() { gone } else { directory };
        let remove = move || {
            let _ = shorten_below(&gone);
            let _ = std::fs::remove_dir_all(&gone);
        };
        // Without a runtime it is a thread of that kind, or the end of the program.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

fn shorten_below(directory: &Path) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        // A link to a directory is none.
        if entry.file_type()?.is_dir() {
            shorten_below(&entry.path())?;
        } else {
            let _ = shorten(&entry.path());
        }
    }
    Ok(())
}

/// Takes all but the beginning from a file that has this name alone.
fn shorten(path: &Path) -> Result<()> {
    let found = path.symlink_metadata()?;
    if !found.is_file() || found.nlink() > 1 || found.len() <= GIVEN_BACK {
        return Ok(());
    }
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let file = File::options().write(true).custom_flags(no_link).open(path)?;
    for length in lengths(found.len()) {
        let begun = monotonic();
        file.set_len(length)?;
        std::thread::sleep(begun.elapsed().min(LONGEST));
    }
    Ok(())
}

/// How long a file is after each cut.
fn lengths(whole: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(whole), |length| {
        Some(length.saturating_sub(GIVEN_BACK)).filter(|left| *left > 0)
    })
    .skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paced(place: &tempfile::TempDir) -> Paced {
        Paced::new(File::create_new(place.path().join("long")).unwrap())
    }

    #[test]
    fn no_more_than_a_piece_is_ever_not_on_the_disk() {
        let place = tempfile::TempDir::new().unwrap();
        let mut file = paced(&place);
        let bytes: Vec<u8> = (0..3 * PIECE + 7).map(|at| (at % 251) as u8).collect();
        for part in bytes.chunks(700_001) {
            let mut left = part;
            while !left.is_empty() {
                let written = file.write(left).unwrap();
                assert!(written > 0 && file.length - file.synced < PIECE);
                left = &left[written..];
            }
        }
        drop(file.finish().unwrap());
        assert!(std::fs::read(place.path().join("long")).unwrap() == bytes);
    }

    #[test]
    fn what_somebody_else_writes_is_caught_up_with() {
        let place = tempfile::TempDir::new().unwrap();
        let mut file = paced(&place);
        let grown =
            |length| File::options().write(true).open(place.path().join("long")).unwrap().set_len(length);
        for (length, synced) in [(PIECE - 1, 0), (2 * PIECE, 2 * PIECE), (2 * PIECE + 9, 2 * PIECE)] {
            grown(length).unwrap();
            file.catch_up().unwrap();
            assert_eq!(file.synced, synced);
        }
    }

    #[test]
    fn what_is_removed_is_gone_and_what_has_another_name_stays_whole() {
        let place = tempfile::TempDir::new().unwrap();
        let at = |name: &str| place.path().join(name);
        let long = |name: &str| File::create_new(at(name)).unwrap().set_len(3 * GIVEN_BACK + 5).unwrap();
        std::fs::create_dir_all(at("one/two")).unwrap();
        ["one/named", "one/two/deep", "linked"].into_iter().for_each(long);
        std::fs::hard_link(at("one/named"), at("name")).unwrap();
        std::os::unix::fs::symlink(at("linked"), at("one/link")).unwrap();
        drop(Working::new(at("one")));
        assert!(!at("one").exists());
        let length = |name: &str| std::fs::metadata(at(name)).unwrap().len();
        assert_eq!([length("name"), length("linked")], [3 * GIVEN_BACK + 5; 2]);
        shorten(&at("name")).unwrap();
        assert_eq!(length("name"), 5);
        let lengths: Vec<u64> = lengths(3 * GIVEN_BACK + 5).collect();
        assert_eq!(lengths, [2 * GIVEN_BACK + 5, GIVEN_BACK + 5, 5]);
        let left: Vec<_> =
            std::fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.len() == 2, "{left:?}");
    }
}
