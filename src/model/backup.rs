//! Backups: what is told of one, and how long it is kept.

use crate::clock::{DAY, Timestamp};
use crate::id::{BackupId, TenantId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The format of manifests.
pub const FORMAT: &str = "tenantry.backup.v1";

/// What is told of a backup wherever it is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupSummary {
    /// Its id.
    pub id: BackupId,
    /// Whose it is; the catalog's where nobody is named.
    pub tenant_id: Option<TenantId>,
    /// The tenant's slug.
    #[serde(default)]
    pub slug: Option<String>,
    /// What was committed before this moment is in it.
    pub taken_at: Timestamp,
    /// The epoch that is stamped into the file.
    pub epoch: i64,
    /// Migrations of ours that the file has.
    pub system: i64,
    /// Migrations of the app that it has.
    pub app: i64,
    /// The last change in it.
    pub change_seq: i64,
    /// The last usage event in it.
    pub event_seq: i64,
    /// Bytes of the database.
    pub size_bytes: u64,
    /// Bytes of it as stored.
    pub stored_bytes: u64,
    /// SHA-256 of the database, in hex.
    pub sha256: String,
    /// How many uploads the database names.
    pub files: u64,
    /// Bytes of those.
    pub file_bytes: u64,
}

/// What a backup says of itself. It is written last: what has no manifest is no backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT`].
    pub format: String,
    /// The installation that made it.
    pub installation: String,
    /// What is told of it; its slug is that of then.
    #[serde(flatten)]
    pub summary: BackupSummary,
    /// SHA-256 of it as stored, in hex.
    pub stored_sha256: String,
    /// Rows by table.
    pub tables: BTreeMap<String, u64>,
    /// Uploads that were gone before they could be stored: the database names them, and nobody has them.
    #[serde(default)]
    pub missing: Vec<String>,
}

/// How long backups are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Days for each of which the last one is kept.
    pub days: u32,
    /// Weeks for each of which the last one is kept.
    pub weeks: u32,
}

/// 1970-01-05 was a Monday.
const MONDAY: i64 = 4 * DAY;

impl Retention {
    /// Until when a backup is kept that was taken `taken` and followed by a newer one at `next`: it is the state of all
    /// moments in between. A day at least; as the last of a day until that day is so many days ago, and likewise of weeks.
    /// Days and weeks are those of UTC, weeks end with Sunday.
    pub fn until(self, taken: Timestamp, next: Timestamp) -> Timestamp {
        let last_end = |length: i64, from: i64| {
            let end = (next.0 - from).div_euclid(length) * length + from;
            (end > taken.0).then_some(end)
        };
        let day = last_end(DAY, 0).map(|end| end + i64::from(self.days) * DAY);
        let week = last_end(7 * DAY, MONDAY).map(|end| end + i64::from(self.weeks) * 7 * DAY);
        let least = next.0 + DAY;
        Timestamp([day, week].into_iter().flatten().fold(least, i64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::HOUR;

    /// Backups every `every` for a year: those that are left at its end, by age in hours.
    fn left(retention: Retention, every: i64) -> Vec<i64> {
        let end = Timestamp(MONDAY + 364 * DAY + 12 * HOUR);
        let taken: Vec<Timestamp> = (0..=end.0 / every).map(|n| Timestamp(n * every)).collect();
        let mut left: Vec<i64> = taken
            .windows(2)
            .filter(|pair| retention.until(pair[0], pair[1]) > end)
            .map(|pair| (end.0 - pair[0].0) / HOUR)
            .collect();
        left.extend(taken.last().map(|last| (end.0 - last.0) / HOUR));
        left
    }

    #[test]
    fn the_last_of_each_day_and_each_week_stays_and_the_others_go_after_a_day() {
        let left = left(Retention { days: 7, weeks: 4 }, HOUR);
        // It is Monday noon: the last of each week is of Sunday at 23 o'clock, those of days too.
        assert_eq!(left[..3], [12 + 1 + 3 * 7 * 24, 12 + 1 + 2 * 7 * 24, 12 + 1 + 7 * 24], "{left:?}");
        assert_eq!(left[3..9], [157, 133, 109, 85, 61, 37], "{left:?}");
        assert_eq!(left.len(), 9 + 25, "{left:?}");
    }

    #[test]
    fn what_stood_for_long_is_kept_for_the_days_that_it_stood() {
        let (retention, noon) = (Retention { days: 7, weeks: 0 }, Timestamp(MONDAY + 12 * HOUR));
        let month = noon.plus(30 * DAY);
        assert_eq!(retention.until(noon, month), Timestamp(MONDAY + 37 * DAY));
        assert_eq!(retention.until(noon, noon.plus(HOUR)), noon.plus(HOUR + DAY));
        let none = Retention { days: 0, weeks: 0 };
        assert_eq!(none.until(noon, month), month.plus(DAY));
    }
}
