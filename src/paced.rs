//! Long files, written beside what others wait for.
//!
//! What is written without a sync lies with the system in one heap, and whoever has a few bytes synced meanwhile waits behind all
//! of it. So such a file is on the disk piece by piece, and the disk is free for as long after each piece as that took.

use crate::clock::monotonic;
use std::fs::File;
use std::io::{Result, Write};
use std::time::Duration;

/// Bytes that lie with the system at once.
const PIECE: u64 = 1 << 20;
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
}
