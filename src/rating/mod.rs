//! Prices x quantities -> money, and the calendar that it goes by. Pure: no I/O, no clock; whoever calls gives the time.
//!
//! Money is counted in millionths of a minor unit, quantities as whole numbers of the meter's smallest unit, sums in 128
//! bits; there are no floats. What one meter costs in one service period is rounded once, half away from zero, to whole
//! minor units ([`rate`]); what is told beside it adds up to that ([`split`]). Shares of a period ([`Share`]) are taken
//! between two moments so that the parts of a period add up to the whole, however it is cut. The start of a period is
//! computed from the anchor ([`Calendar`]) and never from the period before, so that the 31st comes back after February.

mod calendar;
mod course;
mod exact;
pub mod invoice;
mod rated;
mod share;
mod split;
mod tax;
#[cfg(test)]
mod tests;
mod window;

pub use calendar::{Calendar, Period};
pub use course::{Course, CourseStatus, PlanRef, ServiceKind, ServicePeriod, Terms};
pub use exact::{Exact, Overflow};
pub use rated::{Rated, RatedPart, RatedPartKind, rate};
pub use share::Share;
pub use split::split;
pub use tax::tax;
pub use window::{window_in, window_of};
