//! Jobs: work that is done behind the answer.

use super::text::is_word;
use crate::clock::{HOUR, SECOND, Timestamp};
use crate::id::JobId;

/// Bytes of a payload, and of a result that is kept, as JSON.
pub const MOST_PAYLOAD: usize = 64 << 10;
/// How far a priority may lie from 0.
pub const MOST_PRIORITY: i64 = 100;
/// Attempts where nothing else is said.
pub const DEFAULT_ATTEMPTS: u32 = 5;
/// Attempts of one job that do not count: with more of them they do.
pub const MOST_SPARED: i64 = 100;

/// How the names of kinds begin that are the server's own.
pub const RESERVED: &str = "tenantry.";

/// The first pause between attempts; each is twice as long as the one before.
const FIRST_PAUSE: i64 = 5 * SECOND;
/// The longest.
const LONGEST_PAUSE: i64 = HOUR;
/// How long whoever asks for it is waited for at most.
pub const LONGEST_WAIT: i64 = 24 * HOUR;

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// It waits for its time or its turn.
    Queued,
    /// A handler is at it.
    Running,
    /// It is done.
    Succeeded,
    /// It was given up.
    Dead,
    /// Nobody wants it any more.
    Cancelled,
}

impl JobStatus {
    const ALL: [JobStatus; 5] =
        [JobStatus::Queued, JobStatus::Running, JobStatus::Succeeded, JobStatus::Dead, JobStatus::Cancelled];

    /// Its name in the file and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            JobStatus::Queued => "queued",
            JobStatus::Running => "running",
            JobStatus::Succeeded => "succeeded",
            JobStatus::Dead => "dead",
            JobStatus::Cancelled => "cancelled",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<JobStatus> {
        JobStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A job as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// Where it is.
    pub status: JobStatus,
    /// Higher ones go first.
    pub priority: i64,
    /// When it is due, or due again.
    pub run_at: Timestamp,
    /// How many attempts were begun that count.
    pub attempts: i64,
    /// After how many it is given up.
    pub max_attempts: i64,
    /// How far it is, in percent, if the handler said so.
    pub progress: Option<i64>,
    /// What the handler said last.
    pub message: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// What makes it the same job when it is enqueued again.
    pub idempotency_key: Option<String>,
    /// Who enqueued it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
    /// When it came to an end.
    pub finished_at: Option<Timestamp>,
    /// What it is to be done with, as JSON text; only of a job that was asked for by its id.
    pub payload: Option<String>,
    /// What the handler answered, as JSON text; likewise.
    pub result: Option<String>,
}

/// A job to be.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// With what: JSON text of at most [`MOST_PAYLOAD`] bytes.
    pub payload: String,
    /// When; as soon as it can where nothing is said.
    pub run_at: Option<Timestamp>,
    /// Higher ones go first, from -[`MOST_PRIORITY`] to [`MOST_PRIORITY`].
    pub priority: i64,
    /// What makes it the same job when it is enqueued again.
    pub idempotency_key: Option<String>,
    /// After how many attempts it is given up.
    pub max_attempts: u32,
    /// Who enqueues it.
    pub created_by: String,
}

/// A job with the right to do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeasedJob {
    /// Its id.
    pub id: JobId,
    /// What is to be done.
    pub kind: String,
    /// With what.
    pub payload: String,
    /// Which attempt it is, from 1.
    pub attempt: i64,
    /// What makes it the same job when it is enqueued again.
    pub idempotency_key: Option<String>,
    /// Shows who has the right.
    pub lease: String,
}

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done; with a result as JSON text.
    Succeeded(Option<String>),
    /// The handler works on, and will say so by itself, or has said that it does; until then it is waited for.
    WorksOn(Timestamp),
    /// It failed and is tried again, after this many milliseconds where the handler asks for that.
    Failed {
        /// Why.
        error: String,
        /// How long to wait, in milliseconds.
        wait: Option<i64>,
    },
    /// It failed, and will always.
    Hopeless(String),
    /// It was not begun: the tenant is held.
    Held,
}

/// How long to wait after so many attempts, in milliseconds: twice as long each time up to an hour, and at random
/// between half of that and all of it, so that what failed together does not come back together.
pub fn pause(attempts: i64, random: u32) -> i64 {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 20)).unwrap_or_default();
    let whole = (FIRST_PAUSE << doublings).min(LONGEST_PAUSE);
    whole / 2 + (whole - whole / 2) * i64::from(random) / i64::from(u32::MAX)
}

/// Whether a kind of jobs may be called so.
pub fn is_kind(name: &str) -> bool {
    is_word(&name.replace('.', "_"), 60)
}

/// A text of handlers, fit to be shown: no control characters, and not too long.
pub fn told(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_are_spread_over_their_second_half() {
        let spread = |attempts| (pause(attempts, 0) / SECOND, pause(attempts, u32::MAX) / SECOND);
        assert_eq!([1, 2, 3, 4].map(spread), [(2, 5), (5, 10), (10, 20), (20, 40)]);
        assert_eq!([11, 1_000, i64::MAX].map(spread), [(1_800, 3_600); 3]);
        assert_eq!(spread(0), spread(1));
    }

    #[test]
    fn every_status_is_known_by_its_name() {
        for status in JobStatus::ALL {
            assert_eq!(JobStatus::parse(status.name()), Some(status));
        }
        assert_eq!(JobStatus::parse("Queued"), None);
    }

    #[test]
    fn what_handlers_say_breaks_no_line() {
        assert_eq!(told("a\r\nb\u{1b}[1m"), "a  b [1m");
        assert_eq!(told(&"ä".repeat(600)).chars().count(), 500);
    }
}
