//! The job of an endpoint: there is one while there is anything to be sent to it.

use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::WebhookEndpointId;
use crate::model::webhook::{KEPT, MOST_PENDING};
use crate::params;
use crate::tenancy::tx::TenantTx;

/// The kind of these jobs.
pub const KIND: &str = "tenantry.webhooks";

struct Endpoint {
    id: WebhookEndpointId,
    is_enabled: bool,
    hears_records: bool,
    is_to_be_told_of: bool,
    seen: i64,
}

impl TenantTx<'_> {
    /// Sees to it that the job of each endpoint is queued for when there is something to be done for it. Tells when the
    /// first of these is. Costs one look where there is no endpoint.
    ///
    /// # Errors
    /// As the database says.
    pub fn wake_webhooks(&self) -> Result<Option<Timestamp>> {
        let endpoints = self.tx.query(
            "SELECT id, status, events LIKE '%record.%', notice_due, seen FROM _webhook_endpoints ORDER BY id",
            &[],
            |row| {
                Ok(Endpoint {
                    id: row.get(0)?,
                    is_enabled: row.get::<String>(1)? == "enabled",
                    hears_records: row.get(2)?,
                    is_to_be_told_of: row.get(3)?,
                    seen: row.get(4)?,
                })
            },
        )?;
        if endpoints.is_empty() {
            return Ok(None);
        }
        let latest = self.latest_change()?;
        let mut first: Option<Timestamp> = None;
        for endpoint in &endpoints {
            if let Some(at) = self.wanted_at(endpoint, latest)? {
                let payload = format!("{{\"endpoint_id\":\"{}\"}}", endpoint.id);
                self.wake_job(KIND, &endpoint.id.to_string(), &payload, at)?;
                first = Some(first.map_or(at, |first| first.min(at)));
            }
        }
        Ok(first)
    }

    /// When there is something to be done for an endpoint.
    fn wanted_at(self, endpoint: &Endpoint, latest: i64) -> Result<Option<Timestamp>> {
        let now = self.now();
        if endpoint.is_to_be_told_of {
            return Ok(Some(now));
        }
        if !endpoint.is_enabled {
            return Ok(None);
        }
        if endpoint.hears_records && endpoint.seen < latest && self.pending_of(endpoint.id)? < MOST_PENDING {
            return Ok(Some(now));
        }
        let next = self.tx.query_row(
            "SELECT min(next_at) FROM _webhook_deliveries WHERE endpoint_id = ?1 AND status = 'pending'",
            params![endpoint.id],
            |row| row.get::<Option<Timestamp>>(0),
        )?;
        let oldest = self.tx.query_row(
            "SELECT min(ended_at) FROM _webhook_deliveries WHERE endpoint_id = ?1 AND ended_at IS NOT NULL",
            params![endpoint.id],
            |row| row.get::<Option<Timestamp>>(0),
        )?;
        Ok([next.flatten(), oldest.flatten().map(|at| at.plus(KEPT))].into_iter().flatten().min())
    }
}
