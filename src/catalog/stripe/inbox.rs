//! The way of an event through the inbox: taken in, worked off, put off, put back.

use super::events::{COLUMNS, NewStripeEvent, StripeEvent, StripeEventStatus, StripeOutcome, event};
use crate::catalog::CatalogTx;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::params;

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

    /// Notes what came of an event that was pending. One that waits for a customer who has become known in the meantime is
    /// due again instead.
    ///
    /// # Errors
    /// As the database says.
    pub fn finish_stripe_event(&self, id: &str, outcome: &StripeOutcome) -> Result<()> {
        if let Some(customer) = &outcome.waits_for
            && self.tenant_of_stripe_customer(customer)?.is_some()
        {
            self.tx.execute(
                "UPDATE stripe_events SET customer = ?2, next_at = ?3 WHERE id = ?1 AND status = 'pending'",
                params![id, customer.as_str(), self.now()],
            )?;
            return Ok(());
        }
        let changed = serde_json::to_string(&outcome.changed)?;
        self.tx.execute(
            "UPDATE stripe_events SET status = ?2, changed = ?3, reason = ?4, tenant_id = coalesce(?5, tenant_id), done_at = ?6,
               customer = coalesce(?7, customer)
             WHERE id = ?1 AND status = 'pending'",
            params![
                id,
                outcome.status.name(),
                changed,
                outcome.reason.as_deref(),
                outcome.tenant,
                self.now(),
                outcome.waits_for.as_deref()
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
