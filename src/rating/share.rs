//! The share of a whole period that a part of it has, by time.

use super::calendar::Period;
use super::exact::round;

/// A part of a period.
///
/// What falls to it is the difference of what has accrued at its end and at its beginning, each rounded: the parts of a
/// period add up to the whole, to the last unit, however many there are and wherever they are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    whole: Period,
    part: Period,
}

impl Share {
    /// The whole of a period.
    pub fn whole(period: Period) -> Share {
        Share { whole: period, part: period }
    }

    /// What lies of `part` within `whole`.
    pub fn of_part(part: Period, whole: Period) -> Share {
        let within = |moment: i64| moment.clamp(whole.from, whole.to.max(whole.from));
        let (from, to) = (within(part.from), within(part.to));
        Share { whole, part: Period { from, to: to.max(from) } }
    }

    /// Whether it is all of the period.
    pub fn is_whole(&self) -> bool {
        self.whole == self.part
    }

    /// What falls to it of `quantity`: minor units of a fee, or units of a meter.
    pub fn of(&self, quantity: i64) -> i64 {
        let length = i128::from(self.whole.to) - i128::from(self.whole.from);
        if length <= 0 {
            return quantity;
        }
        let accrued = |moment: i64| {
            let passed = i128::from(moment) - i128::from(self.whole.from);
            round(i128::from(quantity) * passed, length)
        };
        // Between nothing and `quantity`.
        i64::try_from(accrued(self.part.to) - accrued(self.part.from)).unwrap_or(quantity)
    }
}
