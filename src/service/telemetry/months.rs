//! Months that are held against each other, and how much more there is of something.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::model::plan::Window;
use crate::rating::{Period, window_of};

/// The month that is open, and as much of the one before as there is of this one.
#[derive(Clone, Copy)]
pub(super) struct Months {
    pub(super) open: Period,
    pub(super) so_far: Period,
}

impl Months {
    pub(super) fn at(now: Timestamp) -> Result<Months> {
        let open = window_of("UTC", Window::Month, now.0)?;
        let before = window_of("UTC", Window::Month, open.from - 1)?;
        let to = before.from + (now.0 - open.from);
        Ok(Months { open, so_far: Period { from: before.from, to: to.min(open.from) } })
    }

    /// What there would be by now if the whole of the month before went on as it was.
    pub(super) fn by_now(self, whole: i64, now: Timestamp) -> i64 {
        let (passed, length) = (now.0 - self.open.from, self.open.from - self.so_far.from);
        let by_now = i128::from(whole) * i128::from(passed) / i128::from(length.max(1));
        i64::try_from(by_now).unwrap_or(i64::MAX)
    }
}

/// By how many percent there is more now than before; nothing where that is less than `few` more. Who had nothing before is
/// new and does not grow.
pub(super) fn growth(now: i64, before: i64, few: i64) -> Option<i64> {
    let more = now.saturating_sub(before);
    if before <= 0 || more < few {
        return None;
    }
    i64::try_from(i128::from(more) * 100 / i128::from(before)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_measured_against_as_much_of_the_month_before() {
        assert_eq!(growth(150, 100, 10), Some(50));
        assert_eq!(growth(105, 100, 10), None, "too little to speak of");
        assert_eq!(growth(90, 100, 1), None);
        assert_eq!(growth(90, 0, 1), None, "new, and not grown");
        assert_eq!(growth(i64::MAX, 1, 1), None, "more than can be told");
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        // The tenth day of March ends: ten of the 28 days of February.
        let now = at("2026-03-11T00:00:00Z");
        let months = Months::at(now).unwrap();
        assert_eq!(
            months.so_far,
            Period { from: at("2026-02-01T00:00:00Z").0, to: at("2026-02-11T00:00:00Z").0 }
        );
        assert_eq!(months.by_now(2_800, now), 1_000);
        // The 31st has no like in February: all of that is there.
        let months = Months::at(at("2026-03-31T12:00:00Z")).unwrap();
        assert_eq!(months.so_far.to, months.open.from);
    }
}
