//! The permission in a handler's signature: [`Allowed`] hands over the scope that was given for it.

use super::address::refused_at_the_door;
use super::principal::SignedIn;
use super::problem::Problem;
use super::routes::{Access, Declared, TenantRoute};
use super::warnings::{let_in_to, limited_by};
use crate::error::{Error, Kind};
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::service::{Installation, Principal, step_up, tenants};
use crate::tenancy::{Admitted, TenantScope};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a handler needs of a tenant. The types that implement it stand in signatures.
pub(super) trait Need: Send + Sync + 'static {
    /// The permission; none where it is enough to be a member.
    const PERMISSION: Option<Permission>;
    /// What it does, as far as the tenant's state is concerned.
    const ACT: Act;
    /// Whether only somebody may do it who signed in or stepped up a moment ago.
    const FRESH: bool = false;
    /// All of it, as the table of routes declares it.
    const BOTH: TenantRoute = TenantRoute::new(Self::PERMISSION, Self::ACT).fresh(Self::FRESH);
}

macro_rules! needs {
    ($($name:ident = $permission:ident, $act:ident $(, $fresh:ident)?;)*) => {$(
        /// A need, see [`Need`].
        pub(super) struct $name;
        impl Need for $name {
            const PERMISSION: Option<Permission> = needs!(? $permission);
            const ACT: Act = Act::$act;
            $(const FRESH: bool = needs!(@ $fresh);)?
        }
    )*};
    (@ fresh) => { true };
    (? Nothing) => { None };
    (? $permission:ident) => { Some(Permission::$permission) };
}

needs! {
    ReadRecords = RecordsRead, Read;
    WriteRecords = RecordsWrite, Write;
    RunSql = RecordsSql, Read;
    ReadFiles = FilesRead, Read;
    WriteFiles = FilesWrite, Write;
    ReadTenant = MembersRead, Read;
    ChangeTenant = SettingsManage, Write;
    ReadMembers = MembersRead, Read;
    ManageMembers = MembersManage, Write;
    ManageKeys = KeysManage, Write, fresh;
    SeeKeys = KeysManage, Read;
    ManageRoles = RolesManage, Write;
    SeeInvitations = MembersManage, Read;
    LeaveTenant = Nothing, Write;
    TransferOwnership = OwnershipTransfer, Write, fresh;
    ReadAudit = AuditRead, Read;
    CloseTenant = TenantClose, Write, fresh;
    ReopenTenant = TenantClose, Leave;
    ExportTenant = TenantExport, Leave;
    ReadSubscription = BillingRead, Read;
    ReadInvoices = BillingRead, Read;
    ChangeSubscription = BillingManage, Pay;
    ManageBilling = BillingManage, Pay;
    EmitUsage = UsageWrite, Write;
    ReadUsage = UsageRead, Read;
    ReadLimits = LimitsRead, Read;
    SetSpendCap = BillingManage, Pay;
    ReadJobs = JobsRead, Read;
    WriteJobs = JobsWrite, Write;
    SeeWebhooks = WebhooksManage, Read;
    ManageWebhooks = WebhooksManage, Write;
}

/// The scope of a request whose handler needs `N`.
pub(super) struct Allowed<N> {
    pub(super) scope: TenantScope,
    pub(super) principal: Principal,
    need: PhantomData<N>,
}

impl<N: Need> FromRequestParts<Arc<Installation>> for Allowed<N> {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        installation: &Arc<Installation>,
    ) -> Result<Allowed<N>, Problem> {
        let declared = Declared::of(parts)?;
        declared.require(Access::Tenant(N::PERMISSION, N::ACT))?;
        declared.require_fresh(N::FRESH)?;
        let allowed = Allowed::given(parts, installation, N::PERMISSION, N::ACT).await?;
        if N::FRESH {
            step_up::require_fresh(installation, &allowed.principal)?;
        }
        declared.check_query(parts)?;
        Ok(allowed)
    }
}

impl<N> Allowed<N> {
    /// What a request is given for this permission.
    pub(super) async fn given(
        parts: &mut Parts,
        installation: &Arc<Installation>,
        permission: Option<Permission>,
        act: Act,
    ) -> Result<Allowed<N>, Problem> {
        let signed_in = SignedIn::of(parts, installation).await?;
        let params = RawPathParams::from_request_parts(parts, installation)
            .await
            .map_err(|error| Problem(Error::not_found().because(error.to_string())))?;
        let named = Named::of(&params, &parts.headers)?;
        let address = signed_in.address;
        let outcome = TenantScope::for_member(
            installation.tenancy(),
            &signed_in.principal,
            named.selector()?,
            permission,
            act,
            address.clone(),
        )
        .await;
        if let (Some(path), Some(header)) = (named.path, named.header)
            && path != header
        {
            // Only who is a member learns whether two names are one tenant's.
            let is_member = outcome.as_ref().err().is_none_or(|error| error.kind() != Kind::NotFound);
            let (one, other) =
                (tenants::find_id(installation, path).await, tenants::find_id(installation, header).await);
            if !is_member || one != other {
                return Err(Problem(ambiguous()));
            }
        }
        let mut scope = match outcome {
            Ok(scope) => scope,
            Err(error) => return Err(refused_at_the_door(installation, &address, error)),
        };
        // A request that is asked about twice, for its Idempotency-Key, is one request.
        if let Some(admitted) = parts.extensions.get::<Arc<Admitted>>() {
            scope.admit_as(Arc::clone(admitted));
        } else {
            let (standings, admitted) = scope.admit(&signed_in.principal, permission).await;
            limited_by(standings);
            parts.extensions.insert(admitted?);
        }
        let_in_to(scope.tenant().id);
        Ok(Allowed { scope, principal: signed_in.principal, need: PhantomData })
    }
}

/// The tenant as the request names it: in the path, in the header, or in both.
struct Named<'p> {
    path: Option<&'p str>,
    header: Option<&'p str>,
}

impl<'p> Named<'p> {
    fn of(params: &'p RawPathParams, headers: &'p HeaderMap) -> Result<Named<'p>, Error> {
        let path = params.iter().find(|(name, _)| *name == "tenant").map(|(_, value)| value);
        let mut values = headers.get_all("x-tenant-id").iter();
        let header = values.next().map(|value| value.to_str().map_err(|_| Error::not_found())).transpose()?;
        if values.next().is_some() {
            return Err(ambiguous());
        }
        Ok(Named { path, header })
    }

    fn selector(&self) -> Result<&'p str, Error> {
        self.path.or(self.header).ok_or_else(|| {
            Error::malformed(
                "tenant_missing",
                "Name the tenant: /api/v1/tenants/{tenant}/..., or the header X-Tenant-Id.",
            )
        })
    }
}

fn ambiguous() -> Error {
    Error::malformed("tenant_ambiguous", "Name one tenant: in the path, or in one X-Tenant-Id header.")
}
