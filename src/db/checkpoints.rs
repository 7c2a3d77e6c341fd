//! Moving what was written out of the write-ahead log and into the file, so that nobody who writes waits for much of it.
//!
//! The writer moves a short log itself, after it has answered: left to SQLite, that would happen within a COMMIT. A log
//! grows long while somebody reads for long, a backup above all, for nothing behind that read can be moved. What is left
//! then is moved on a thread that gives way, and the file of the log is cut shorter by a little at a time. To move all of a
//! log is what SQLite calls a checkpoint.

mod turns;

use super::constraint::DbError;
use super::copy::disk;
use super::open::{Connected, Manager, Role};
use super::reader_threads::ReaderThreads;
use super::tx::Tx;
use crate::clock::{Timestamp, monotonic};
use r2d2::ManageConnection;
use rusqlite::{Connection, ErrorCode};
use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use turns::{Moved, Next, State, Turn};

/// Bytes of the log's file that are kept for what comes.
pub(super) const KEPT: u64 = 16 << 20;
/// Bytes that are cut off at once, each time the log begins anew. It is the next write that waits for that.
const CUT: u64 = 4 << 20;

thread_local!(static PAGES: Cell<Option<u32>> = const { Cell::new(None) });

/// Has this connection leave the log as it is, and note how long it is after each of its commits.
pub(super) fn leave_log(raw: &Connection) {
    raw.wal_hook(Some(|_, pages| {
        PAGES.set(u32::try_from(pages).ok());
        Ok(())
    }));
}

/// What is known of the log of one file.
pub(super) struct Checkpoints {
    path: PathBuf,
    threads: ReaderThreads,
    state: Mutex<State>,
    ended: Condvar,
}

impl Checkpoints {
    pub(super) fn new(path: &Path, threads: ReaderThreads) -> Checkpoints {
        Checkpoints { path: path.to_owned(), threads, state: Mutex::default(), ended: Condvar::new() }
    }

    /// Looks at the log after the commits of a batch. Blocks for as long as it takes to move [`turns::MANY`] pages; all of them where the
    /// other thread gets no further.
    pub(super) fn after_commit(self: &Arc<Self>, connected: &Connected) {
        let Some(pages) = PAGES.take() else { return };
        let next = self.state().next(pages, monotonic());
        match next {
            Next::Nothing => {}
            // Once all is moved, the next write cuts the log to what it is told by then.
            Next::Wait => self.bound(connected),
            Next::Ask => {
                self.bound(connected);
                let checkpoints = Arc::clone(self);
                self.threads.run_checkpoint(move || checkpoints.take_turn());
            }
            Next::Move => match checkpoint(connected) {
                Ok(found) => {
                    let is_moved = self.state().note_move(found);
                    if is_moved {
                        self.bound(connected);
                    }
                }
                Err(error) => {
                    warn(&self.path, &error);
                    self.state().note_move(None);
                }
            },
        }
    }

    /// Has the log cut by [`CUT`] at most where it begins anew.
    fn bound(&self, connected: &Connected) {
        let length = std::fs::metadata(log_of(&self.path)).map_or(0, |found| found.len());
        let limit = length.saturating_sub(CUT).max(KEPT);
        let tx = Tx::new(connected, Timestamp(0));
        if let Err(error) = tx.query_row(&format!("PRAGMA journal_size_limit={limit}"), &[], |_| Ok(())) {
            warn(&self.path, &error);
        }
    }

    /// What the other thread does.
    fn take_turn(&self) {
        {
            let mut state = self.state();
            if state.turn != Turn::Asked {
                return;
            }
            state.turn = Turn::Moving;
        }
        // Whoever closes the file waits for it, even if this panics.
        let ending = Ending(self);
        let found = Manager::new(&self.path, Role::Maintenance, 512)
            .connect()
            .map_err(DbError::from)
            .and_then(|connected| checkpoint(&connected));
        match found {
            Ok(found) => self.state().note_turn(found, monotonic()),
            Err(error) => {
                warn(&self.path, &error);
                self.state().note_turn(None, monotonic());
            }
        }
        drop(ending);
    }

    /// Waits for the other thread, which does nothing more from then on.
    pub(super) fn close(&self) {
        let mut state = self.state();
        while state.turn == Turn::Moving {
            state = self.ended.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.turn = Turn::Closed;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a turn of the other thread.
struct Ending<'c>(&'c Checkpoints);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.state().turn = Turn::None;
        self.0.ended.notify_all();
    }
}

/// Has what `act` commits synced once, with the checkpoint after it, in place of with each commit: for a file that nobody else
/// writes meanwhile. When this has returned all of it is on the disk; a power cut before that leaves the first of the commits,
/// or none.
pub(super) fn syncing_once<T, E: From<DbError>>(
    connected: &Connected,
    act: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    let level = |level| connected.raw.pragma_update(None, "synchronous", level).map_err(DbError::from);
    level("NORMAL")?;
    let done = act();
    let synced = level("FULL").and_then(|()| sync_all(connected));
    let done = done?;
    synced?;
    Ok(done)
}

/// Has all that was committed on the disk, in the file or in its log.
fn sync_all(connected: &Connected) -> Result<(), DbError> {
    let path = Path::new(connected.raw.path().unwrap_or_default());
    let found = match checkpoint(connected) {
        Err(error) if is_full(&error) => {
            warn(path, &error);
            None
        }
        found => found?,
    };
    if found.is_none_or(|found| found.moved < found.pages) {
        // Somebody reads what stands in the way, or there is no room in the file: it stays in the log. To close that again takes
        // no lock from anybody: none is on it.
        let log = log_of(path);
        File::open(log).and_then(|log| log.sync_all()).map_err(disk)?;
    }
    Ok(())
}

fn is_full(error: &DbError) -> bool {
    matches!(error, DbError::Disk(inner) if inner.sqlite_error_code() == Some(ErrorCode::DiskFull))
}

fn warn(path: &Path, error: &DbError) {
    tracing::warn!(path = %path.display(), %error, "the write-ahead log of a database cannot be checkpointed");
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    PathBuf::from(log)
}

/// Moves what can be moved while others read and write; nothing is found where somebody else is at it.
pub(super) fn checkpoint(connected: &Connected) -> Result<Option<Moved>, DbError> {
    let tx = Tx::new(connected, Timestamp(0));
    let found = tx.query_row("PRAGMA wal_checkpoint(PASSIVE)", &[], |row| {
        Ok((row.get::<i64>(1)?, row.get::<i64>(2)?))
    })?;
    // Both are -1 where somebody else is at it.
    let pages = |found: i64| u32::try_from(found).ok();
    Ok(found.and_then(|(all, moved)| Some(Moved { pages: pages(all)?, moved: pages(moved)? })))
}
