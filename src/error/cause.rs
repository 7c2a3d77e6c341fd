//! Causes from outside as errors of ours: a system that is short of space is nobody's fault.

use super::Error;

/// Whether a cause, or what caused it, is an operating system without space, quota or descriptors.
pub(super) fn is_short_of_storage(cause: &(dyn std::error::Error + 'static)) -> bool {
    use rustix::io::Errno;
    let short = |error: &std::io::Error| {
        Errno::from_io_error(error)
            .is_some_and(|errno| [Errno::NOSPC, Errno::DQUOT, Errno::MFILE, Errno::NFILE].contains(&errno))
    };
    std::iter::successors(Some(cause), |cause| cause.source())
        .any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(short))
}

impl From<std::io::Error> for Error {
    fn from(cause: std::io::Error) -> Error {
        Error::internal(cause)
    }
}

impl From<csv::Error> for Error {
    fn from(cause: csv::Error) -> Error {
        // It does not tell its source.
        let text = cause.to_string();
        match cause.into_kind() {
            csv::ErrorKind::Io(cause) => Error::internal(cause),
            _ => Error::internal(text),
        }
    }
}

impl From<serde_json::Error> for Error {
    fn from(cause: serde_json::Error) -> Error {
        if cause.is_io() { Error::internal(std::io::Error::from(cause)) } else { Error::internal(cause) }
    }
}

#[cfg(test)]
mod tests {
    use crate::error::{Error, Kind};
    use std::io;

    #[test]
    fn a_disk_without_space_is_503_wherever_it_stands_among_the_causes() {
        let full = || io::Error::from_raw_os_error(28);
        let told = |error: Error| (error.kind(), error.code().to_owned(), error.retry_after_s());
        let expected = (Kind::Unavailable, "storage_unavailable".to_owned(), Some(10));
        assert_eq!(told(Error::from(full())), expected);
        assert_eq!(told(Error::from(csv::Error::from(full()))), expected);
        assert_eq!(told(Error::from(serde_json::Error::io(full()))), expected);
        assert_eq!(Error::from(io::Error::from_raw_os_error(13)).kind(), Kind::Internal);
        assert_eq!(Error::internal("no space").kind(), Kind::Internal);
    }
}
