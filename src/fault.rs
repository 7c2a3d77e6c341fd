//! Power failures for tests: the program ends by itself at the step that was asked for. And moments that tests hold, to do
//! something else meanwhile.
//!
//! A step is each moment right before and right after something becomes durable: a commit, lines of a ledger. Tests run the
//! same work again and again and end it one step later each time, until it comes through; so no moment is left out, and none
//! has to be named. In a release there is nothing of it: no step is counted, nothing is held, and the variables are not
//! settings.

#[cfg(debug_assertions)]
use std::path::PathBuf;
#[cfg(debug_assertions)]
use std::sync::OnceLock;
#[cfg(debug_assertions)]
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// How many steps are left; less than nothing where none is counted.
#[cfg(debug_assertions)]
static LEFT: AtomicI64 = AtomicI64::new(-1);

/// Where tests say which moments they hold.
#[cfg(debug_assertions)]
static HELD: OnceLock<PathBuf> = OnceLock::new();

/// Ends the program at that step from now on, counted from 1.
#[cfg(debug_assertions)]
pub fn end_at(step: i64) {
    LEFT.store(step, Relaxed);
}

/// Holds the moments for which there are files in a directory.
#[cfg(debug_assertions)]
pub fn hold_in(directory: PathBuf) {
    let _ = HELD.set(directory);
}

/// A step was reached.
#[inline]
pub(crate) fn step() {
    #[cfg(debug_assertions)]
    if LEFT.load(Relaxed) > 0 && LEFT.fetch_sub(1, Relaxed) == 1 {
        // Nothing is cleaned up, as with kill -9.
        std::process::abort();
    }
}

/// Somebody came to a moment with something of `whose`, and waits for as long as a test has a file `moment-whose`; that it is
/// there is told by another one, `moment-whose.reached`. A number in the file ends the program at that step from then on. Blocks.
#[inline]
pub(crate) fn hold(moment: &str, whose: impl std::fmt::Display) {
    #[cfg(debug_assertions)]
    if let Some(directory) = HELD.get() {
        wait(&directory.join(format!("{moment}-{whose}")));
    }
    #[cfg(not(debug_assertions))]
    let _ = (moment, whose);
}

#[cfg(debug_assertions)]
fn wait(file: &std::path::Path) {
    let Ok(text) = std::fs::read_to_string(file) else { return };
    if let Ok(step) = text.trim().parse() {
        end_at(step);
    }
    let _ = std::fs::write(format!("{}.reached", file.display()), "");
    while file.exists() {
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}
