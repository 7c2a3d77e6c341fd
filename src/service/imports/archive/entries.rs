//! Which entries the zip file of an import may have, and how many.

use crate::error::Result;
use crate::model::FilePath;
use crate::tenancy::import_refused;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// Entries of one file.
const MOST_ENTRIES: u64 = 100_000;

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

/// Whether exports have entries of that name. No other is looked at, so none leads anywhere.
pub(super) fn is_known(name: &str) -> bool {
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
pub(super) fn count_entries(file: &mut File) -> Result<u64> {
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
