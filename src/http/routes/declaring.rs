//! Handlers whose requests carry what their routes declared.

use super::Declared;
use crate::service::Installation;
use crate::telemetry::subject;
use axum::extract::Request;
use axum::handler::Handler;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// A handler whose requests carry what its route declared. A layer for that would be one more box for each request.
#[derive(Clone)]
pub(super) struct Declaring<H> {
    declared: Declared,
    path: &'static str,
    handler: H,
}

impl<H> Declaring<H> {
    pub(super) fn new(declared: Declared, path: &str, handler: H) -> Declaring<H> {
        Declaring { declared, path: kept(path), handler }
    }
}

impl<H, T> Handler<T, Arc<Installation>> for Declaring<H>
where
    H: Handler<T, Arc<Installation>>,
{
    type Future = H::Future;

    fn call(self, mut request: Request, installation: Arc<Installation>) -> H::Future {
        request.extensions_mut().insert(self.declared);
        subject::note_route(self.path);
        self.handler.call(request, installation)
    }
}

/// A path for as long as the program runs: there are few, and every request is told its own without a copy.
fn kept(path: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut all = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(path) {
        return known;
    }
    let path: &'static str = Box::leak(path.into());
    all.insert(path);
    path
}
