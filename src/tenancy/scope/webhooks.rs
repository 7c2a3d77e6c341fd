//! The way of a scope to the tenant's webhooks.

use super::TenantScope;
use crate::error::Result;
use crate::id::WebhookEndpointId;
use crate::model::table::{Table, TableKind};
use crate::model::webhook::{Event, ReadsAs};
use crate::policy::{Held, Permission, PermissionSet};
use crate::tenancy::Wants;
use crate::tenancy::tx::TenantTx;
use crate::tenancy::tx::webhooks::{Asked, Waiting};
use std::sync::Arc;

impl TenantScope {
    /// As whom endpoints that are made with this scope read records.
    pub fn reads_as(&self) -> ReadsAs {
        ReadsAs {
            role: self.role.as_deref().map(str::to_owned),
            reads_records: self.has(Permission::RecordsRead),
        }
    }

    /// Whether the scope may read records of any table.
    pub fn may_read_records(&self) -> bool {
        self.may_enter(Wants::Read)
    }

    /// Writes about endpoints of webhooks, and wakes whoever sends.
    ///
    /// # Errors
    /// What `act` returns; as [`TenantScope::write`].
    pub async fn write_webhooks<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let ticket = self.open_jobs().await?;
        let hooks = Arc::clone(&self.file().await?.hooks);
        self.write(name, move |tx| {
            // Before it is on disk: a write of records that follows it closely must not pass by unheard.
            hooks.set(true);
            let done = act(tx)?;
            tx.wake_webhooks()?;
            let (hooks, tells_of_records) = (Arc::clone(&hooks), tx.tells_of_records()?);
            tx.after_commit(move || hooks.set(tells_of_records));
            tx.after_commit(ticket.teller());
            Ok(done)
        })
        .await
    }

    /// Enqueues events for the endpoints that ask for them, in any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// As the file says.
    pub async fn add_webhook_events(&self, events: Vec<Event>) -> Result<()> {
        let ticket = self.open_jobs().await?;
        self.write_jobs("webhook_events", move |tx| {
            let mut added = 0;
            for event in &events {
                added += tx.add_webhook_event(event)?;
            }
            if added > 0 {
                tx.wake_webhooks()?;
                tx.after_commit(ticket.teller());
            }
            Ok(())
        })
        .await
    }

    /// What is to be sent to an endpoint now; nothing where it is gone or disabled.
    ///
    /// # Errors
    /// As the file says.
    pub async fn take_waiting_deliveries(
        &self,
        endpoint: WebhookEndpointId,
        most: u32,
        sweeps: bool,
    ) -> Result<Option<Waiting>> {
        let file = self.file().await?;
        let (schema, app) = (Arc::clone(&file.schema), Arc::clone(self.tenancy.app()));
        let asked = Asked { tenant: self.tenant.id, endpoint, most, sweeps };
        self.write_jobs("take_deliveries", move |tx| {
            let table = |reads_as: &ReadsAs, name: &str| -> Option<Arc<Table>> {
                let table = schema.table(name).filter(|table| table.kind == TableKind::Table)?;
                let held = if reads_as.reads_records {
                    Held::all_of(PermissionSet::of(Permission::RecordsRead))
                } else {
                    Held::all_of(PermissionSet::default())
                };
                // A role that is no longer known reads what no line withholds from anybody.
                let role = reads_as.role.as_deref().filter(|role| app.roles.is_known(role));
                let rights = app.roles.lines().bounded(name, role, held);
                rights.read.then(|| Arc::clone(table))
            };
            tx.take_waiting_deliveries(&asked, &table)
        })
        .await
    }

    /// From now on whoever writes records says again that there are changes to be told of.
    ///
    /// # Errors
    /// As the file says.
    pub async fn look_for_changes_begins(&self) -> Result<()> {
        self.file().await?.hooks.look_begins();
        Ok(())
    }
}
