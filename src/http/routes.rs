//! The table of routes: every one declares who may use it and which query parameters it takes.

mod declaring;
mod tenant_route;

use super::gate::{self, Guarded};
use super::query;
use crate::error::{Error, Result};
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::service::Installation;
use axum::Router;
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::routing::on;
use declaring::Declaring;
use std::sync::Arc;

pub(super) use super::verb::Verb;
pub(super) use tenant_route::TenantRoute;

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone.
    Public,
    /// Who is signed in.
    SignedIn,
    /// A member with the permission, or any where there is none, while the tenant's state lets the act through.
    Tenant(Option<Permission>, Act),
    /// An operator.
    Operator,
}

/// One route as it was declared, for the matrix of tests and for documents.
#[derive(Clone, Debug)]
pub struct RouteInfo {
    /// GET, POST, ...
    pub method: &'static str,
    /// The path with its parameters in braces; a tenant's route in its long form.
    pub path: String,
    /// Who may use it.
    pub access: Access,
    /// Whether it is asked for a fresh sign-in or a step-up.
    pub fresh: bool,
    /// Its query parameters; those of a list of records are up to its table.
    pub query: &'static [&'static str],
}

/// Query parameters of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Params {
    /// These; any other is refused by name.
    Only(&'static [&'static str]),
    /// The handler itself refuses what it does not know.
    Checked,
}

/// No query parameters.
pub(super) const NONE: Params = Params::Only(&[]);

/// What a route declared, as its extractors find it.
#[derive(Clone, Copy)]
pub(super) struct Declared {
    access: Access,
    params: Params,
    /// Whether only somebody gets through who showed just now who they are, see [`crate::service::step_up`].
    fresh: bool,
    /// Whether the body is taken piece by piece, for as long as it keeps coming.
    streams: bool,
    /// Whether who uses it shows a token of its own, and is not counted by address as long as it is a good one.
    by_token: bool,
}

impl Declared {
    /// The declaration of the route that is being served.
    pub(super) fn of(parts: &Parts) -> Result<Declared> {
        parts
            .extensions
            .get::<Declared>()
            .copied()
            .ok_or_else(|| Error::internal("a route without a declaration"))
    }

    /// Whether the table of routes says the same as the handler's signature. If not, the request is refused: the matrix
    /// of tests, made from that table, would otherwise test something else than what is served.
    pub(super) fn require(self, access: Access) -> Result<()> {
        if self.access == access {
            return Ok(());
        }
        Err(Error::internal("a route's declaration and its handler's signature differ"))
    }

    /// Whether the table of routes asks for a fresh sign-in where the handler's signature does.
    pub(super) fn require_fresh(self, fresh: bool) -> Result<()> {
        if self.fresh == fresh {
            return Ok(());
        }
        Err(Error::internal("a route asks for a fresh sign-in in one place and not in the other"))
    }

    /// Whether only somebody gets through who showed just now who they are.
    pub(super) fn is_fresh(self) -> bool {
        self.fresh
    }

    /// Whether the table of routes says that this one streams: only such a route outlasts the deadline of requests.
    pub(super) fn require_streaming(self) -> Result<()> {
        if self.streams {
            return Ok(());
        }
        Err(Error::internal("a route that streams is not declared so"))
    }

    /// Whether those who use it are known by a token, and not counted by address before that was looked at.
    pub(super) fn is_by_token(self) -> bool {
        self.by_token
    }

    /// Who may use the route.
    pub(super) fn access(self) -> Access {
        self.access
    }

    /// Refuses query parameters that the route does not take.
    pub(super) fn check_query(self, parts: &Parts) -> Result<()> {
        let Params::Only(known) = self.params else { return Ok(()) };
        if parts.uri.query().is_none_or(str::is_empty) {
            return Ok(());
        }
        match query::pairs(&parts.uri)?.into_iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => Err(query::unknown_parameter(&name, known)),
        }
    }
}

/// Routes under construction.
#[derive(Default)]
pub(super) struct Routes {
    pub(super) router: Router<Arc<Installation>>,
    pub(super) infos: Vec<RouteInfo>,
    /// Routes whose handlers let in others than they declare: with one of them nothing is served.
    pub(super) faults: Vec<String>,
}

impl Routes {
    /// Adds a route of the API, below `/api/v1`. What an operator does, other than look, asks for a fresh sign-in.
    pub(super) fn add<H, T>(
        mut self,
        access: Access,
        verb: Verb,
        path: &str,
        params: Params,
        handler: H,
    ) -> Routes
    where
        H: Handler<T, Arc<Installation>>,
        T: Guarded + 'static,
    {
        let fresh = access == Access::Operator && !matches!(verb, Verb::Get);
        self.add_declared(
            Declared { access, params, fresh, streams: false, by_token: false },
            verb,
            path,
            handler,
        );
        self
    }

    /// The same for a route that asks for a fresh sign-in or a step-up.
    pub(super) fn fresh<H: Handler<T, Arc<Installation>>, T: Guarded + 'static>(
        mut self,
        access: Access,
        verb: Verb,
        path: &str,
        params: Params,
        handler: H,
    ) -> Routes {
        self.add_declared(
            Declared { access, params, fresh: true, streams: false, by_token: false },
            verb,
            path,
            handler,
        );
        self
    }

    /// The same for a route that takes its body piece by piece.
    pub(super) fn streaming<H: Handler<T, Arc<Installation>>, T: Guarded + 'static>(
        mut self,
        access: Access,
        verb: Verb,
        path: &str,
        params: Params,
        handler: H,
    ) -> Routes {
        let declared = Declared { access, params, fresh: false, streams: true, by_token: false };
        self.add_declared(declared, verb, path, handler);
        self
    }

    /// The same for a route that everyone may use who has a token of its own: who comes is not counted by address, unless
    /// the handler does.
    pub(super) fn by_token<H: Handler<T, Arc<Installation>>, T: Guarded + 'static>(
        mut self,
        verb: Verb,
        path: &str,
        params: Params,
        handler: H,
    ) -> Routes {
        let access = Access::Public;
        let declared = Declared { access, params, fresh: false, streams: false, by_token: true };
        self.add_declared(declared, verb, path, handler);
        self
    }

    fn add_declared<H, T>(&mut self, declared: Declared, verb: Verb, path: &str, handler: H)
    where
        H: Handler<T, Arc<Installation>>,
        T: Guarded + 'static,
    {
        let path = format!("/api/v1{path}");
        let query = match declared.params {
            Params::Only(names) => names,
            Params::Checked => &[],
        };
        self.infos.push(RouteInfo {
            method: verb.name(),
            path: path.clone(),
            access: declared.access,
            fresh: declared.fresh,
            query,
        });
        let fault = gate::fault::<T>(declared.access, declared.fresh);
        self.faults.extend(fault.map(|fault| format!("{} {path}: {fault}", verb.name())));
        self.route(declared, verb, &path, handler);
    }

    fn route<H, T>(&mut self, declared: Declared, verb: Verb, path: &str, handler: H)
    where
        H: Handler<T, Arc<Installation>>,
        T: Guarded + 'static,
    {
        let method = on(verb.filter(), Declaring::new(declared, path, handler));
        self.router = std::mem::take(&mut self.router).route(path, method);
    }

    /// Adds a route of a tenant: below `/api/v1/tenants/{tenant}`, and below `/api/v1` for those who name the tenant in a
    /// header.
    pub(super) fn tenant<H, T>(
        mut self,
        need: TenantRoute,
        verb: Verb,
        path: &str,
        params: Params,
        handler: H,
    ) -> Routes
    where
        H: Handler<T, Arc<Installation>>,
        T: Guarded + 'static,
    {
        let access = Access::Tenant(need.permission, need.act);
        let declared = Declared { access, params, fresh: need.fresh, streams: need.streams, by_token: false };
        if !need.by_path_alone && !path.is_empty() {
            self.route(declared, verb, &format!("/api/v1{path}"), handler.clone());
        }
        self.add_declared(declared, verb, &format!("/tenants/{{tenant}}{path}"), handler);
        self
    }

    /// Adds the routes of another resource.
    pub(super) fn and(mut self, other: Routes) -> Routes {
        self.router = self.router.merge(other.router);
        self.infos.extend(other.infos);
        self.faults.extend(other.faults);
        self
    }
}
