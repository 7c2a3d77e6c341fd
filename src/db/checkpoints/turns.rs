//! Whose turn it is to move a log into its file.

use std::time::{Duration, Instant};

/// Pages in the log from which it is moved: as many as SQLite's own default.
const OFTEN: u32 = 1_000;
/// Pages after which it is tried again where something stood in the way.
const AGAIN: u32 = 100;
/// Pages that the writer moves itself; more are left to the other thread.
pub(super) const MANY: u32 = 4_000;
/// How often in a row the other thread has its turn before the writer moves everything all the same: there are writers that
/// write faster than a thread moves that gives way.
const TURNS: u32 = 2;
/// How long the other thread waits while somebody reads what stands in the way.
const PAUSE: Duration = Duration::from_secs(1);

/// What is known of a log.
#[derive(Default)]
pub(super) struct State {
    pub(super) turn: Turn,
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
}

impl State {
    /// What is to be done after a commit by which the log has so many pages.
    pub(super) fn next(&mut self, pages: u32, now: Instant) -> Next {
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
    pub(super) fn note_move(&mut self, found: Option<Moved>) -> bool {
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
    pub(super) fn note_turn(&mut self, found: Option<Moved>, now: Instant) {
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
pub(super) enum Next {
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
pub(super) enum Turn {
    #[default]
    None,
    Asked,
    Moving,
    Closed,
}

/// Pages in the log, and how many of them are in the file.
#[derive(Clone, Copy)]
pub(in crate::db) struct Moved {
    pub(super) pages: u32,
    pub(super) moved: u32,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

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
