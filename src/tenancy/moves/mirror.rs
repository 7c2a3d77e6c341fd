//! Making one file the same as another, of which most of it is known already: only pages that differ are written.

use crate::error::{Error, Result};
use crate::model::hex::hex;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// Bytes that are compared at once.
const PIECE: usize = 256 << 10;

/// Makes `copy` what `source` is, brings it to the disk and reads it again: the digest of both, in hex. Nobody else has either.
/// Blocks.
///
/// # Errors
/// The disk refuses, or the copy is not what was copied.
pub(super) fn mirror(source: &Path, copy: &Path) -> Result<String> {
    let no_link = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let from = File::options().read(true).custom_flags(no_link).open(source)?;
    let to = File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(copy)?;
    let (mut one, mut other) = (vec![0; PIECE], vec![0; PIECE]);
    let (mut digest, mut at) = (Sha256::new(), 0_u64);
    loop {
        let count = read_full(&from, &mut one, at)?;
        let piece = one.get(..count).unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        digest.update(piece);
        let there = read_full(&to, other.get_mut(..count).unwrap_or_default(), at)?;
        if other.get(..there) != Some(piece) {
            to.write_all_at(piece, at)?;
        }
        at += count as u64;
    }
    to.set_len(at)?;
    to.sync_all()?;
    let expected = hex(&digest.finalize());
    drop((from, to));
    if digest_of(copy)? == expected { Ok(expected) } else { Err(differs(copy)) }
}

/// The digest of a file, in hex. Blocks.
///
/// # Errors
/// The disk refuses.
pub(super) fn digest_of(path: &Path) -> Result<String> {
    let (mut file, mut digest, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(count) => digest.update(piece.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

pub(super) fn differs(copy: &Path) -> Error {
    Error::internal(format!("{} is not what was copied", copy.display()))
}

/// Fills as much as there is.
fn read_full(file: &File, into: &mut [u8], at: u64) -> Result<usize> {
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, at + filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_copy_was_it_is_the_source_afterwards() {
        let place = tempfile::TempDir::new().unwrap();
        let (source, copy) = (place.path().join("source"), place.path().join("copy"));
        let whole: Vec<u8> = (0..3 * PIECE + 17).map(|at| u8::try_from(at % 251).unwrap()).collect();
        std::fs::write(&source, &whole).unwrap();
        let mut changed = whole.clone();
        changed[PIECE + 1] ^= 1;
        for before in
            [Vec::new(), whole.clone(), changed, whole[..PIECE].to_vec(), [&whole[..], b"more"].concat()]
        {
            std::fs::write(&copy, before).unwrap();
            assert_eq!(mirror(&source, &copy).unwrap(), digest_of(&source).unwrap());
            assert_eq!(std::fs::read(&copy).unwrap(), whole);
        }
        let link = place.path().join("link");
        std::os::unix::fs::symlink(&source, &link).unwrap();
        assert!(mirror(&link, &copy).is_err());
    }
}
