//! The inbox: each event once, and what came of it.

use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::db::{DbError, Row, Value};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::params;

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StripeEventStatus {
    /// It waits.
    Pending,
    /// It changed something.
    Applied,
    /// There was nothing to change.
    Ignored,
    /// Somebody has to look at it.
    Parked,
    /// It was tried for days in vain.
    Failed,
}

impl StripeEventStatus {
    const ALL: [StripeEventStatus; 5] = [
        StripeEventStatus::Pending,
        StripeEventStatus::Applied,
        StripeEventStatus::Ignored,
        StripeEventStatus::Parked,
        StripeEventStatus::Failed,
    ];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            StripeEventStatus::Pending => "pending",
            StripeEventStatus::Applied => "applied",
            StripeEventStatus::Ignored => "ignored",
            StripeEventStatus::Parked => "parked",
            StripeEventStatus::Failed => "failed",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<StripeEventStatus> {
        StripeEventStatus::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// An event that came.
#[derive(Clone, Debug)]
pub struct NewStripeEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Id of its object; empty where it has none.
    pub object: String,
    /// The customer that it names.
    pub customer: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// When it arose.
    pub created: Timestamp,
    /// Whether it was found by asking, not sent.
    pub recovered: bool,
    /// The body as it came.
    pub payload: String,
    /// Why it is parked at once, if it is.
    pub parked: Option<&'static str>,
}

/// One event as it is kept.
#[derive(Clone, Debug, serde::Serialize)]
pub struct StripeEvent {
    /// Its id.
    pub id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Id of its object; empty where it has none.
    pub object: String,
    /// The customer that it names.
    pub customer: Option<String>,
    /// Whose customer that is.
    pub tenant_id: Option<TenantId>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// When it arose.
    pub created_at: Timestamp,
    /// When it came.
    pub received_at: Timestamp,
    /// `webhook` or `recovery`.
    pub source: String,
    /// What came of it.
    pub status: StripeEventStatus,
    /// What it changed.
    pub changed: Vec<String>,
    /// Why it changed nothing, or not all.
    pub reason: Option<String>,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// When it is tried next.
    pub next_attempt_at: Option<Timestamp>,
    /// Since when it is done with.
    pub done_at: Option<Timestamp>,
}

/// What came of an event.
#[derive(Clone, Debug)]
pub struct StripeOutcome {
    /// In a word.
    pub status: StripeEventStatus,
    /// What it changed.
    pub changed: Vec<String>,
    /// Why it changed nothing, or not all.
    pub reason: Option<String>,
    /// Whose it is.
    pub tenant: Option<TenantId>,
    /// The customer whom nobody knows yet: once somebody does, the event is worked off.
    pub waits_for: Option<String>,
}

/// Which events are asked for; newest first.
#[derive(Clone, Debug, Default)]
pub struct StripeEventFilter {
    /// Only of this status.
    pub status: Option<StripeEventStatus>,
    /// Only of this type; of all that begin so where it ends with a point.
    pub kind: Option<String>,
    /// Those behind this one: when it came, and its id.
    pub after: Option<(Timestamp, String)>,
    /// How many at most.
    pub limit: u32,
}

pub(super) const COLUMNS: &str = "id, type, object, customer, tenant_id, livemode, created, received_at, source, status, changed, reason, \
     attempts, next_at, done_at";

pub(super) fn event(row: &Row<'_>) -> Result<StripeEvent, DbError> {
    // The CHECK of the table lets no other words in.
    let status = StripeEventStatus::parse(&row.get::<String>(9)?).unwrap_or(StripeEventStatus::Failed);
    Ok(StripeEvent {
        id: row.get(0)?,
        kind: row.get(1)?,
        object: row.get(2)?,
        customer: row.get(3)?,
        tenant_id: row.get(4)?,
        livemode: row.get(5)?,
        created_at: row.get(6)?,
        received_at: row.get(7)?,
        source: row.get(8)?,
        status,
        changed: serde_json::from_str(&row.get::<String>(10)?).unwrap_or_default(),
        reason: row.get(11)?,
        attempts: row.get(12)?,
        next_attempt_at: Some(row.get(13)?).filter(|_| status == StripeEventStatus::Pending),
        done_at: row.get(14)?,
    })
}

impl CatalogTx<'_> {
    /// One event.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn stripe_event(&self, id: &str) -> Result<StripeEvent> {
        let sql = format!("SELECT {COLUMNS} FROM stripe_events WHERE id = ?1");
        self.tx.query_row(&sql, params![id], event)?.ok_or_else(Error::not_found)
    }

    /// Events, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_stripe_events(&self, filter: &StripeEventFilter) -> Result<Vec<StripeEvent>> {
        let (mut conditions, mut values) = (Vec::new(), Vec::<Value>::new());
        if let Some(status) = filter.status {
            values.push(status.name().into());
            conditions.push(format!("status = ?{}", values.len()));
        }
        if let Some(kind) = &filter.kind {
            values.push(kind.as_str().into());
            let at = values.len();
            conditions.push(if kind.ends_with('.') {
                format!("substr(type, 1, length(?{at})) = ?{at}")
            } else {
                format!("type = ?{at}")
            });
        }
        if let Some((received_at, id)) = &filter.after {
            values.push((*received_at).into());
            values.push(id.as_str().into());
            conditions.push(format!("(received_at, id) < (?{}, ?{})", values.len() - 1, values.len()));
        }
        let condition = if conditions.is_empty() { "1 = 1".to_owned() } else { conditions.join(" AND ") };
        values.push(filter.limit.into());
        let sql = format!(
            "SELECT {COLUMNS} FROM stripe_events WHERE {condition} ORDER BY received_at DESC, id DESC LIMIT ?{}",
            values.len()
        );
        Ok(self.tx.query(&sql, &values, event)?)
    }
}
