//! The way of a scope to the tenant's webhooks.

use super::TenantScope;
use crate::catalog::Maker;
use crate::error::{Error, Result};
use crate::id::WebhookEndpointId;
use crate::model::table::{Schema, Table, TableKind};
use crate::model::webhook::{Endpoint, EndpointTerms, Event, EventType, ReadsAs};
use crate::policy::{OWNER, Permission, PermissionSet};
use crate::tenancy::tx::TenantTx;
use crate::tenancy::tx::webhooks::{Asked, Waiting};
use crate::tenancy::{App, Wants};
use std::sync::Arc;

/// The tables, and who may be told of which.
struct Told {
    app: Arc<App>,
    schema: Arc<Schema>,
}

impl Told {
    /// The table of that name, where it may be told of.
    fn table(&self, reads_as: &ReadsAs, name: &str) -> Option<Arc<Table>> {
        let table = self.schema.table(name).filter(|table| table.kind == TableKind::Table)?;
        // A role that is no longer known reads what no line withholds from anybody.
        let role = reads_as.role.as_deref().filter(|role| self.app.roles.is_known(role));
        let rights = self.app.roles.lines().bounded(name, role, reads_as.held());
        rights.read.then(|| Arc::clone(table))
    }

    /// Whether `one` may be told of all that `other` may be told of.
    fn covers(&self, one: &ReadsAs, other: &ReadsAs) -> bool {
        let of_records = self
            .schema
            .tables()
            .all(|table| self.table(other, &table.name).is_none() || self.table(one, &table.name).is_some());
        let mut others = EventType::offered().filter(|kind| !kind.is_of_records());
        of_records && others.all(|kind| one.knows_of(kind) || !other.knows_of(kind))
    }
}

impl TenantScope {
    async fn told(&self) -> Result<Told> {
        Ok(Told { app: Arc::clone(self.tenancy.app()), schema: Arc::clone(&self.file().await?.schema) })
    }

    /// As whom endpoints that are made with this scope are told.
    pub fn reads_as(&self) -> ReadsAs {
        ReadsAs {
            maker: self.by.actor.to_string(),
            role: self.role.as_deref().map(str::to_owned),
            permissions: self.permissions.set(),
            reads_records: self.permissions.lets_through(Permission::RecordsRead),
        }
    }

    /// Asks for what whoever has such events sent must be allowed to see; of records, of any table.
    ///
    /// # Errors
    /// 403 with the permission's name.
    pub fn require_events(&self, kind: EventType) -> Result<()> {
        match kind.permission() {
            Some(permission) if kind.is_of_records() && !self.may_enter(Wants::Read) => {
                Err(Error::forbidden(permission.name()))
            }
            Some(permission) if !kind.is_of_records() => self.require(permission),
            _ => Ok(()),
        }
    }

    /// What is lacking to see what was sent: an event of that type, of a record of that table.
    pub fn lacks_for_event(&self, kind: Option<EventType>, table: Option<&str>) -> Option<Permission> {
        let Some(kind) = kind else { return Some(Permission::RecordsRead) };
        let knows = match (kind.is_of_records(), table) {
            (true, Some(table)) => self.rights(table).read,
            (true, None) => false,
            (false, _) => kind.permission().is_none_or(|permission| self.has(permission)),
        };
        kind.permission().filter(|_| !knows)
    }

    /// What somebody may do in this tenant now, by the name that the log has for them and by what a request of theirs would
    /// be let in with; nothing where they are no member any more, or a key that is over.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn present(&self, maker: &str) -> Result<Option<ReadsAs>> {
        let roles = &self.tenancy.app().roles;
        let of = |role: Option<String>, permissions: PermissionSet, bound: PermissionSet| ReadsAs {
            maker: maker.to_owned(),
            role,
            permissions: permissions.within(bound),
            reads_records: bound.has(Permission::RecordsRead),
        };
        let maker = match Maker::parse(maker) {
            Some(Maker::House) => {
                return Ok(Some(of(Some(OWNER.to_owned()), PermissionSet::all(), PermissionSet::all())));
            }
            Some(maker) => maker,
            None => return Ok(None),
        };
        let found = self.tenancy.catalog().membership_of(self.tenant.id, maker).await?;
        Ok(found.map(|(membership, bound)| {
            let permissions = membership.permissions(roles);
            // Lines of app.toml are those of its own roles.
            let role = membership.own.is_none().then(|| membership.role.as_ref().to_owned());
            of(role, permissions, bound)
        }))
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// 404; as [`TenantScope::write`].
    pub async fn update_webhook_endpoint(
        &self,
        id: WebhookEndpointId,
        terms: EndpointTerms,
        is_enabled: Option<bool>,
    ) -> Result<Endpoint> {
        let told = self.told().await?;
        self.write_webhooks("update_webhook_endpoint", move |tx| {
            tx.update_webhook_endpoint(id, &terms, is_enabled, &|one, other| told.covers(one, other))
        })
        .await
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
            tx.after_commit(ticket.teller(None));
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
                tx.after_commit(ticket.teller(None));
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
        let Some(maker) = self.read_one(move |tx| tx.find_webhook_maker(endpoint)).await? else {
            return Ok(None);
        };
        let (told, present) = (self.told().await?, self.present(&maker).await?);
        let asked = Asked { tenant: self.tenant.id, endpoint, most, sweeps, maker, present };
        self.write_jobs("take_deliveries", move |tx| {
            tx.take_waiting_deliveries(&asked, &|reads_as, name| told.table(reads_as, name))
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
