//! What is to be told and does not come from records: from the catalog, and of limits.

use crate::clock::{SECOND, Timestamp};
use crate::error::Result;
use crate::id::TenantId;
use crate::model::webhook::Event;
use crate::service::Installation;
use crate::tenancy::tx::usage::Untold;
use crate::tenancy::{Tenancy, TenantScope};
use std::collections::HashMap;

/// Tenants of one read.
const TENANTS: u32 = 1_000;
/// Events of one transaction.
const EVENTS: u32 = 100;

/// How long a tenant whose file cannot be written is left alone, in milliseconds.
const PAUSE: i64 = 30 * SECOND;

/// Carries what happened in the catalog into the files of the tenants.
#[derive(Default)]
pub struct Carrier {
    /// Tenants whose files could not be written, and until when they are left alone.
    paused: HashMap<TenantId, Timestamp>,
}

impl Carrier {
    /// Carries what there is. What was carried before and not removed comes again and changes nothing. One tenant whose file
    /// cannot be written keeps no other.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn carry(&mut self, installation: &Installation) -> Result<()> {
        let tenants = installation.catalog.read(|tx| tx.list_tenants_with_webhook_events(TENANTS)).await?;
        let now = installation.clock.now();
        self.paused.retain(|_, until| *until > now);
        for tenant in tenants {
            if !self.paused.contains_key(&tenant)
                && let Err(error) = carry_events_of(installation, tenant).await
            {
                tracing::warn!(tenant_id = %tenant, error = ?error, "events wait for a tenant's file; it is tried again");
                self.paused.insert(tenant, now.plus(PAUSE));
            }
        }
        Ok(())
    }
}

async fn carry_events_of(installation: &Installation, tenant: TenantId) -> Result<()> {
    let scope = TenantScope::for_job(&installation.tenancy, &Tenancy::lease_for_jobs(tenant)).await?;
    loop {
        let found = scope.catalog().read(|of| of.list_webhook_events(EVENTS)).await?;
        let Some(last) = found.last().map(|event| event.seq) else { return Ok(()) };
        let event = |found: &crate::catalog::WebhookEvent| {
            Event::new(tenant, &found.key, found.kind, found.at, &found.data)
        };
        scope.add_webhook_events(found.iter().map(event).collect()).await?;
        scope.catalog().write("webhook_events_carried", move |of| of.delete_webhook_events(last)).await?;
    }
}

/// Tells endpoints of limits that have come to a threshold. Once more changes nothing.
pub(in crate::service) async fn tell_notices(scope: &TenantScope, notices: &[Untold]) -> Result<()> {
    let tenant = scope.tenant().id;
    let event = |Untold { notice, .. }: &Untold| {
        let (kind, key, data) = notice.event();
        Event::new(tenant, &key, kind, notice.at, &data)
    };
    scope.add_webhook_events(notices.iter().map(event).collect()).await
}
