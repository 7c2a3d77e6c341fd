//! SQLite's C interface where rusqlite has no safe wrapper. The only file with `unsafe`.

use rusqlite::{Connection, ffi};

/// Whether this transaction holds foreign keys that are violated now and would fail the COMMIT.
///
/// `SQLITE_DBSTATUS_DEFERRED_FKS` is zero if and only if all constraints, immediate and deferred, are resolved.
pub(super) fn has_deferred_violations(connection: &Connection) -> bool {
    let (mut current, mut highest) = (0, 0);
    // SAFETY: the handle is valid for the life of `connection`, which is borrowed for this call; the two
    // out-pointers are to live integers of the right type.
    let code = unsafe {
        ffi::sqlite3_db_status(
            connection.handle(),
            ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
            &raw mut current,
            &raw mut highest,
            0,
        )
    };
    code == ffi::SQLITE_OK && current != 0
}
