//! SQLite's C interface where rusqlite has no safe wrapper, and calls of the system that have none. The only file with
//! `unsafe`.

use super::capture::Capture;
use super::value::ValueRef;
use rusqlite::{Connection, ffi};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

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

/// Has this thread run where a core would be idle otherwise, for the rest of its life: all others go before it. False where
/// the system refuses or knows nothing of the kind.
#[cfg(target_os = "linux")]
pub(super) fn run_on_idle_cores() -> bool {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: 0 is the calling thread; the pointer is to a live value of the right type, which is read before the return.
    unsafe { libc::sched_setscheduler(0, libc::SCHED_IDLE, &raw const parameters) == 0 }
}

/// The same where there is nothing of the kind.
#[cfg(not(target_os = "linux"))]
pub(super) fn run_on_idle_cores() -> bool {
    false
}

/// Small allocations that a connection keeps ready for itself: SQLite's default is 120 KB, which many open files pay for
/// although each of them runs a few cached statements. To be called before the connection is used.
pub(super) fn keep_few_allocations_ready(connection: &Connection) {
    let no_buffer: *mut c_void = std::ptr::null_mut();
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

/// Has SQLite count the memory that it takes, without which it knows no bound of it. Counting takes a lock of the whole
/// process at each allocation, so it is compiled to be off. To be called before anything else of SQLite is used.
pub(super) fn count_memory() {
    let on: c_int = 1;
    // SAFETY: SQLITE_CONFIG_MEMSTATUS takes one int. SQLite refuses the call where it is in use already.
    unsafe {
        ffi::sqlite3_config(ffi::SQLITE_CONFIG_MEMSTATUS, on);
    }
}

/// Bounds the arenas of glibc's malloc, of which SQLite takes its memory, to two for each core, four at least: with fewer, threads
/// wait for one another while a fleet is migrated. By default nearly every thread keeps one of its own, with room for all the files
/// that it once opened. To be called while there is one thread.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub fn bound_malloc_arenas() {
    let arenas = std::thread::available_parallelism().map_or(4, |cores| cores.get().saturating_mul(2).max(4));
    // SAFETY: two ints are taken by value. A refusal leaves the default in place, which costs memory only.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, c_int::try_from(arenas).unwrap_or(c_int::MAX));
    }
}

/// Other allocators have nothing of the kind.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn bound_malloc_arenas() {}

const SLOT_BYTES: c_int = 1_200;
const SLOTS: c_int = 16;

/// A row that a statement is about to change, as SQLite's pre-update hook tells it. Good for that call alone.
pub(super) struct RowEvent {
    connection: *mut ffi::sqlite3,
    /// `SQLITE_INSERT`, `SQLITE_UPDATE` or `SQLITE_DELETE`.
    pub(super) code: c_int,
    /// The rowid before; 0 in a table WITHOUT ROWID.
    pub(super) old_rowid: i64,
    /// The rowid after; 0 in a table WITHOUT ROWID.
    pub(super) new_rowid: i64,
}

impl RowEvent {
    /// How many triggers and foreign keys lie between the statement and this row.
    pub(super) fn depth(&self) -> u32 {
        // SAFETY: `connection` is the one that called the hook, which has not returned.
        let depth = unsafe { ffi::sqlite3_preupdate_depth(self.connection) };
        u32::try_from(depth).unwrap_or(0)
    }

    /// The value of a column before; `None` for an insert, and where SQLite does not tell.
    pub(super) fn old_value(&self, column: usize) -> Option<ValueRef<'_>> {
        let mut value = std::ptr::null_mut();
        let column = c_int::try_from(column).ok()?;
        // SAFETY: `connection` is the one that called the hook, which has not returned; `value` is a live pointer.
        let code = unsafe { ffi::sqlite3_preupdate_old(self.connection, column, &raw mut value) };
        // SAFETY: SQLite has just set `value` for the time of the hook.
        (code == ffi::SQLITE_OK && !value.is_null()).then(|| unsafe { read(value) })
    }

    /// The value of a column after; `None` for a delete, and where SQLite does not tell: virtual columns are one case.
    pub(super) fn new_value(&self, column: usize) -> Option<ValueRef<'_>> {
        let mut value = std::ptr::null_mut();
        let column = c_int::try_from(column).ok()?;
        // SAFETY: as in `old`.
        let code = unsafe { ffi::sqlite3_preupdate_new(self.connection, column, &raw mut value) };
        // SAFETY: as in `old`.
        (code == ffi::SQLITE_OK && !value.is_null()).then(|| unsafe { read(value) })
    }
}

/// Reads a value that lives as long as the hook's call, which is what the caller borrows it from.
unsafe fn read<'e>(value: *mut ffi::sqlite3_value) -> ValueRef<'e> {
    // SAFETY: `value` is a protected value of a hook that has not returned. The length is asked for after the text, so
    // that it is the length of that text; an empty one may come with a null pointer.
    unsafe {
        let bytes = |start: *const u8| {
            let length = usize::try_from(ffi::sqlite3_value_bytes(value)).unwrap_or(0);
            if start.is_null() || length == 0 { &[] } else { std::slice::from_raw_parts(start, length) }
        };
        match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value)),
            ffi::SQLITE_TEXT => ValueRef::Text(bytes(ffi::sqlite3_value_text(value))),
            ffi::SQLITE_BLOB => ValueRef::Blob(bytes(ffi::sqlite3_value_blob(value).cast())),
            _ => ValueRef::Null,
        }
    }
}

/// Has `capture` told of every row that statements of this connection change. It lives as long as the connection.
///
/// # Errors
/// SQLite has no memory.
pub(super) fn capture_rows(connection: &Connection, capture: Arc<Capture>) -> rusqlite::Result<()> {
    let context = Arc::into_raw(capture).cast_mut().cast::<c_void>();
    // SAFETY: the handle is valid; SQLite owns `context` from here on and gives it back to `release` when the connection
    // is closed, or at once if it fails. The hook is set only after that, and runs on an open connection alone.
    unsafe {
        let code =
            ffi::sqlite3_set_clientdata(connection.handle(), c"capture".as_ptr(), context, Some(release));
        if code != ffi::SQLITE_OK {
            return Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        }
        ffi::sqlite3_preupdate_hook(connection.handle(), Some(row_changes), context);
    }
    Ok(())
}

unsafe extern "C" fn release(context: *mut c_void) {
    // SAFETY: made by `Arc::into_raw` in `capture_rows` and given back once.
    drop(unsafe { Arc::from_raw(context.cast::<Capture>()) });
}

unsafe extern "C" fn row_changes(
    context: *mut c_void,
    connection: *mut ffi::sqlite3,
    code: c_int,
    _database: *const c_char,
    table: *const c_char,
    old_rowid: i64,
    new_rowid: i64,
) {
    // SAFETY: `context` is the connection's own, see `capture_rows`; `table` is the name of a table, which ends in NUL.
    let (capture, table) = unsafe { (&*context.cast::<Capture>(), CStr::from_ptr(table)) };
    let event = RowEvent { connection, code, old_rowid, new_rowid };
    // A panic must not unwind into C. It leaves the lock of what is captured poisoned, which fails the write.
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| capture.row(table.to_bytes(), &event)));
}
