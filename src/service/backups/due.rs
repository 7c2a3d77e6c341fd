//! When the server makes a round by itself, and what it does every minute.

use super::Installation;
use super::erase::erase_left;
use super::prune::prune;
use super::round::{Wanted, begin, carry_out};
use crate::catalog::{By, LastRounds};
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::error::{Kind, Result};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;

/// How long after its very first start an installation is backed up for the first time.
const FIRST: i64 = 10 * MINUTE;
/// How long after a round that failed the next one is tried; twice as long after each further one.
const RETRY: i64 = 5 * MINUTE;
/// The longest wait after a round that failed.
const LONGEST_RETRY: i64 = HOUR;
/// The name of the setting that says since when there is something to back up.
const SINCE: &str = "backups_since";

/// Makes a round when it is time for one.
///
/// # Errors
/// As the catalog says.
pub async fn run_when_due(installation: &Arc<Installation>) -> Result<()> {
    let (backups, now) = (&installation.backups, installation.clock.now());
    if installation.config.backup_hours == 0 || now.0 < backups.look_at.load(SeqCst) {
        return Ok(());
    }
    let due = next_round(installation).await?;
    if due > now {
        // By hand there may be one before that, and clocks are put right.
        backups.look_at.store(due.0.min(now.0 + HOUR), SeqCst);
        return Ok(());
    }
    let begun = match begin(installation, Wanted::default(), By::system()).await {
        Err(error) if error.kind() == Kind::Conflict => return Ok(()),
        other => other?,
    };
    carry_out(installation, begun, &|line| tracing::info!(progress = line, "backing up")).await.map(drop)
}

/// Removes what has had its time and what is left of erased tenants, also where nobody makes rounds.
///
/// # Errors
/// As catalog and store say.
pub async fn sweep(installation: &Installation) -> Result<()> {
    let erased = erase_left(installation).await;
    prune(installation).await?;
    erased
}

async fn next_round(installation: &Installation) -> Result<Timestamp> {
    let every = i64::from(installation.config.backup_hours) * HOUR;
    let (last, since) =
        installation.catalog.read(|tx| Ok((tx.last_rounds()?, tx.find_setting(SINCE)?))).await?;
    let now = installation.clock.now();
    let since = match since.and_then(|since| since.parse().ok()) {
        Some(since) => Timestamp(since),
        None => {
            installation
                .catalog
                .write("backups_since", move |tx| tx.put_setting(SINCE, &now.0.to_string()))
                .await?;
            now
        }
    };
    Ok(due(&last, since, every, now))
}

/// When the next round is due: `every` after the last that was done, and sooner where others failed since.
fn due(last: &LastRounds, since: Timestamp, every: i64, now: Timestamp) -> Timestamp {
    // A clock that went back says nothing about how long ago that was.
    if last.last_failed.or(last.done).is_some_and(|begun| begun > now) {
        return now;
    }
    match (last.last_failed, last.done) {
        (Some(failed), _) => {
            let wait = RETRY << last.failed.saturating_sub(1).min(8);
            failed.plus(wait.min(LONGEST_RETRY).min(every))
        }
        (None, Some(done)) => done.plus(every),
        (None, None) => since.plus(FIRST.min(every)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::DAY;

    #[test]
    fn the_next_round_counts_from_the_last_that_was_done_and_failed_ones_are_tried_again_soon() {
        let (start, now) = (Timestamp(1_000 * DAY), Timestamp(1_001 * DAY));
        let next = |done: Option<Timestamp>, failed: u32, last_failed: Option<Timestamp>| {
            due(&LastRounds { done, failed, last_failed }, start, DAY, now)
        };
        assert_eq!(next(None, 0, None), start.plus(FIRST));
        assert_eq!(next(Some(start), 0, None), start.plus(DAY));
        for (failed, wait) in [(1, 5 * MINUTE), (2, 10 * MINUTE), (4, 40 * MINUTE), (5, HOUR), (900, HOUR)] {
            assert_eq!(next(Some(start), failed, Some(now)), now.plus(wait), "{failed}");
        }
        let ahead = now.plus(400 * DAY);
        assert_eq!((next(Some(ahead), 0, None), next(None, 1, Some(ahead))), (now, now));
    }
}
