//! Who does which kind of jobs: the server itself, a function of the program that embeds it, or a service named in app.toml.

use super::built_in::{self, BuiltIn};
use super::functions::{Function, Functions};
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
use tokio::sync::watch;

/// All handlers of jobs.
pub(in crate::service) struct Handlers {
    posts: Posts,
    functions: Functions,
    attempts: Arc<BTreeMap<String, u32>>,
}

/// Who does a kind of jobs.
#[derive(Clone, Copy)]
pub(super) enum Handler<'h> {
    /// The server itself.
    BuiltIn(&'static BuiltIn),
    /// A function of the program around it.
    Function(&'h Function),
    /// A service named in app.toml.
    Posted(&'h JobKind),
}

impl Handlers {
    /// Reads the certificates that this machine trusts, where a handler is reached by https. Blocks.
    ///
    /// # Errors
    /// Functions for kinds that cannot be; a secret that is none.
    pub(in crate::service) fn new(
        config: &Config,
        app: &App,
        functions: Functions,
        kept_secret: &str,
    ) -> Result<Handlers> {
        functions.check(app)?;
        let declared = app.jobs.names().filter_map(|name| Some((name, app.jobs.get(name)?.max_attempts)));
        let built_in = built_in::ALL.iter().map(|one| (one.kind, one.max_attempts));
        let of_functions = functions.iter().map(|(kind, one)| (kind, one.options.max_attempts));
        let attempts = declared
            .chain(built_in)
            .chain(of_functions)
            .map(|(name, most)| (name.to_owned(), most))
            .collect();
        let attempts = Arc::new(attempts);
        Ok(Handlers { posts: Posts::new(config, app, kept_secret)?, functions, attempts })
    }

    /// After how many attempts a job of each kind is given up.
    pub(super) fn attempts(&self) -> Arc<BTreeMap<String, u32>> {
        Arc::clone(&self.attempts)
    }
}

/// Who does jobs of that kind.
pub(super) fn handler<'h>(installation: &'h Installation, kind: &str) -> Option<Handler<'h>> {
    match BuiltIn::find(kind) {
        Some(built_in) => Some(Handler::BuiltIn(built_in)),
        None => match installation.handlers.functions.get(kind) {
            Some(function) => Some(Handler::Function(function)),
            None => installation.app().jobs.get(kind).map(Handler::Posted),
        },
    }
}

/// The names of kinds that members enqueue.
pub(super) fn names_for_members(installation: &Installation) -> Vec<&str> {
    let built_in = built_in::ALL.iter().filter(|one| one.for_members.is_some()).map(|one| one.kind);
    let functions = installation.handlers.functions.iter().map(|(kind, _)| kind);
    installation.app().jobs.names().chain(functions).chain(built_in).collect()
}

/// Kinds of which so many may run at the same time and no more.
pub(super) fn bounds(installation: &Installation) -> BTreeMap<String, usize> {
    let declared = installation.app().jobs.bounds().map(|(kind, most)| (kind.to_owned(), most));
    let places = super::attempts::places(installation);
    let built_in =
        built_in::ALL.iter().filter_map(|one| Some((one.kind.to_owned(), one.concurrency?(places))));
    let functions = installation.handlers.functions.iter();
    let functions = functions.filter_map(|(kind, one)| Some((kind.to_owned(), one.options.concurrency?)));
    declared.chain(built_in).chain(functions).collect()
}

/// The same for those of one tenant.
pub(super) fn tenant_bounds(installation: &Installation) -> BTreeMap<String, usize> {
    let bounds = built_in::ALL.iter().filter_map(|one| Some((one.kind.to_owned(), one.tenant_concurrency?)));
    let functions = installation.handlers.functions.iter();
    let functions =
        functions.filter_map(|(kind, one)| Some((kind.to_owned(), one.options.tenant_concurrency?)));
    bounds.chain(functions).collect()
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
    cancelled: watch::Receiver<bool>,
) -> Outcome {
    let Some(handler) = handler(installation, &job.kind) else {
        return Outcome::Hopeless(format!("nobody does jobs of the kind {}", job.kind));
    };
    let is_admitted = scope.tenant().admit(Act::Write).is_ok();
    match handler {
        Handler::BuiltIn(kind) if is_admitted || kind.runs_all_the_same(scope.tenant()) => {
            let tenant = scope.tenant().id;
            let work = async {
                if let Some(refused) = refused(&scope, kind, job).await {
                    return refused;
                }
                (kind.act)(Arc::clone(installation), scope, job.clone()).await
            };
            match in_time(kind.timeout_seconds, work).await {
                // What a migration kept from its end counts for no attempt.
                Outcome::Failed { .. } if installation.tenancy.is_being_migrated(tenant) => Outcome::Held,
                outcome => outcome,
            }
        }
        Handler::Function(function) if is_admitted => {
            installation.tenancy.count_job_run(scope.tenant().id);
            let tenant = scope.tenant().clone();
            drop(scope);
            let work = function.run(installation, &tenant, job, cancelled);
            in_time(function.options.timeout_seconds, work).await
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

/// What becomes of a job that members have done and that whoever asked for it may no longer ask for: a schedule does not
/// outlive the right that it was made by.
async fn refused(scope: &TenantScope, kind: &BuiltIn, job: &LeasedJob) -> Option<Outcome> {
    let (permission, id) = (kind.for_members?, job.id);
    let present = async {
        match scope.read_one(move |tx| tx.find_job_maker(id)).await? {
            Some(maker) => scope.present(&maker).await,
            None => Ok(None),
        }
    };
    match present.await {
        Ok(Some(present)) if present.permissions.has(permission) => None,
        Ok(Some(_)) => {
            Some(format!("whoever asked for it has no {} any more; ask for it anew", permission.name()))
        }
        Ok(None) => Some("whoever asked for it is no longer there; ask for it anew".to_owned()),
        Err(error) => {
            tracing::warn!(error = ?error, "whoever asked for a job cannot be looked at");
            let error = "it cannot be seen whether it may be done".to_owned();
            return Some(Outcome::Failed { error, wait: None });
        }
    }
    .map(Outcome::Hopeless)
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
