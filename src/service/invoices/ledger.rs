//! A ledger of numbers: a file of signed lines, which is only ever written at its end.

use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::model::issued::NumberLine;
use crate::model::signed::Signed;
use crate::service::Installation;
use crate::service::checkpoints::append;
use crate::tenancy::blocking;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// A line is no longer than that.
const LONGEST: u64 = 8 << 10;

/// What a ledger is made of.
pub(super) trait Line: NumberLine + Serialize + DeserializeOwned {}

impl<T: NumberLine + Serialize + DeserializeOwned> Line for T {}

/// The key that lines are checked with.
pub(super) fn public_key(installation: &Installation) -> String {
    hex(installation.keys.receipts().verifying_key().as_bytes())
}

/// Signs lines and writes them at the end.
pub(super) async fn write<T: Line>(installation: &Installation, path: PathBuf, lines: &[T]) -> Result<()> {
    let key = installation.keys.receipts();
    let lines = lines.iter().map(|line| Ok(serde_json::to_string(&Signed::sign(line, key)?)?));
    let lines: Vec<String> = lines.collect::<Result<_>>()?;
    blocking(move || append(&path, lines.iter().map(String::as_str))).await
}

fn read<T: Line>(line: &str, key: &str) -> Option<T> {
    serde_json::from_str::<Signed<T>>(line).ok()?.verify(Some(key)).ok()
}

/// The number of the last line that is one of ours and says that a number was issued; a crash may have cut the very last
/// one off, and lines may follow that say something else.
pub(super) fn last_number<T: Line>(path: &Path, key: &str) -> Result<i64> {
    let mut file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata()?.len();
    let mut looked_at = 4 * LONGEST;
    loop {
        file.seek(SeekFrom::Start(length.saturating_sub(looked_at)))?;
        let mut end = Vec::new();
        file.read_to_end(&mut end)?;
        let end = String::from_utf8_lossy(&end);
        let ours: Vec<T> = end.lines().rev().filter_map(|line| read(line, key)).collect();
        match ours.iter().find_map(T::issued) {
            Some(issued) => return Ok(issued),
            None if length == 0 => return Ok(0),
            // Others only: what was issued stands further up.
            None if !ours.is_empty() && looked_at < length => looked_at = looked_at.saturating_mul(4),
            None => {
                return Err(Error::internal(format!(
                    "{} ends with nothing that this installation signed: put its keys back, or move that file away",
                    path.display()
                )));
            }
        }
    }
}

/// All lines that are ours, in their order.
pub(super) fn each_line<T: Line>(path: &Path, key: &str, mut act: impl FnMut(T)) -> Result<()> {
    let file = match std::fs::File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    for line in BufReader::new(file).split(b'\n') {
        if let Some(line) = read(&String::from_utf8_lossy(&line?), key) {
            act(line);
        }
    }
    Ok(())
}
