//! Deliveries: looked at, replayed, removed when they were kept long enough.

use crate::db::{DbError, Row, Value};
use crate::error::{Error, Result};
use crate::id::{DeliveryId, WebhookEndpointId};
use crate::model::webhook::{Attempt, Delivery, DeliveryStatus, KEPT, MOST_ENDED};
use crate::params;
use crate::tenancy::tx::TenantTx;

const COLUMNS: &str = "id, endpoint_id, event_id, type, status, attempts, next_at, created_at, ended_at, number, table_name, \
     terms";
/// Rows that are removed at once.
const SWEPT_AT_ONCE: i64 = 500;

fn delivery(row: &Row<'_>) -> Result<Delivery, DbError> {
    Ok(Delivery {
        id: row.get(0)?,
        endpoint_id: row.get(1)?,
        event_id: row.get(2)?,
        kind: row.get(3)?,
        // Nobody writes another one.
        status: DeliveryStatus::parse(&row.get::<String>(4)?).unwrap_or(DeliveryStatus::Failed),
        attempt_count: row.get(5)?,
        next_attempt_at: row.get(6)?,
        created_at: row.get(7)?,
        ended_at: row.get(8)?,
        number: row.get(9)?,
        table: row.get(10)?,
        terms: row.get(11)?,
    })
}

impl TenantTx<'_> {
    /// Deliveries of an endpoint, newest first, older than the number `before`; of one status and type where these are said.
    ///
    /// # Errors
    /// 404 for an endpoint that there is not.
    pub fn list_webhook_deliveries(
        &self,
        endpoint: WebhookEndpointId,
        status: Option<DeliveryStatus>,
        kind: Option<&str>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        self.find_webhook_endpoint(endpoint)?;
        let mut values: Vec<Value> = vec![endpoint.into(), before.unwrap_or(i64::MAX).into(), limit.into()];
        let mut filter = |column: &str, value: Option<&str>| {
            let Some(value) = value else { return String::new() };
            values.push(value.into());
            format!(" AND {column} = ?{}", values.len())
        };
        let (of_status, of_type) = (filter("status", status.map(DeliveryStatus::name)), filter("type", kind));
        let sql = format!(
            "SELECT {COLUMNS} FROM _webhook_deliveries WHERE endpoint_id = ?1 AND number < ?2{of_status}{of_type}
             ORDER BY number DESC LIMIT ?3"
        );
        Ok(self.tx.query(&sql, &values, delivery)?)
    }

    /// One delivery.
    ///
    /// # Errors
    /// 404.
    pub fn find_webhook_delivery(&self, endpoint: WebhookEndpointId, id: DeliveryId) -> Result<Delivery> {
        let sql = format!("SELECT {COLUMNS} FROM _webhook_deliveries WHERE endpoint_id = ?1 AND id = ?2");
        self.tx.query_row(&sql, params![endpoint, id], delivery)?.ok_or_else(Error::not_found)
    }

    /// What is sent with a delivery, and the attempts at it that are kept, the newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_webhook_attempts(&self, number: i64) -> Result<(String, Vec<Attempt>)> {
        let body = self.tx.query_row(
            "SELECT body FROM _webhook_deliveries WHERE number = ?1",
            params![number],
            |row| row.get(0),
        )?;
        let attempts = self.tx.query(
            "SELECT number, at, duration_ms, status, response, error FROM _webhook_attempts WHERE delivery = ?1
             ORDER BY number DESC",
            params![number],
            |row| {
                Ok(Attempt {
                    number: row.get(0)?,
                    at: row.get(1)?,
                    duration_ms: row.get(2)?,
                    status: row.get(3)?,
                    response: row.get(4)?,
                    error: row.get(5)?,
                })
            },
        )?;
        Ok((body.unwrap_or_default(), attempts))
    }

    /// A delivery that can be sent again.
    ///
    /// # Errors
    /// 404; 409 `delivery_pending` while it is not over, `terms_changed` where the endpoint goes elsewhere since or acts for
    /// somebody who knows less, `endpoint_disabled`, `too_many_pending`.
    pub fn require_replayable(&self, endpoint: WebhookEndpointId, id: DeliveryId) -> Result<Delivery> {
        let before = self.find_webhook_delivery(endpoint, id)?;
        if before.status == DeliveryStatus::Pending {
            return Err(Error::conflict(
                "delivery_pending",
                "This delivery is on its way; it can be replayed once it was delivered or given up.",
            ));
        }
        let terms = self.tx.count("SELECT terms FROM _webhook_endpoints WHERE id = ?1", params![endpoint])?;
        if before.terms != terms {
            return Err(Error::conflict(
                "terms_changed",
                "This was to be sent before the endpoint got another URL, or began to act for somebody who may know \
                 less. It is not sent under other terms.",
            ));
        }
        self.require_room(endpoint)?;
        Ok(before)
    }

    /// Has a delivery sent again, now and as if it were new; with the same id of the event.
    ///
    /// # Errors
    /// As [`TenantTx::require_replayable`].
    pub fn replay_webhook_delivery(&self, endpoint: WebhookEndpointId, id: DeliveryId) -> Result<Delivery> {
        let before = self.require_replayable(endpoint, id)?;
        self.tx.execute(
            "UPDATE _webhook_deliveries SET status = 'pending', attempts = 0, next_at = ?2, ended_at = NULL WHERE number = ?1",
            params![before.number, self.now()],
        )?;
        self.find_webhook_delivery(endpoint, id)
    }

    /// Removes what ended long ago, and of much the oldest.
    pub(super) fn sweep_webhook_deliveries(self, endpoint: WebhookEndpointId) -> Result<()> {
        self.tx.execute(
            "DELETE FROM _webhook_deliveries WHERE number IN (SELECT number FROM _webhook_deliveries
               WHERE endpoint_id = ?1 AND ended_at <= ?2 ORDER BY ended_at LIMIT ?3)",
            params![endpoint, self.now().plus(-KEPT), SWEPT_AT_ONCE],
        )?;
        // Only of many the end has to be found.
        let ended = self.tx.count(
            "SELECT count(*) FROM _webhook_deliveries WHERE endpoint_id = ?1 AND ended_at IS NOT NULL",
            params![endpoint],
        )?;
        if ended > MOST_ENDED {
            self.tx.execute(
                "DELETE FROM _webhook_deliveries WHERE number IN (SELECT number FROM _webhook_deliveries
                   WHERE endpoint_id = ?1 AND ended_at IS NOT NULL ORDER BY ended_at LIMIT ?2)",
                params![endpoint, (ended - MOST_ENDED).min(SWEPT_AT_ONCE)],
            )?;
        }
        Ok(())
    }
}
