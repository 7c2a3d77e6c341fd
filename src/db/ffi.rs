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

/// Small allocations that a connection keeps ready for itself: SQLite's default is 120 KB, which many open files pay for
/// although each of them runs a few cached statements. To be called before the connection is used.
pub(super) fn keep_few_allocations_ready(connection: &Connection) {
    let no_buffer: *mut std::ffi::c_void = std::ptr::null_mut();
    // SAFETY: the handle is valid for the life of `connection`; SQLITE_DBCONFIG_LOOKASIDE takes a buffer, which may be
    // null to let SQLite allocate it, and two ints. A refusal leaves the default in place, which costs memory only.
    unsafe {
        ffi::sqlite3_db_config(
            connection.handle(),
            ffi::SQLITE_DBCONFIG_LOOKASIDE,
            no_buffer,
            SLOT_BYTES,
            SLOTS,
        );
    }
}

const SLOT_BYTES: std::ffi::c_int = 1_200;
const SLOTS: std::ffi::c_int = 16;
