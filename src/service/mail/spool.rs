//! The files of letters: `.eml` stays for a while, `.queued` waits for the mail server, `.undelivered` was given up.

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::TenantId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// What stands in the name of a letter that is about no tenant.
pub(super) const ACCOUNT: &str = "account";
pub(super) const KEPT: &str = "eml";
const QUEUED: &str = "queued";
pub(super) const UNDELIVERED: &str = "undelivered";

/// The directory. Names are without their ending.
#[derive(Clone)]
pub(super) struct Spool(PathBuf);

/// The first line of a queued letter.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Head {
    /// The address.
    pub(super) to: String,
    /// The tenant that it is about.
    pub(super) about: Option<TenantId>,
}

impl Spool {
    pub(super) fn new(directory: PathBuf) -> Spool {
        Spool(directory)
    }

    fn path(&self, name: &str, ending: &str) -> PathBuf {
        self.0.join(format!("{name}.{ending}"))
    }

    /// Writes a letter that stays. On disk when this returns. False where it was there already.
    pub(super) fn keep(&self, name: &str, message: &[u8]) -> Result<bool> {
        self.write(&self.path(name, KEPT), &[message])
    }

    /// Writes a letter that is to be sent. On disk when this returns. False where it was there already.
    pub(super) fn queue(&self, name: &str, head: &Head, message: &[u8]) -> Result<bool> {
        let mut line = serde_json::to_vec(head)?;
        line.push(b'\n');
        self.write(&self.path(name, QUEUED), &[&line, message])
    }

    fn write(&self, path: &Path, parts: &[&[u8]]) -> Result<bool> {
        let mut file = match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            opened => opened?,
        };
        let written = parts.iter().try_for_each(|part| file.write_all(part)).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a letter is none.
            let _ = std::fs::remove_file(path);
            return Err(error.into());
        }
        self.sync()?;
        Ok(true)
    }

    fn sync(&self) -> Result<()> {
        Ok(File::open(&self.0)?.sync_all()?)
    }

    /// A queued letter; nothing where an erasure was quicker.
    pub(super) fn read(&self, name: &str) -> Result<Option<(Head, Vec<u8>)>> {
        let mut bytes = match std::fs::read(self.path(name, QUEUED)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(|| Error::internal("no head"))?;
        let message = bytes.split_off(end + 1);
        Ok(Some((serde_json::from_slice(&bytes)?, message)))
    }

    /// The message of a letter that stays or was given up; nothing where there is none.
    pub(super) fn message(&self, name: &str, ending: &str) -> Result<Option<Vec<u8>>> {
        let mut bytes = match std::fs::read(self.path(name, ending)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if ending == UNDELIVERED
            && let Some(end) = bytes.iter().position(|byte| *byte == b'\n')
        {
            // Its head, from when it was queued.
            bytes.drain(..=end);
        }
        Ok(Some(bytes))
    }

    /// Removes a queued letter: it was taken.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        gone_is_fine(std::fs::remove_file(self.path(name, QUEUED)))?;
        self.sync()
    }

    /// Puts a queued letter aside.
    pub(super) fn give_up(&self, name: &str) -> Result<()> {
        gone_is_fine(std::fs::rename(self.path(name, QUEUED), self.path(name, UNDELIVERED)))?;
        self.sync()
    }

    /// Names of all queued letters, oldest first.
    pub(super) fn waiting(&self) -> Result<Vec<String>> {
        self.names(QUEUED)
    }

    /// Names of letters that were given up, oldest first.
    pub(super) fn given_up(&self) -> Result<Vec<String>> {
        self.names(UNDELIVERED)
    }

    /// Removes letters that were given up and are older than `before`.
    pub(super) fn remove_undelivered(&self, before: Timestamp) -> Result<()> {
        for name in self.names(UNDELIVERED)? {
            if written_at(&name).is_some_and(|at| at < before) {
                gone_is_fine(std::fs::remove_file(self.path(&name, UNDELIVERED)))?;
            }
        }
        Ok(())
    }

    /// Removes letters that stay and are older than `before`, and the oldest where there are more than `most`. No more
    /// names than that are in memory. Returns how many.
    pub(super) fn remove_kept(&self, before: Timestamp, most: usize) -> Result<u64> {
        let mut newest: BinaryHeap<Reverse<String>> = BinaryHeap::new();
        let mut removed = 0;
        let mut remove = |name: &str| {
            removed += 1;
            gone_is_fine(std::fs::remove_file(self.path(name, KEPT)))
        };
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?.file_name();
            let Some(name) = name_of(&entry, KEPT) else { continue };
            // One whose name is none of ours is nobody's to remove.
            let Some(at) = written_at(name) else { continue };
            if at < before {
                remove(name)?;
                continue;
            }
            newest.push(Reverse(name.to_owned()));
            if newest.len() > most
                && let Some(Reverse(oldest)) = newest.pop()
            {
                remove(&oldest)?;
            }
        }
        Ok(removed)
    }

    /// The newest `most` names before `before`, newest first, each with its ending, one of `endings`. However many letters
    /// there are, no more names than that are in memory.
    pub(super) fn newest<'e>(
        &self,
        endings: &[&'e str],
        before: Option<&str>,
        most: usize,
    ) -> Result<Vec<(String, &'e str)>> {
        let mut found: BinaryHeap<Reverse<(String, &'e str)>> = BinaryHeap::new();
        for entry in std::fs::read_dir(&self.0)? {
            let entry = entry?.file_name();
            let named = endings.iter().find_map(|ending| Some((name_of(&entry, ending)?, *ending)));
            let Some((name, ending)) = named else { continue };
            if before.is_none_or(|before| name < before) {
                found.push(Reverse((name.to_owned(), ending)));
                if found.len() > most {
                    found.pop();
                }
            }
        }
        Ok(found.into_sorted_vec().into_iter().map(|Reverse(one)| one).collect())
    }

    fn names(&self, ending: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.0)? {
            names.extend(name_of(&entry?.file_name(), ending).map(str::to_owned));
        }
        names.sort();
        Ok(names)
    }
}

/// The name of a letter whose file has that ending.
fn name_of<'f>(file: &'f OsStr, ending: &str) -> Option<&'f str> {
    file.to_str()?.strip_suffix(ending)?.strip_suffix('.')
}

/// Whose letter it is: the tenant that it is about, or [`ACCOUNT`].
pub(super) fn sender_of(name: &str) -> &str {
    let rest = name.split_once('-').map_or("", |(_, rest)| rest);
    if rest.starts_with(ACCOUNT) { ACCOUNT } else { rest.get(..36).unwrap_or(ACCOUNT) }
}

/// When a letter was written; its name begins with that.
pub(super) fn written_at(name: &str) -> Option<Timestamp> {
    name.split('-').next()?.parse().ok().map(Timestamp)
}

fn gone_is_fine(result: std::io::Result<()>) -> std::io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_waits_is_read_and_goes_or_is_put_aside_until_it_is_old() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(directory.path().to_path_buf());
        let head = Head { to: "ann@example.com".to_owned(), about: None };
        for name in ["0000000000002-account-b", "0000000000001-account-a"] {
            spool.queue(name, &head, b"Subject: x\r\n\r\nfirst\nsecond").unwrap();
        }
        spool.keep("0000000000003-account-c", b"stays").unwrap();
        let waiting = spool.waiting().unwrap();
        assert_eq!(waiting, ["0000000000001-account-a", "0000000000002-account-b"]);
        let (head, message) = spool.read(&waiting[0]).unwrap().unwrap();
        assert_eq!(
            (head.to.as_str(), &message[..]),
            ("ann@example.com", &b"Subject: x\r\n\r\nfirst\nsecond"[..])
        );
        spool.remove(&waiting[0]).unwrap();
        spool.remove(&waiting[0]).unwrap();
        assert!(spool.read(&waiting[0]).unwrap().is_none());
        spool.give_up(&waiting[1]).unwrap();
        assert!(spool.waiting().unwrap().is_empty());
        let files = || std::fs::read_dir(directory.path()).unwrap().count();
        spool.remove_undelivered(Timestamp(2)).unwrap();
        assert_eq!(files(), 2);
        spool.remove_undelivered(Timestamp(3)).unwrap();
        assert_eq!(files(), 1);
    }

    #[test]
    fn letters_that_stay_go_by_age_and_by_number_and_a_page_is_the_newest_of_them() {
        let directory = tempfile::tempdir().unwrap();
        let spool = Spool::new(directory.path().to_path_buf());
        let name = |number: i64| format!("{number:013}-account-x");
        for number in [4, 1, 9, 3, 7] {
            spool.keep(&name(number), b"stays").unwrap();
        }
        let head = Head { to: "ann@example.com".to_owned(), about: None };
        spool.queue(&name(5), &head, b"waits").unwrap();
        spool.queue(&name(8), &head, b"was given up").unwrap();
        spool.give_up(&name(8)).unwrap();
        std::fs::write(directory.path().join("notes.eml"), "of somebody else").unwrap();
        let page = |before: Option<&str>, most| {
            let found = spool.newest(&[KEPT, UNDELIVERED], before, most).unwrap();
            found.into_iter().map(|(name, ending)| format!("{name}.{ending}")).collect::<Vec<_>>()
        };
        let file = |number: i64, ending: &str| format!("{}.{ending}", name(number));
        assert_eq!(page(Some(&name(100)), 3), [file(9, KEPT), file(8, UNDELIVERED), file(7, KEPT)]);
        assert_eq!(page(Some(&name(7)), 3), [file(4, KEPT), file(3, KEPT), file(1, KEPT)]);
        assert_eq!(page(None, 1), ["notes.eml"]);
        assert_eq!(spool.remove_kept(Timestamp(3), 3).unwrap(), 2, "one that is old, one that is too many");
        let left = spool.names(KEPT).unwrap();
        assert_eq!(left, [name(4), name(7), name(9), "notes".to_owned()]);
        assert_eq!((spool.waiting().unwrap().len(), spool.names(UNDELIVERED).unwrap().len()), (1, 1));
    }
}
