//! The proof of access to one tenant.

mod admission;
mod answers;
mod catalog;
mod contents;
mod entitlements;
mod invoices;
mod jobs;
mod refusals;
mod tables;
mod timed;
mod transactions;
mod usage;
mod webhooks;

pub use catalog::CatalogOf;
pub(super) use timed::Timed;

use super::admission::Admitted;
use super::open_files::InUse;
use super::{Listener, Tenancy};
use crate::catalog::{Actor, By, Principal, Tenant};
use crate::error::{Error, Kind, Result};
use crate::id::{IdentityId, TenantId};
use crate::model::tenant::Act;
use crate::policy::{Held, OWNER, Permission, PermissionSet, Roles};
use crate::telemetry::subject::note_tenant;
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
    /// Whether it comes again rather than wait for a migration.
    passes: bool,
    /// Whether it is one of many that are looked at in a row.
    glances: bool,
    tenancy: Arc<Tenancy>,
    /// Leased at the first use: a request whose body is still on its way holds no file open.
    file: OnceCell<InUse>,
    /// What the request was let in with past the tenant's limits; jobs and operators are not limited by them.
    admitted: Option<Arc<Admitted>>,
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
    /// The scope of a member: membership, permission (where one is needed) and state are read now, in this order. A request
    /// then has to be [admitted](TenantScope::admit) by the tenant's limits.
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
        address: Arc<str>,
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
        // What is refused to a member is of the tenant as well; what strangers ask is of none.
        note_tenant(tenant.id);
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
                let of = tx.of(id);
                // It may have been erased meanwhile: nothing is written of it any more.
                of.tenant()?.status.admit(act)?;
                of.audit(&entry, "operator.access", "", &serde_json::json!({ "reason": reason }))
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
        TenantScope {
            tenant,
            role,
            permissions,
            act,
            by,
            passes: false,
            glances: false,
            tenancy,
            file: OnceCell::new(),
            admitted: None,
        }
    }

    /// From here on it is refused with 503 `tenant_migrating` instead of waiting while the tenant is being migrated: for who
    /// keeps others waiting meanwhile, and comes again.
    pub fn wait_for_no_migration(&mut self) {
        self.passes = true;
    }

    /// From here on it waits for no migration either, and its file is the first that makes way for another: for who looks at
    /// many tenants in a row, and must not push those out that are in use.
    pub fn glance(&mut self) {
        self.glances = true;
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
