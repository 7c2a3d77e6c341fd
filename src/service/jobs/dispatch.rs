//! Who does which kind of jobs: the server itself, or a service named in app.toml.

use super::built_in::{self, BuiltIn};
use super::posts::Posts;
use crate::catalog::Tenant;
use crate::config::Config;
use crate::error::Result;
use crate::model::job::{LeasedJob, Outcome};
use crate::model::tenant::Act;
use crate::service::Installation;
use crate::tenancy::{App, JobKind, TenantScope};
use futures_util::FutureExt as _;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

/// All handlers of jobs.
pub(in crate::service) struct Handlers {
    posts: Posts,
}

/// Who does a kind of jobs.
#[derive(Clone, Copy)]
pub(super) enum Handler<'h> {
    /// The server itself.
    BuiltIn(&'static BuiltIn),
    /// A service named in app.toml.
    Posted(&'h JobKind),
}

impl Handlers {
    /// Reads the certificates that this machine trusts, where a handler is reached by https. Blocks.
    pub(in crate::service) fn new(config: &Config, app: &App, kept_secret: &str) -> Result<Handlers> {
        Ok(Handlers { posts: Posts::new(config, app, kept_secret)? })
    }
}

/// Who does jobs of that kind.
pub(super) fn handler<'h>(installation: &'h Installation, kind: &str) -> Option<Handler<'h>> {
    match BuiltIn::find(kind) {
        Some(built_in) => Some(Handler::BuiltIn(built_in)),
        None => installation.app().jobs.get(kind).map(Handler::Posted),
    }
}

/// The names of kinds that members enqueue.
pub(super) fn names_for_members(installation: &Installation) -> Vec<&str> {
    let built_in = built_in::ALL.iter().filter(|one| one.for_members.is_some()).map(|one| one.kind);
    installation.app().jobs.names().chain(built_in).collect()
}

/// Kinds of which so many may run at the same time and no more.
pub(super) fn bounds(installation: &Installation) -> BTreeMap<String, usize> {
    let declared = installation.app().jobs.bounds().map(|(kind, most)| (kind.to_owned(), most));
    let built_in = built_in::ALL.iter().filter_map(|one| Some((one.kind.to_owned(), one.concurrency?)));
    declared.chain(built_in).collect()
}

/// The same for those of one tenant.
pub(super) fn tenant_bounds() -> BTreeMap<String, usize> {
    let bounds = built_in::ALL.iter().filter_map(|one| Some((one.kind.to_owned(), one.tenant_concurrency?)));
    bounds.collect()
}

/// Which kinds run in the state that the tenant is in: all, or these.
pub(super) fn kinds_let_through(tenant: &Tenant) -> Option<Vec<String>> {
    if tenant.admit(Act::Write).is_ok() {
        return None;
    }
    let through = built_in::ALL.iter().filter(|one| one.runs_all_the_same(tenant));
    Some(through.map(|one| one.kind.to_owned()).collect())
}

/// Does a job, unless it is held in the state that the tenant is in now.
pub(super) async fn dispatch(
    installation: &Arc<Installation>,
    scope: TenantScope,
    job: &LeasedJob,
) -> Outcome {
    let Some(handler) = handler(installation, &job.kind) else {
        return Outcome::Hopeless(format!("nobody does jobs of the kind {}", job.kind));
    };
    let is_admitted = scope.tenant().admit(Act::Write).is_ok();
    match handler {
        Handler::BuiltIn(kind) if is_admitted || kind.runs_all_the_same(scope.tenant()) => {
            let work = (kind.act)(Arc::clone(installation), scope, job.clone());
            in_time(kind.timeout_seconds, work).await
        }
        Handler::Posted(kind) if is_admitted => {
            installation.tenancy.count_job_run(scope.tenant().id);
            let tenant = scope.tenant().clone();
            // Whoever waits for a slow peer keeps no file open.
            drop(scope);
            installation.handlers.posts.run(installation, kind, &tenant, job).await
        }
        _ => Outcome::Held,
    }
}

/// What came of work in this process. One that takes too long or panics has failed, and nobody else.
async fn in_time(seconds: u32, work: impl Future<Output = Outcome>) -> Outcome {
    let work = AssertUnwindSafe(work).catch_unwind();
    let error = match tokio::time::timeout(Duration::from_secs(seconds.into()), work).await {
        Ok(Ok(outcome)) => return outcome,
        // What the panic says is in the log: its hook writes it.
        Ok(Err(_)) => "the handler panicked".to_owned(),
        Err(_) => format!("the handler took longer than {seconds} s"),
    };
    Outcome::Failed { error, wait: None }
}
