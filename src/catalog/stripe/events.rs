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

const COLUMNS: &str = "id, type, object, customer, tenant_id, livemode, created, received_at, source, status, changed, reason, \
     attempts, next_at, done_at";

fn event(row: &Row<'_>) -> Result<StripeEvent, DbError> {
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
    /// Takes an event in. False for one that is there already.
    ///
    /// # Errors
    /// As the database says.
    pub fn insert_stripe_event(&self, event: &NewStripeEvent) -> Result<bool> {
        let (status, done_at) = match event.parked {
            Some(_) => (StripeEventStatus::Parked, Some(self.now())),
            None => (StripeEventStatus::Pending, None),
        };
        let inserted = self.tx.execute(
            "INSERT INTO stripe_events
               (id, type, object, customer, livemode, created, received_at, source, payload, status, reason, next_at, done_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?7, ?12) ON CONFLICT (id) DO NOTHING",
            params![
                event.id.as_str(),
                event.kind.as_str(),
                event.object.as_str(),
                event.customer.as_deref(),
                event.livemode,
                event.created,
                self.now(),
                if event.recovered { "recovery" } else { "webhook" },
                event.payload.as_str(),
                status.name(),
                event.parked,
                done_at
            ],
        )?;
        Ok(inserted > 0)
    }

    /// Events whose time has come, those first that arose first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_due_stripe_events(&self, limit: u32) -> Result<Vec<StripeEvent>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM stripe_events WHERE status = 'pending' AND next_at <= ?1 ORDER BY created, id LIMIT ?2"
        );
        Ok(self.tx.query(&sql, params![self.now(), limit], event)?)
    }

    /// Notes what came of an event that was pending.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_stripe_event(&self, id: &str, outcome: &StripeOutcome) -> Result<()> {
        let changed = serde_json::to_string(&outcome.changed)?;
        self.tx.execute(
            "UPDATE stripe_events SET status = ?2, changed = ?3, reason = ?4, tenant_id = coalesce(?5, tenant_id), done_at = ?6
             WHERE id = ?1 AND status = 'pending'",
            params![
                id,
                outcome.status.name(),
                changed,
                outcome.reason.as_deref(),
                outcome.tenant,
                self.now()
            ],
        )?;
        Ok(())
    }

    /// Puts off an event that could not be worked off now.
    ///
    /// # Errors
    /// As the database says.
    pub fn postpone_stripe_event(&self, id: &str, reason: &str, until: Timestamp) -> Result<()> {
        self.tx.execute(
            "UPDATE stripe_events SET attempts = attempts + 1, reason = ?2, next_at = ?3 WHERE id = ?1 AND status = 'pending'",
            params![id, reason, until],
        )?;
        Ok(())
    }

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

    /// Puts an event that is done with back into the inbox.
    ///
    /// # Errors
    /// 404 where there is none.
    pub fn replay_stripe_event(&self, id: &str) -> Result<StripeEvent> {
        self.stripe_event(id)?;
        self.tx.execute(
            "UPDATE stripe_events SET status = 'pending', changed = '[]', reason = NULL, attempts = 0, next_at = ?2,
               done_at = NULL WHERE id = ?1",
            params![id, self.now()],
        )?;
        self.stripe_event(id)
    }

    /// Puts events of a customer that were parked back into the inbox: it is known now. Tells how many.
    ///
    /// # Errors
    /// As the database says.
    pub fn unpark_stripe_events(&self, customer: &str, livemode: bool) -> Result<usize> {
        Ok(self.tx.execute(
            "UPDATE stripe_events SET status = 'pending', reason = NULL, next_at = ?3, done_at = NULL
             WHERE customer = ?1 AND status = 'parked' AND livemode = ?2",
            params![customer, livemode, self.now()],
        )?)
    }

    /// Removes events that came before `before` and are done with; those that wait for somebody stay.
    ///
    /// # Errors
    /// As the database says.
    pub fn sweep_stripe_events(&self, before: Timestamp) -> Result<usize> {
        Ok(self.tx.execute(
            "DELETE FROM stripe_events WHERE received_at < ?1 AND status IN ('applied', 'ignored')",
            params![before],
        )?)
    }
}
