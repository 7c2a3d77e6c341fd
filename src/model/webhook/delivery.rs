//! One event on its way to one endpoint: its attempts, and when it is tried again.

use super::MOST_KEPT;
use crate::clock::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use crate::id::{DeliveryId, EventId, WebhookEndpointId};

/// How long whoever asks to wait is waited for at most.
const LONGEST_WAIT: i64 = DAY;

/// Pauses after the attempts that failed; after one more it is given up. As Standard Webhooks proposes, over some three days.
const PAUSES: [i64; 12] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
    10 * HOUR,
];

/// How long to wait after so many attempts, in milliseconds; nothing where it is given up. Longer where the endpoint asks
/// for that, and at random up to a fifth longer, so that what failed together does not come back together.
pub fn pause(attempts: i64, asked: Option<i64>, random: u32) -> Option<i64> {
    let at = usize::try_from(attempts.max(1) - 1).unwrap_or(usize::MAX);
    let whole = (*PAUSES.get(at)?).max(asked.unwrap_or_default().min(LONGEST_WAIT));
    Some(whole + whole / 5 * i64::from(random) / i64::from(u32::MAX))
}

/// Where a delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It waits for its time.
    Pending,
    /// The endpoint has taken it.
    Delivered,
    /// It was given up.
    Failed,
    /// It was not sent: who the endpoint acts for may no longer know of it, or the endpoint goes elsewhere since.
    Withheld,
}

impl DeliveryStatus {
    /// Its name in the file and in the API.
    pub const fn name(self) -> &'static str {
        match self {
            DeliveryStatus::Pending => "pending",
            DeliveryStatus::Delivered => "delivered",
            DeliveryStatus::Failed => "failed",
            DeliveryStatus::Withheld => "withheld",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<DeliveryStatus> {
        use DeliveryStatus as Status;
        let all = [Status::Pending, Status::Delivered, Status::Failed, Status::Withheld];
        all.into_iter().find(|status| status.name() == name)
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The id of the event, sent as `webhook-id`: the same with every attempt, and for every endpoint.
    pub event_id: EventId,
    /// The type of the event.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where it is.
    pub status: DeliveryStatus,
    /// How many attempts were made, those before a replay not counted.
    pub attempt_count: i64,
    /// When the next one is due.
    pub next_attempt_at: Option<Timestamp>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it came to an end.
    pub ended_at: Option<Timestamp>,
    /// Its place among those of the tenant.
    #[serde(skip)]
    pub number: i64,
    /// The table of the record that it tells of.
    #[serde(skip)]
    pub table: Option<String>,
    /// The terms of the endpoint under which it was made.
    #[serde(skip)]
    pub terms: i64,
}

/// One attempt.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Attempt {
    /// Which one it was, from 1.
    pub number: i64,
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// What was answered, if anything was.
    pub status: Option<i64>,
    /// The beginning of the answer's body, at most [`MOST_KEPT`] bytes.
    pub response: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A delivery whose time has come.
#[derive(Clone, Debug)]
pub struct DueDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The id of the event.
    pub event_id: EventId,
    /// What is sent.
    pub body: String,
}

/// What came of an attempt.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The delivery.
    pub id: DeliveryId,
    /// When it was begun.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// What was answered.
    pub status: Option<u16>,
    /// The beginning of the answer's body.
    pub response: Option<String>,
    /// Why nothing was answered.
    pub error: Option<String>,
    /// How long the endpoint asks to wait, in milliseconds.
    pub wait: Option<i64>,
    /// Spreads what is tried again.
    pub random: u32,
}

impl Tried {
    /// Whether the endpoint has taken it.
    pub fn is_taken(&self) -> bool {
        self.status.is_some_and(|status| (200..=299).contains(&status))
    }

    /// Why it failed, in words; nothing where it did not.
    pub fn fault(&self) -> Option<String> {
        match self.status {
            Some(200..=299) => None,
            Some(status @ 300..=399) => {
                Some(format!("the endpoint answered {status}; redirects are not followed"))
            }
            Some(status) => Some(format!("the endpoint answered {status}")),
            None => self.error.clone(),
        }
    }
}

/// What is kept of the body of an answer: its beginning, with no control characters but line breaks.
pub fn kept_of(bytes: &[u8]) -> String {
    let mut text = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        let c = if c.is_control() && c != '\n' { ' ' } else { c };
        if text.len() + c.len_utf8() > MOST_KEPT {
            break;
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_those_of_the_schedule_and_longer_where_that_is_asked_for() {
        let least = |attempts| pause(attempts, None, 0);
        let first = [1, 2, 3, 4, 5, 6, 7].map(|attempts| least(attempts).unwrap());
        let hours = [2 * HOUR, 5 * HOUR, 10 * HOUR, 10 * HOUR];
        assert_eq!((&first[..3], &first[3..]), (&[5 * SECOND, 5 * MINUTE, 30 * MINUTE][..], &hours[..]));
        assert_eq!((least(12), least(13), least(i64::MAX)), (Some(10 * HOUR), None, None));
        assert_eq!(pause(1, None, u32::MAX), Some(6 * SECOND));
        assert_eq!(pause(1, Some(MINUTE), 0), Some(MINUTE));
        assert_eq!(pause(3, Some(MINUTE), 0), Some(30 * MINUTE));
        assert_eq!(pause(1, Some(i64::MAX), 0), Some(DAY));
        assert_eq!(pause(13, Some(MINUTE), 0), None);
    }

    #[test]
    fn statuses_are_known_by_their_names() {
        for status in ["pending", "delivered", "failed", "withheld"] {
            assert_eq!(DeliveryStatus::parse(status).map(DeliveryStatus::name), Some(status));
        }
        assert_eq!(DeliveryStatus::parse("done"), None);
    }

    #[test]
    fn of_an_answer_the_beginning_is_kept() {
        assert_eq!(kept_of(b"a\r\n\x1b[1mb\xff"), "a \n [1mb\u{fffd}");
        assert_eq!(kept_of("ä".repeat(9_000).as_bytes()).len(), MOST_KEPT);
    }
}
