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

#[derive(Default)]
struct State {
    turn: Turn,
    /// Pages of the log after the last commit.
    pages: u32,
    /// Those of them that are in the file.
    moved: u32,
    /// Pages that the log had when the writer tried in vain.
    tried: u32,
    /// Turns of the other thread that no reader stood in the way of, since the writer moved all of it.
    turns: u32,
    /// When the last turn of the other thread got no further: somebody read, or it failed.
    stopped: Option<Instant>,
    /// To how many bytes the log is cut; 0 is as it was opened.
    limit: u64,
}

impl State {
    /// What is to be done after a commit by which the log has so many pages.
    fn next(&mut self, pages: u32, now: Instant) -> Next {
        if pages < self.pages {
            // It began anew.
            (self.moved, self.tried) = (0, 0);
        }
        self.pages = pages;
        if pages < OFTEN || self.turn == Turn::Closed {
            return Next::Nothing;
        }
        if self.turn != Turn::None {
            return Next::Wait;
        }
        if pages.saturating_sub(self.moved) > MANY && self.turns < TURNS {
            if self.stopped.is_some_and(|at| now.saturating_duration_since(at) < PAUSE) {
                return Next::Nothing;
            }
            self.turn = Turn::Asked;
            return Next::Ask;
        }
        if pages >= self.tried + AGAIN { Next::Move } else { Next::Nothing }
    }

    /// Whether the writer has moved all of it.
    fn note_move(&mut self, found: Option<Moved>) -> bool {
        let is_all = found.as_ref().is_some_and(|found| found.moved == found.pages);
        if let Some(found) = found {
            self.moved = found.moved;
        }
        if is_all {
            (self.tried, self.turns) = (0, 0);
        } else {
            self.tried = self.pages;
        }
        is_all
    }

    /// Takes in how far the other thread came; nothing where it failed.
    fn note_turn(&mut self, found: Option<Moved>, now: Instant) {
        let is_held = found.is_some_and(|found| found.moved < found.pages);
        self.turns += u32::from(!is_held);
        self.stopped = (is_held || found.is_none()).then_some(now);
        // Else the log began anew meanwhile.
        if let Some(found) = found.filter(|found| found.pages <= self.pages) {
            self.moved = found.moved;
        }
    }
}

/// What the writer does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    /// The other thread is at it.
    Wait,
    /// It moves the log.
    Move,
    /// It asks the other thread to.
    Ask,
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
#[derive(Clone, Copy)]
struct Moved {
    pages: u32,
    moved: u32,
}

impl Checkpoints {
    pub(super) fn new(path: &Path, threads: ReaderThreads) -> Checkpoints {
        Checkpoints { path: path.to_owned(), threads, state: Mutex::default(), ended: Condvar::new() }
    }

    /// Looks at the log after the commits of a batch. Blocks for as long as it takes to move [`MANY`] pages; all of them where the
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
                    self.warn(&error);
                    self.state().note_move(None);
                }
            },
        }
    }

    /// Has the log cut by [`CUT`] at most where it begins anew.
    fn bound(&self, connected: &Connected) {
        let mut log = self.path.clone().into_os_string();
        log.push("-wal");
        let length = std::fs::metadata(log).map_or(0, |found| found.len());
        let limit = length.saturating_sub(CUT).max(KEPT);
        if std::mem::replace(&mut self.state().limit, limit) == limit {
            return;
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let tx = Tx::new(connected, Timestamp(0));
        if let Err(error) = tx.query_row(&format!("PRAGMA journal_size_limit={limit}"), &[], |_| Ok(())) {
            self.warn(&error);
        }
    }

    fn warn(&self, error: &DbError) {
        let path = self.path.display();
        tracing::warn!(%path, %error, "the write-ahead log of a database cannot be checkpointed");
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
                self.warn(&error);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn all(pages: u32) -> Moved {
        Moved { pages, moved: pages }
    }

    #[test]
    fn the_writer_moves_a_short_log_and_another_thread_a_long_one() {
        let now = monotonic();
        let mut state = State::default();
        let cases = [(1, Next::Nothing), (OFTEN - 1, Next::Nothing), (OFTEN, Next::Move)];
        for (pages, next) in cases {
            assert_eq!(state.next(pages, now), next, "{pages}");
        }
        // Somebody reads what was there before half of it.
        assert!(!state.note_move(Some(Moved { pages: OFTEN, moved: OFTEN / 2 })));
        assert_eq!(state.next(OFTEN + AGAIN - 1, now), Next::Nothing);
        assert_eq!(state.next(OFTEN + AGAIN, now), Next::Move);
        assert!(!state.note_move(None), "somebody else was at it");
        assert_eq!(state.next(OFTEN / 2 + MANY, now), Next::Move);
        assert_eq!(state.next(OFTEN / 2 + MANY + 1, now), Next::Ask);
        assert_eq!(state.next(OFTEN * 9, now), Next::Wait, "it was asked");
        // What was written meanwhile is for the writer, and then the log begins anew.
        state.turn = Turn::None;
        state.note_turn(Some(all(OFTEN * 8)), now);
        assert_eq!(state.next(OFTEN * 9, now), Next::Move);
        assert!(state.note_move(Some(all(OFTEN * 9))));
        assert_eq!((state.turns, state.next(1, now), state.moved), (0, Next::Nothing, 0));
    }

    #[test]
    fn the_other_thread_is_asked_again_after_a_pause_while_somebody_reads() {
        let now = monotonic();
        let mut state = State::default();
        for _ in 0..9 {
            assert_eq!(state.next(9_000, now), Next::Ask);
            state.turn = Turn::None;
            state.note_turn(Some(Moved { pages: 9_000, moved: 10 }), now);
            assert_eq!(state.next(9_001, now + PAUSE / 2), Next::Nothing);
            state.stopped = None;
        }
        assert_eq!(state.next(9_002, now + PAUSE), Next::Ask);
    }

    #[test]
    fn the_writer_moves_all_of_it_where_the_other_thread_does_not_keep_up() {
        let (now, mut state) = (monotonic(), State::default());
        assert_eq!(state.next(9_000, now), Next::Ask);
        state.turn = Turn::None;
        state.note_turn(Some(all(9_000)), now);
        assert_eq!(state.next(20_000, now), Next::Ask);
        state.turn = Turn::None;
        // It failed: no descriptor was left, for instance.
        state.note_turn(None, now);
        assert_eq!((state.turns, state.next(20_001, now)), (TURNS, Next::Move));
        assert!(!state.note_move(None));
        assert_eq!(state.next(20_001 + AGAIN, now), Next::Move);
        state.turn = Turn::Closed;
        assert_eq!(state.next(99_000, now), Next::Nothing);
    }
}
