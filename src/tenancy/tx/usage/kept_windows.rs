//! Windows that are kept in memory between one transaction and the next.
//!
//! The row of a window is read and written with every event that falls into it. Of the meters that add up it need not be:
//! what was in memory counts as long as nothing came in between, and that is what the chain of the events says. It depends
//! on all of them, so that it is another one after any event, also where a transaction was rolled back and its numbers were
//! given again. The row on disk then is behind by some events, which are added where it is read.

use super::tally::Tally;
use std::sync::{Mutex, PoisonError};

/// How many events the row of a window may be behind.
pub(super) const BEHIND: i64 = 64;
/// A row that is further behind is left aside: the sums are quicker than the events since.
pub(super) const FAR_BEHIND: i64 = 16 * BEHIND;
/// Windows that are kept of one file.
const MOST: usize = 64;

/// The windows of one file.
#[derive(Debug, Default)]
pub(super) struct KeptWindows(Mutex<Option<Kept>>);

/// Windows as they were after an event.
#[derive(Debug)]
struct Kept {
    chain: Vec<u8>,
    revision: i64,
    windows: Vec<KeptWindow>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct KeptWindow {
    meter: String,
    kind: &'static str,
    starts_at: i64,
    pub(super) quantity: i64,
    /// The event up to which its row counts.
    pub(super) row_seq: i64,
}

impl KeptWindow {
    /// A window as it is now, if it may be kept.
    pub(super) fn of(tally: &Tally, kind: &'static str) -> Option<KeptWindow> {
        // What is counted otherwise than by events moves without another chain.
        let may_be_kept = tally.meter.aggregation.adds_up() && !tally.meter.is_built_in;
        let row_seq = tally.row_seq.filter(|_| may_be_kept)?;
        let (meter, starts_at) = (tally.meter.name.clone(), tally.period.from);
        Some(KeptWindow { meter, kind, starts_at, quantity: tally.quantity, row_seq })
    }

    pub(super) fn is(&self, meter: &str, kind: &str, starts_at: i64) -> bool {
        self.meter == meter && self.kind == kind && self.starts_at == starts_at
    }
}

impl KeptWindows {
    /// Takes them, if nothing has come since: nobody else has them until they are put back.
    pub(super) fn take(&self, chain: &[u8], revision: i64) -> Vec<KeptWindow> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let kept = kept.filter(|kept| kept.chain == chain && kept.revision == revision);
        kept.map(|kept| kept.windows).unwrap_or_default()
    }

    /// Keeps windows as they are after the event with that chain: `changed`, and of those `before` what is not among them.
    pub(super) fn put(
        &self,
        chain: Vec<u8>,
        revision: i64,
        before: Vec<KeptWindow>,
        changed: Vec<KeptWindow>,
    ) {
        let mut windows = changed;
        for window in before {
            let is_changed = windows.iter().any(|one| one.is(&window.meter, window.kind, window.starts_at));
            if !is_changed && windows.len() < MOST {
                windows.push(window);
            }
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Kept { chain, revision, windows });
    }

    /// Forgets them: what they were made of is made anew.
    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
