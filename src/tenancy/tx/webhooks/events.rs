//! Events on their way to endpoints.

use crate::error::{Error, Result};
use crate::id::{DeliveryId, WebhookEndpointId};
use crate::model::webhook::{Delivery, Event, MOST_PENDING};
use crate::params;
use crate::tenancy::tx::TenantTx;

impl TenantTx<'_> {
    /// Enqueues an event for every endpoint that asks for its type, each once whatever becomes of this. Tells for how many.
    ///
    /// # Errors
    /// As the database says.
    pub fn add_webhook_event(&self, event: &Event) -> Result<usize> {
        let asking = self.tx.query(
            "SELECT id FROM _webhook_endpoints WHERE status = 'enabled' AND ' ' || events || ' ' LIKE '% ' || ?1 || ' %'
             ORDER BY id",
            params![event.kind.name()],
            |row| row.get::<WebhookEndpointId>(0),
        )?;
        let mut added = 0;
        for endpoint in asking {
            added += usize::from(self.insert_delivery(endpoint, event, None)?.is_some());
        }
        Ok(added)
    }

    /// Enqueues an event for one endpoint, of a record with its table; nothing where it was there before.
    pub(super) fn insert_delivery(
        self,
        endpoint: WebhookEndpointId,
        event: &Event,
        table: Option<&str>,
    ) -> Result<Option<DeliveryId>> {
        let (id, now) = (DeliveryId::new(self.now()), self.now());
        let inserted = self.tx.execute(
            "INSERT INTO _webhook_deliveries (id, endpoint_id, event_id, type, body, status, next_at, created_at, table_name,
               terms)
             SELECT ?1, ?2, ?3, ?4, ?5, 'pending', ?6, ?6, ?7, terms FROM _webhook_endpoints WHERE id = ?2
             ON CONFLICT (endpoint_id, event_id) DO NOTHING",
            params![id, endpoint, event.id, event.kind.name(), &event.body, now, table],
        )?;
        Ok((inserted > 0).then_some(id))
    }

    /// Enqueues an event that tries one endpoint, whatever it asks for.
    ///
    /// # Errors
    /// 404; 409 `endpoint_disabled`, `too_many_pending`.
    pub fn add_webhook_test(&self, endpoint: WebhookEndpointId, event: &Event) -> Result<Delivery> {
        self.require_room(endpoint)?;
        let id = self.insert_delivery(endpoint, event, None)?;
        self.find_webhook_delivery(endpoint, id.ok_or_else(|| Error::internal("an event came twice"))?)
    }

    /// Refuses what is asked for by hand where the endpoint is disabled or has much before it already.
    ///
    /// # Errors
    /// 404; 409 `endpoint_disabled`, `too_many_pending`.
    pub fn require_room(&self, endpoint: WebhookEndpointId) -> Result<()> {
        if self.find_webhook_endpoint(endpoint)?.status != "enabled" {
            return Err(Error::conflict(
                "endpoint_disabled",
                "This endpoint is disabled. Enable it first: PATCH it with {\"status\":\"enabled\"}.",
            ));
        }
        if self.pending_of(endpoint)? >= MOST_PENDING {
            return Err(Error::conflict(
                "too_many_pending",
                format!(
                    "{MOST_PENDING} deliveries wait for this endpoint already. Wait until some are done."
                ),
            ));
        }
        Ok(())
    }

    /// How many deliveries wait for an endpoint; no more than matter are counted.
    pub(super) fn pending_of(self, endpoint: WebhookEndpointId) -> Result<i64> {
        Ok(self.tx.count(
            "SELECT count(*) FROM (SELECT 1 FROM _webhook_deliveries WHERE endpoint_id = ?1 AND status = 'pending' LIMIT ?2)",
            params![endpoint, MOST_PENDING],
        )?)
    }
}
