//! The permission in a handler's signature: [`Allowed`] hands over the scope that was given for it.

use super::principal::SignedIn;
use super::problem::Problem;
use super::routes::{Access, Declared};
use crate::error::Error;
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::service::{Installation, tenants};
use crate::tenancy::TenantScope;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use std::borrow::Cow;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a handler needs of a tenant. The types that implement it stand in signatures.
pub(super) trait Need: Send + Sync + 'static {
    /// The permission.
    const PERMISSION: Permission;
    /// What it does, as far as the tenant's state is concerned.
    const ACT: Act;
    /// Both, as the table of routes declares them.
    const BOTH: (Permission, Act) = (Self::PERMISSION, Self::ACT);
}

macro_rules! needs {
    ($($name:ident = $permission:ident, $act:ident;)*) => {$(
        /// A need, see [`Need`].
        pub(super) struct $name;
        impl Need for $name {
            const PERMISSION: Permission = Permission::$permission;
            const ACT: Act = Act::$act;
        }
    )*};
}

needs! {
    ReadRecords = RecordsRead, Read;
    WriteRecords = RecordsWrite, Write;
    ReadTenant = MembersRead, Read;
    ChangeTenant = SettingsManage, Write;
    ReadMembers = MembersRead, Read;
    ManageMembers = MembersManage, Write;
    SeeInvitations = MembersManage, Read;
    LeaveTenant = MembersRead, Write;
    TransferOwnership = OwnershipTransfer, Write;
    ReadAudit = AuditRead, Read;
    CloseTenant = TenantClose, Write;
    ReopenTenant = TenantClose, Leave;
    ExportTenant = TenantExport, Leave;
}

/// The scope of a request whose handler needs `N`.
pub(super) struct Allowed<N> {
    pub(super) scope: TenantScope,
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
        let signed_in = SignedIn::of(parts, installation).await?;
        let params = RawPathParams::from_request_parts(parts, installation)
            .await
            .map_err(|error| Problem(Error::not_found().because(error.to_string())))?;
        let selector = selector(installation, &params, &parts.headers).await?;
        let scope = TenantScope::for_member(
            installation.tenancy(),
            &signed_in.principal,
            &selector,
            N::PERMISSION,
            N::ACT,
            signed_in.address,
        )
        .await?;
        declared.check_query(parts)?;
        Ok(Allowed { scope, need: PhantomData })
    }
}

/// The tenant from path or header; both are fine if they name the same.
async fn selector<'p>(
    installation: &Installation,
    params: &'p RawPathParams,
    headers: &'p HeaderMap,
) -> Result<Cow<'p, str>, Error> {
    let ambiguous = || {
        Error::malformed("tenant_ambiguous", "Name one tenant: in the path, or in one X-Tenant-Id header.")
    };
    let path = params.iter().find(|(name, _)| *name == "tenant").map(|(_, value)| value);
    let mut values = headers.get_all("x-tenant-id").iter();
    let header = values.next();
    if values.next().is_some() {
        return Err(ambiguous());
    }
    let header = header.map(|header| header.to_str().map_err(|_| Error::not_found())).transpose()?;
    match (path, header) {
        (Some(path), None) => Ok(Cow::Borrowed(path)),
        (Some(path), Some(header)) => {
            let same = header == path || tenants::is_same(installation, path, header).await?;
            if same { Ok(Cow::Borrowed(path)) } else { Err(ambiguous()) }
        }
        (None, Some(header)) => Ok(Cow::Borrowed(header)),
        (None, None) => Err(Error::malformed(
            "tenant_missing",
            "Name the tenant: /api/v1/tenants/{tenant}/..., or the header X-Tenant-Id.",
        )),
    }
}
