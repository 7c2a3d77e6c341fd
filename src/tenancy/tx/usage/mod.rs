//! Usage: events, what they come to, and how much of the limits that is.
//!
//! `intake` takes events within the transaction of whatever caused them, and refuses those that a hard limit or the spend
//! cap has no room for. `sums` keeps what they come to by quarters of an hour, which `totals` reads, `windows` how much of
//! each limit is used; both are made of the events alone, and `rebuild` makes them anew. `take` reads what one period comes
//! to, with the digest of its events.

mod find;
mod intake;
mod jobs;
mod kept_windows;
mod notices;
mod outcome;
mod rebuild;
mod spend;
mod sums;
mod take;
mod tally;
mod terms;
#[cfg(test)]
mod tests;
mod totals;
mod void;
mod windows;

pub use find::{UsageQuery, UsageSum, fold_quarters};
pub use intake::Intake;
pub use notices::Untold;
pub use outcome::{Outcome, Taken, UsageRefusal};
pub use take::{LateUsage, UsageTaken};
pub use terms::{ScaledLimit, TermsCache, UsageTerms};
pub use windows::LimitUse;

use crate::model::usage::{QUARTER, quarter};
