//! The proof of access to one tenant.

mod answers;
mod catalog;
mod contents;
mod entitlements;
mod invoices;
mod jobs;
mod tables;
mod timed;
mod usage;

pub use catalog::CatalogOf;

use super::console::{self, Console};
use super::file::TenantFile;
use super::open_files::{InUse, migrating};
use super::tx::changes::record_changes;
use super::{Listener, Tenancy, TenantTx};
use crate::catalog::{Actor, By, Principal, Tenant};
use crate::error::{Error, Kind, Result};
use crate::id::{IdentityId, TenantId};
use crate::model::table::Schema;
use crate::model::tenant::Act;
use crate::policy::{Held, OWNER, Permission, PermissionSet, Roles};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// Proof of access to one tenant, for one request or job.
///
/// It can be had in three ways only: for a member ([`TenantScope::for_member`]), for a job
/// ([`TenantScope::for_job`]), for an operator ([`TenantScope::for_operator`]). It cannot be made by hand nor copied.
pub struct TenantScope {
    tenant: Arc<Tenant>,
    /// As lines of app.toml call it, which have none for a role of the tenant.
    role: Option<Arc<str>>,
    permissions: Held,
    act: Act,
    by: By,
    tenancy: Arc<Tenancy>,
    /// Leased at the first use: a request whose body is still on its way holds no file open.
    file: OnceCell<InUse>,
}

/// The right to work on one tenant in the background. Handed out by [`Tenancy`] with the work itself.
pub struct Lease {
    tenant: TenantId,
}

impl Lease {
    pub(super) fn new(tenant: TenantId) -> Lease {
        Lease { tenant }
    }

    /// The tenant.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant
    }
}

impl TenantScope {
    /// The scope of a member: membership, permission (where one is needed) and state are read now, in this order.
    ///
    /// # Errors
    /// 404 for who is no member, 403 without the second factor that the tenant asks for or without the permission, 409 when the state forbids the act. A file that
    /// cannot be served is told at its first use.
    pub async fn for_member(
        tenancy: &Arc<Tenancy>,
        principal: &Principal,
        selector: &str,
        permission: Option<Permission>,
        act: Act,
        address: String,
    ) -> Result<TenantScope> {
        let catalog = tenancy.catalog();
        let tenant = catalog.tenant(selector).await?;
        let membership = catalog.membership(tenant.id, principal.id()).await?;
        let app = tenancy.app();
        let bound = principal.bound_in(tenant.id)?;
        let permissions = Held::bound_by(membership.permissions(&app.roles), bound);
        // Lines of app.toml are those of its own roles.
        let role = Some(membership.role).filter(|_| membership.own.is_none());
        if !tenant.status.is_visible() {
            return Err(Error::not_found());
        }
        if (tenant.second_factor_required || app.second_factor_required) && !principal.has_second_factor() {
            return Err(second_factor_required());
        }
        // A line of app.toml may give it for single tables; which, is asked as the table is named.
        if let Some(permission) = permission
            && !app.roles.lines().lets_in(role.as_deref(), permissions, permission)
        {
            return Err(Error::forbidden(permission.name()));
        }
        tenant.admit(act)?;
        tenancy.count_request(&tenant, permission)?;
        let by = principal.by(address);
        Ok(TenantScope::of(tenancy, tenant, role, permissions, act, by))
    }

    /// The scope of a job. Whatever happened to the tenant since the job was enqueued counts now.
    ///
    /// # Errors
    /// 404 when the tenant is gone.
    pub async fn for_job(tenancy: &Arc<Tenancy>, lease: &Lease) -> Result<TenantScope> {
        let tenant = tenancy.catalog().tenant(&lease.tenant.to_string()).await?;
        tenant.admit(Act::Leave)?;
        Ok(TenantScope::of(
            tenancy,
            tenant,
            Some("job".into()),
            Held::all_of(PermissionSet::default()),
            Act::Leave,
            By::system(),
        ))
    }

    /// The scope of an operator, with the reason, which is audited in the tenant's log.
    ///
    /// # Errors
    /// 404 when the tenant is gone, 409 when the state forbids the act.
    pub async fn for_operator(
        tenancy: &Arc<Tenancy>,
        by: By,
        selector: &str,
        act: Act,
        reason: &'static str,
    ) -> Result<TenantScope> {
        let tenant = tenancy.catalog().tenant(selector).await?;
        tenant.admit(act)?;
        let (id, entry) = (tenant.id, by.clone());
        tenancy
            .catalog()
            .write("operator_access", move |tx| {
                tx.of(id).audit(&entry, "operator.access", "", &serde_json::json!({ "reason": reason }))
            })
            .await?;
        Ok(TenantScope::of(tenancy, tenant, Some(OWNER.into()), Held::all_of(PermissionSet::all()), act, by))
    }

    fn of(
        tenancy: &Arc<Tenancy>,
        tenant: Arc<Tenant>,
        role: Option<Arc<str>>,
        permissions: Held,
        act: Act,
        by: By,
    ) -> TenantScope {
        let tenancy = Arc::clone(tenancy);
        TenantScope { tenant, role, permissions, act, by, tenancy, file: OnceCell::new() }
    }

    async fn file(&self) -> Result<&TenantFile> {
        self.file.get_or_try_init(|| self.lease()).await?.file()
    }

    /// What went wrong for the tables being others by now is no fault of ours: to be tried again.
    fn unless_replaced(&self, error: Error) -> Error {
        let is_replaced = self.file.get().is_some_and(InUse::is_replaced);
        if is_replaced && error.kind() == Kind::Internal { migrating().because(error) } else { error }
    }

    /// Lets go of the tenant's file until the next use: who waits for a slow peer must not keep it open.
    pub fn release_file(&mut self) {
        self.file.take();
    }

    /// The tenant as it was when the scope was made.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The role by which the scope was given; none where the tenant defined it.
    pub fn role(&self) -> Option<&Arc<str>> {
        self.role.as_ref()
    }

    /// Who acts, for the audit log.
    pub fn by(&self) -> &By {
        &self.by
    }

    /// The identity that acts; jobs and the console have none.
    pub fn identity(&self) -> Option<IdentityId> {
        match self.by.actor {
            Actor::Identity(id) | Actor::Operator(id) | Actor::ApiKey { holder: id, .. } => Some(id),
            Actor::Console | Actor::System => None,
        }
    }

    /// The roles of this installation. The tenant may have more: see [`crate::catalog::OfTenant::roles`].
    pub fn app_roles(&self) -> &Roles {
        &self.tenancy.app().roles
    }

    /// Whether the permission is among those that were checked.
    pub fn has(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }

    /// Asks again in the words of the act, at the place that acts.
    ///
    /// # Errors
    /// 403 with the permission's name.
    pub fn require(&self, permission: Permission) -> Result<()> {
        if self.has(permission) { Ok(()) } else { Err(Error::forbidden(permission.name())) }
    }

    /// The tables of the tenant.
    ///
    /// # Errors
    /// 503 when the file cannot be served.
    pub async fn schema(&self) -> Result<&Arc<Schema>> {
        Ok(&self.file().await?.schema)
    }

    /// Reads from the tenant's file. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns; 503 when no reader is free in time; 504 when it runs too long.
    pub async fn read<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read(move |tx| timed.run(|| act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The same for an `act` of one query, which sees one moment without a transaction around it.
    ///
    /// # Errors
    /// As [`TenantScope::read`].
    pub async fn read_one<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read_one(move |tx| timed.run(|| act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The same for what may take long within a single row.
    ///
    /// # Errors
    /// As [`TenantScope::read`].
    pub async fn read_slow<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read_slow(move |tx| timed.run(|| act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The right to run one SQL statement that somebody wrote, once it is its turn.
    ///
    /// # Errors
    /// 429 and 503 when too many run; 503 when the file cannot be served.
    pub async fn console(&self) -> Result<Console<'_>> {
        let path = self.tenancy.layout().tenant_file(self.tenant.id);
        let readable = console::readable(self.readable_tables().await?.map(Arc::as_ref));
        Console::open(&self.tenancy.workers, self.file().await?, path, readable).await
    }

    /// Writes to the tenant's file in one transaction; the answer comes when it is on disk. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns; 503 when too many writes wait or the disk refuses.
    pub async fn write<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        if self.act != Act::Write {
            return Err(Error::internal(format!(
                "{name} writes with a scope that was given for {:?}",
                self.act
            )));
        }
        let file = self.file().await?;
        let (tracked, actor) = (Arc::clone(&file.tracked), self.by.actor);
        let (feeds, keep, tenant) = (Arc::clone(&self.tenancy.feeds), self.tenancy.keep, self.tenant.id);
        let (metering, timed) = (self.metering(file), self.timed());
        let write = file.database.write(name, move |tx| {
            timed.run(|| {
                let tenant_tx = TenantTx::new(tx);
                let storage = metering.storage(tenant_tx)?;
                let result = act(&tenant_tx)?;
                let recorded = record_changes(tenant_tx, &tracked, actor, &keep)?;
                if !recorded.billable.is_empty() {
                    metering.take_billable(tenant_tx, &recorded.billable)?;
                }
                if let Some(storage) = storage {
                    storage.admit(tenant_tx)?;
                }
                if let Some(seq) = recorded.last {
                    let feeds = Arc::clone(&feeds);
                    tx.after_commit(move || feeds.announce(tenant, seq));
                }
                Ok(result)
            })
        });
        write.await
    }

    /// Listens to the changes of this tenant, beyond the life of this scope: whoever is woken asks for access anew.
    ///
    /// # Errors
    /// 429 `too_many_streams`.
    pub fn listen(&self, identity: IdentityId) -> Result<Listener> {
        self.tenancy.feeds.listen(self.tenant.id, identity)
    }

    /// The catalog, as far as it is about this tenant.
    pub fn catalog(&self) -> CatalogOf {
        CatalogOf { catalog: Arc::clone(self.tenancy.catalog()), tenant: self.tenant.id }
    }
}

/// 403 for who has no second factor where one is asked for.
pub fn second_factor_required() -> Error {
    Error::new(
        Kind::Forbidden,
        "second_factor_required",
        "A second factor is asked for here. Set one up: POST /api/v1/auth/totp/enroll gives the secret for \
         an authenticator app, POST /api/v1/auth/totp/confirm takes the first code. Then try again.",
    )
}
