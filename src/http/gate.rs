//! Who stands at the door of a handler. A route whose handler lets in just anybody does not compile, and one whose handler
//! lets in others than its declaration says does not start.

use super::address::Public;
use super::principal::{SignedIn, SignedInOperator};
use super::routes::Access;
use super::scope::{Allowed, Need};
use crate::service::Installation;
use axum::extract::State;
use std::sync::Arc;

/// An argument of a handler that refuses whoever may not in: the first one, or the one behind the installation.
pub(super) trait Gate {
    /// Whom it lets in.
    const ACCESS: Access;
    /// Whether it asks for a fresh sign-in by itself; `None` where it asks what the route declared.
    const FRESH: Option<bool> = None;
}

impl Gate for Public {
    const ACCESS: Access = Access::Public;
    const FRESH: Option<bool> = Some(false);
}

impl Gate for SignedIn {
    const ACCESS: Access = Access::SignedIn;
}

impl Gate for SignedInOperator {
    const ACCESS: Access = Access::Operator;
}

impl<N: Need> Gate for Allowed<N> {
    const ACCESS: Access = Access::Tenant(N::PERMISSION, N::ACT);
    const FRESH: Option<bool> = Some(N::FRESH);
}

/// The arguments of a handler, with a gate among them. Routes take no other handlers.
pub(super) trait Guarded {
    /// The gate.
    type Gate: Gate;
}

macro_rules! guarded {
    ($([$($more:ident),*])*) => {$(
        impl<M, G: Gate, $($more),*> Guarded for (M, G, $($more,)*) {
            type Gate = G;
        }
        impl<M, G: Gate, $($more),*> Guarded for (M, State<Arc<Installation>>, G, $($more,)*) {
            type Gate = G;
        }
    )*};
}

guarded! { [] [A] [A, B] [A, B, C] [A, B, C, D] [A, B, C, D, E] [A, B, C, D, E, F] }

/// What is wrong with a handler of these arguments for a route that declares this. Each gate looks again at every request;
/// here it is found before there is one.
pub(super) fn fault<T: Guarded>(access: Access, fresh: bool) -> Option<String> {
    let (found, asks) = (T::Gate::ACCESS, T::Gate::FRESH.unwrap_or(fresh));
    (found != access || asks != fresh).then(|| {
        format!("declared for {access:?} (fresh: {fresh}), its handler lets in {found:?} (fresh: {asks})")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::body::Object;
    use crate::http::routes::{NONE, Routes, Verb};
    use crate::http::scope::{CloseTenant, ReadRecords};
    use crate::model::tenant::Act;
    use crate::policy::Permission;
    use axum::extract::Request;
    use axum::http::Uri;
    use std::marker::PhantomData;

    /// Says of arguments whether routes take them: what is said of guarded ones goes before what is said of all.
    struct Probe<T>(PhantomData<T>);
    trait Otherwise {
        const IS_TAKEN: bool = false;
    }
    impl<T> Otherwise for Probe<T> {}
    impl<T: Guarded> Probe<T> {
        const IS_TAKEN: bool = true;
    }

    type Open = State<Arc<Installation>>;

    #[test]
    fn a_handler_without_a_gate_is_none_for_a_route() {
        let open = [
            Probe::<((),)>::IS_TAKEN,
            Probe::<((), Open)>::IS_TAKEN,
            Probe::<((), Request)>::IS_TAKEN,
            Probe::<((), Open, Request)>::IS_TAKEN,
            Probe::<((), Open, Uri, Object)>::IS_TAKEN,
            // Behind what reads the request already it would come too late.
            Probe::<((), Uri, SignedIn)>::IS_TAKEN,
            Probe::<((), Open, Uri, SignedIn)>::IS_TAKEN,
            // An optional gate is none.
            Probe::<((), Open, Option<SignedIn>)>::IS_TAKEN,
        ];
        assert_eq!(open, [false; 8]);
        let guarded = [
            Probe::<((), SignedIn)>::IS_TAKEN,
            Probe::<((), Open, SignedInOperator, Uri)>::IS_TAKEN,
            Probe::<((), Allowed<ReadRecords>)>::IS_TAKEN,
            Probe::<((), Open, Public)>::IS_TAKEN,
        ];
        assert_eq!(guarded, [true; 4]);
    }

    #[test]
    fn a_route_that_lets_in_others_than_it_declares_is_found_before_it_is_served() {
        async fn everybody(_: Public) {}
        async fn signed_in(_: State<Arc<Installation>>, _: SignedIn) {}
        async fn closing(_: Allowed<CloseTenant>) {}
        let faults = |routes: Routes| routes.faults.len();
        let routes = Routes::default;
        assert_eq!(faults(routes().add(Access::Public, Verb::Get, "/x", NONE, everybody)), 0);
        assert_eq!(faults(routes().add(Access::SignedIn, Verb::Get, "/x", NONE, everybody)), 1);
        assert_eq!(faults(routes().add(Access::Operator, Verb::Get, "/x", NONE, signed_in)), 1);
        assert_eq!(faults(routes().fresh(Access::SignedIn, Verb::Get, "/x", NONE, signed_in)), 0);
        let close = |need, path| routes().tenant(need, Verb::Post, path, NONE, closing);
        assert_eq!(faults(close(CloseTenant::BOTH, "/x")), 0);
        assert_eq!(faults(close(CloseTenant::BOTH.fresh(false), "/x")), 1);
        assert_eq!(faults(close(ReadRecords::BOTH.fresh(true), "/x")), 1);
        assert_eq!(faults(close(CloseTenant::BOTH, "/x").and(close(ReadRecords::BOTH, "/y"))), 1);
    }

    #[test]
    fn a_gate_says_whom_it_lets_in() {
        assert_eq!(<((), Open, SignedIn) as Guarded>::Gate::ACCESS, Access::SignedIn);
        let reads = Access::Tenant(Some(Permission::RecordsRead), Act::Read);
        assert_eq!(<((), Allowed<ReadRecords>) as Guarded>::Gate::ACCESS, reads);
    }
}
