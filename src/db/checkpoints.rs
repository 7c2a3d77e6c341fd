//! Moving what was written out of the write-ahead log and into the file, so that nobody who writes waits for much of it.
//!
//! The writer moves a short log itself, after it has answered: left to SQLite, that would happen within a COMMIT. A log
//! grows long while somebody reads for long, a backup above all, for nothing behind that read can be moved. What is left
//! then is moved on a thread that gives way, and the file of the log is cut shorter by a little at a time.

use super::constraint::DbError;
use super::open::{Connected, Manager, Role};
use super::reader_threads::ReaderThreads;
use super::tx::Tx;
use crate::clock::{Timestamp, monotonic};
use r2d2::ManageConnection;
use rusqlite::Connection;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Pages in the log from which it is moved: as many as SQLite's own default.
const OFTEN: u32 = 1_000;
/// Pages after which it is tried again where something stood in the way.
const AGAIN: u32 = 100;
/// Pages that the writer moves itself; more are left to the other thread.
const MANY: u32 = 4_000;
/// How often in a row the other thread has its turn before the writer moves everything all the same: there are writers that
/// write faster than a thread moves that gives way.
const TURNS: u32 = 2;
/// How long the other thread waits while somebody reads what stands in the way.
const PAUSE: Duration = Duration::from_secs(1);

/// Bytes of the log's file that are kept for what comes.
const KEPT: u64 = 16 << 20;
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

#[derive(Default)]
struct State {
    turn: Turn,
    /// Pages of the log after the last commit.
    pages: u32,
    /// Those of them that are in the file.
    moved: u32,
    /// Pages that the log had when the writer tried in vain.
    tried: u32,
    /// Turns of the other thread since all was moved.
    turns: u32,
    /// Since when somebody who reads has stood in its way.
    held: Option<Instant>,
    /// To how many bytes the log is cut.
    limit: u64,
}

/// Where the other thread is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    None,
    Asked,
    Moving,
    Closed,
}

/// Pages in the log, and how many of them are in the file.
struct Moved {
    pages: u32,
    moved: u32,
}

impl Checkpoints {
    pub(super) fn new(path: &Path, threads: ReaderThreads) -> Checkpoints {
        Checkpoints { path: path.to_owned(), threads, state: Mutex::default(), ended: Condvar::new() }
    }

    /// Looks at the log after the commits of a batch. Blocks for as long as it takes to move [`MANY`] pages at most.
    pub(super) fn after_commit(self: &Arc<Self>, connected: &Connected) {
        let Some(pages) = PAGES.take() else { return };
        if self.may_move(pages) {
            match checkpoint(connected) {
                Ok(Some(found)) => self.moved_by_writer(&found, connected),
                Ok(None) => self.state().tried = pages,
                Err(error) => tracing::warn!(error = %error, "a log cannot be moved into its file"),
            }
        }
    }

    /// Whether the writer is to move the log itself. If it is too long for that, the other thread is asked.
    fn may_move(self: &Arc<Self>, pages: u32) -> bool {
        let mut state = self.state();
        if pages < state.pages {
            // It began anew.
            (state.moved, state.tried) = (0, 0);
        }
        state.pages = pages;
        if pages < OFTEN || state.turn != Turn::None {
            return false;
        }
        if pages - state.moved.min(pages) > MANY && state.turns < TURNS {
            if state.held.is_none_or(|since| since.elapsed() >= PAUSE) {
                state.turn = Turn::Asked;
                let checkpoints = Arc::clone(self);
                self.threads.run_in_turn(move || checkpoints.take_turn());
            }
            return false;
        }
        pages >= state.tried + AGAIN
    }

    fn moved_by_writer(&self, found: &Moved, connected: &Connected) {
        let mut state = self.state();
        state.moved = found.moved;
        if found.moved < found.pages {
            state.tried = found.pages;
            return;
        }
        (state.tried, state.turns) = (0, 0);
        let length = std::fs::metadata(self.path.with_extension("db-wal")).map_or(0, |found| found.len());
        let limit = length.saturating_sub(CUT).max(KEPT);
        if limit != state.limit {
            state.limit = limit;
            drop(state);
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let tx = Tx::new(connected, Timestamp(0));
            if let Err(error) = tx.query_row(&format!("PRAGMA journal_size_limit={limit}"), &[], |_| Ok(())) {
                tracing::warn!(error = %error, "a log cannot be bounded");
            }
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
            Ok(Some(found)) => {
                let mut state = self.state();
                let is_held = found.moved < found.pages;
                state.held = is_held.then(monotonic);
                state.turns += u32::from(!is_held);
                if found.pages <= state.pages {
                    state.moved = found.moved;
                }
            }
            Ok(None) => self.state().held = Some(monotonic()),
            Err(error) => {
                tracing::warn!(error = %error, "a long log cannot be moved into its file");
                self.state().held = Some(monotonic());
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

/// Moves what can be moved while others read and write; nothing is found where somebody else is at it.
fn checkpoint(connected: &Connected) -> Result<Option<Moved>, DbError> {
    let tx = Tx::new(connected, Timestamp(0));
    let found = tx.query_row("PRAGMA wal_checkpoint(PASSIVE)", &[], |row| {
        Ok((row.get::<i64>(1)?, row.get::<i64>(2)?))
    })?;
    // Both are -1 where somebody else is at it.
    let pages = |found: i64| u32::try_from(found).ok();
    Ok(found.and_then(|(all, moved)| Some(Moved { pages: pages(all)?, moved: pages(moved)? })))
}
