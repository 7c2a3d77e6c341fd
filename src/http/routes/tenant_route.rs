//! What a route of a tenant declares.

use crate::model::tenant::Act;
use crate::policy::Permission;

/// What a route of a tenant declares.
#[derive(Clone, Copy)]
pub(in crate::http) struct TenantRoute {
    pub(super) permission: Option<Permission>,
    pub(super) act: Act,
    pub(super) fresh: bool,
    pub(super) streams: bool,
    pub(super) by_path_alone: bool,
}

impl TenantRoute {
    pub(in crate::http) const fn new(permission: Option<Permission>, act: Act) -> TenantRoute {
        TenantRoute { permission, act, fresh: false, streams: false, by_path_alone: false }
    }

    /// Whether it asks for a fresh sign-in or a step-up; stands with the need, see [`crate::http::scope::Need`].
    pub(in crate::http) const fn fresh(self, fresh: bool) -> TenantRoute {
        TenantRoute { fresh, ..self }
    }

    /// The body is taken piece by piece, see [`crate::http::large_body::Pieces`].
    pub(in crate::http) const fn streaming(self) -> TenantRoute {
        TenantRoute { streams: true, ..self }
    }

    /// The tenant is named in the path alone: below `/api/v1` there is another route.
    pub(in crate::http) const fn by_path_alone(self) -> TenantRoute {
        TenantRoute { by_path_alone: true, ..self }
    }
}
