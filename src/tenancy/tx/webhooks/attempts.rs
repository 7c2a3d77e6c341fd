//! What came of attempts.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::WebhookEndpointId;
use crate::model::job::told;
use crate::model::webhook::{MOST_ATTEMPTS_KEPT, MOST_FAILING, Tried, pause};
use crate::params;
use crate::tenancy::tx::TenantTx;

/// What attempts led to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// How many were taken.
    pub taken: usize,
    /// How many were given up.
    pub given_up: usize,
    /// Whether the endpoint was disabled.
    pub is_disabled: bool,
}

impl TenantTx<'_> {
    /// Notes attempts at deliveries to one endpoint. It is disabled where it is gone, or has failed for long.
    ///
    /// # Errors
    /// As the database says.
    pub fn note_webhook_attempts(&self, endpoint: WebhookEndpointId, all: &[Tried]) -> Result<Noted> {
        let mut noted = Noted::default();
        let (mut is_gone, mut failed) = (false, false);
        for tried in all {
            let found = self.tx.query_row(
                "SELECT number, attempts, (SELECT coalesce(max(a.number), 0) FROM _webhook_attempts a WHERE a.delivery = d.number)
                 FROM _webhook_deliveries d WHERE id = ?1 AND endpoint_id = ?2 AND status = 'pending'",
                params![tried.id, endpoint],
                |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?)),
            )?;
            // Removed while it was on its way.
            let Some((delivery, before, last)) = found else { continue };
            self.insert_attempt(delivery, last + 1, tried)?;
            let attempts = before + 1;
            let next = if tried.is_taken() {
                noted.taken += 1;
                None
            } else {
                failed = true;
                is_gone |= tried.status == Some(410);
                pause(attempts, tried.wait, tried.random).map(|wait| self.now().plus(wait))
            };
            let status = match next {
                Some(_) => "pending",
                None if tried.is_taken() => "delivered",
                None => {
                    noted.given_up += 1;
                    "failed"
                }
            };
            self.tx.execute(
                "UPDATE _webhook_deliveries SET status = ?2, attempts = ?3, next_at = ?4, ended_at = ?5 WHERE number = ?1",
                params![delivery, status, attempts, next, next.is_none().then_some(self.now())],
            )?;
        }
        noted.is_disabled = self.note_health(endpoint, noted.taken > 0, failed, is_gone)?;
        Ok(noted)
    }

    fn insert_attempt(self, delivery: i64, number: i64, tried: &Tried) -> Result<()> {
        self.tx.execute(
            "INSERT INTO _webhook_attempts (delivery, number, at, duration_ms, status, response, error)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                delivery,
                number,
                tried.at,
                tried.duration_ms,
                tried.status.map(i64::from),
                tried.response.as_deref(),
                tried.fault().as_deref().map(told)
            ],
        )?;
        self.tx.execute(
            "DELETE FROM _webhook_attempts WHERE delivery = ?1 AND number <= ?2",
            params![delivery, number - MOST_ATTEMPTS_KEPT],
        )?;
        Ok(())
    }

    /// Notes how the endpoint does; whether it is disabled with that.
    fn note_health(
        self,
        endpoint: WebhookEndpointId,
        has_taken: bool,
        has_failed: bool,
        is_gone: bool,
    ) -> Result<bool> {
        let found = self.tx.query_row(
            "SELECT failing_since FROM _webhook_endpoints WHERE id = ?1 AND status = 'enabled'",
            params![endpoint],
            |row| row.get::<Option<Timestamp>>(0),
        )?;
        let Some(before) = found else { return Ok(false) };
        let since = if has_taken { None } else { before.or(has_failed.then_some(self.now())) };
        if since != before {
            self.tx.execute(
                "UPDATE _webhook_endpoints SET failing_since = ?2 WHERE id = ?1",
                params![endpoint, since],
            )?;
        }
        let has_failed_long = since.is_some_and(|since| self.now().since(since) >= MOST_FAILING);
        if is_gone || (has_failed && has_failed_long) {
            self.disable_webhook_endpoint(endpoint, if is_gone { "gone" } else { "failing" }, true)?;
            return Ok(true);
        }
        Ok(false)
    }
}
