//! Jobs done by functions of the program that embeds the server.

use super::attempts::LEASE;
use crate::catalog::Tenant;
use crate::error::{Error, Kind, Result};
use crate::id::{JobId, TenantId};
use crate::model::job::{DEFAULT_ATTEMPTS, LeasedJob, MOST_PAYLOAD, Outcome, RESERVED, is_kind, told};
use crate::service::Installation;
use crate::tenancy::{App, Tenancy, TenantScope};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What bounds the jobs of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionOptions {
    /// After how many attempts one is given up; 5 where nothing is said.
    pub max_attempts: u32,
    /// How many seconds an attempt may take; 300 where nothing is said.
    pub timeout_seconds: u32,
    /// How many run at the same time, of all tenants.
    pub concurrency: Option<usize>,
    /// The same of one tenant.
    pub tenant_concurrency: Option<usize>,
}

impl Default for FunctionOptions {
    fn default() -> FunctionOptions {
        FunctionOptions {
            max_attempts: DEFAULT_ATTEMPTS,
            timeout_seconds: 300,
            concurrency: None,
            tenant_concurrency: None,
        }
    }
}

type Act = dyn Fn(FunctionJob) -> BoxFuture<'static, Result<Value, JobFailure>> + Send + Sync;

/// A function with what bounds it.
pub(super) struct Function {
    pub(super) options: FunctionOptions,
    act: Box<Act>,
}

/// Functions by the kinds of jobs that they do.
#[derive(Default)]
pub struct Functions(BTreeMap<String, Function>);

impl Functions {
    /// Adds one; another one of the kind is replaced.
    pub fn add<F, Fut>(&mut self, kind: impl Into<String>, options: FunctionOptions, act: F)
    where
        F: Fn(FunctionJob) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Value, JobFailure>> + Send + 'static,
    {
        let act: Box<Act> = Box::new(move |job| Box::pin(act(job)));
        self.0.insert(kind.into(), Function { options, act });
    }

    /// Refuses names that cannot be, or that app.toml declares as well.
    pub(super) fn check(&self, app: &App) -> Result<()> {
        for (kind, function) in &self.0 {
            let options = function.options;
            let why = if !is_kind(kind) {
                "must be named with 1 to 60 characters of a-z, 0-9, _, - and ., beginning with a letter"
            } else if kind.starts_with(RESERVED) {
                "must not begin with tenantry., as the server's own kinds do"
            } else if app.jobs.get(kind).is_some() {
                "is declared in app.toml as well"
            } else if options.max_attempts == 0 || options.timeout_seconds == 0 {
                "needs one attempt and one second at least"
            } else if options.concurrency == Some(0) || options.tenant_concurrency == Some(0) {
                "must be allowed to run once at a time at least"
            } else {
                continue;
            };
            let detail = format!("the kind {kind:?} of jobs {why}");
            return Err(Error::new(Kind::Malformed, "app_invalid", detail));
        }
        Ok(())
    }

    pub(super) fn get(&self, kind: &str) -> Option<&Function> {
        self.0.get(kind)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.0.iter().map(|(kind, function)| (kind.as_str(), function))
    }
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Function {
    /// Does a job. It begins when the future is first asked.
    pub(super) async fn run(
        &self,
        installation: &Arc<Installation>,
        tenant: &Tenant,
        job: &LeasedJob,
        cancelled: watch::Receiver<bool>,
    ) -> Outcome {
        let job = FunctionJob {
            installation: Arc::clone(installation),
            tenant: (tenant.id, tenant.slug.clone()),
            payload: serde_json::from_str(&job.payload).unwrap_or_default(),
            job: job.clone(),
            cancelled,
        };
        match (self.act)(job).await {
            Ok(result) => {
                let text = Some(result).filter(|result| !result.is_null()).map(|result| result.to_string());
                Outcome::Succeeded(text.filter(|text| text.len() <= MOST_PAYLOAD))
            }
            Err(JobFailure { error, is_hopeless: true, .. }) => Outcome::Hopeless(error),
            Err(JobFailure { error, wait, .. }) => Outcome::Failed { error, wait },
        }
    }
}

/// One attempt at a job, as a function is given it. Another attempt may follow although this one did its work: what must
/// not be done twice is done under the idempotency key.
pub struct FunctionJob {
    installation: Arc<Installation>,
    tenant: (TenantId, String),
    payload: Value,
    job: LeasedJob,
    cancelled: watch::Receiver<bool>,
}

impl FunctionJob {
    /// Its id.
    pub fn id(&self) -> JobId {
        self.job.id
    }

    /// Whose it is.
    pub fn tenant_id(&self) -> TenantId {
        self.tenant.0
    }

    /// The name of that tenant in URLs, as it is now.
    pub fn tenant_slug(&self) -> &str {
        &self.tenant.1
    }

    /// What is to be done.
    pub fn kind(&self) -> &str {
        &self.job.kind
    }

    /// With what.
    pub fn payload(&self) -> &Value {
        &self.payload
    }

    /// Which attempt it is, from 1.
    pub fn attempt(&self) -> i64 {
        self.job.attempt
    }

    /// The same for all attempts: the key that it was enqueued with, or its id.
    pub fn idempotency_key(&self) -> String {
        self.job.idempotency_key.clone().unwrap_or_else(|| self.job.id.to_string())
    }

    /// Tells how far it is, in percent, and in words. False where the job is not this attempt's any more: somebody
    /// cancelled it.
    ///
    /// # Errors
    /// As the tenant's file says; 404 where the tenant is gone.
    pub async fn progress(&self, percent: u8, message: &str) -> Result<bool> {
        let lease = Tenancy::lease_for_jobs(self.tenant.0);
        let scope = TenantScope::for_job(&self.installation.tenancy, &lease).await?;
        let until = self.installation.clock.now().plus(LEASE);
        let (id, lease, message) = (self.job.id, self.job.lease.clone(), message.to_owned());
        let percent = Some(i64::from(percent.min(100)));
        let report = scope
            .write_jobs("report_job", move |tx| tx.report_job(id, &lease, until, percent, Some(&message)));
        report.await
    }

    /// Whether nobody wants it any more: what comes of it counts for nothing.
    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// Waits until nobody wants it any more.
    pub async fn cancelled(&self) {
        if self.cancelled.clone().wait_for(|cancelled| *cancelled).await.is_err() {
            // Whoever could say so is gone; the whole server ends then.
            std::future::pending::<()>().await;
        }
    }
}

/// Why an attempt failed; members of the tenant read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobFailure {
    error: String,
    wait: Option<i64>,
    is_hopeless: bool,
}

impl JobFailure {
    /// It failed, and is tried again.
    pub fn retry(error: impl Into<String>) -> JobFailure {
        JobFailure { error: told(&error.into()), wait: None, is_hopeless: false }
    }

    /// It failed because something else is overloaded: it is tried again after that time, and the attempt does not count.
    pub fn retry_after(error: impl Into<String>, wait: Duration) -> JobFailure {
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        JobFailure { wait: Some(wait), ..JobFailure::retry(error) }
    }

    /// It failed, and will always.
    pub fn hopeless(error: impl Into<String>) -> JobFailure {
        JobFailure { is_hopeless: true, ..JobFailure::retry(error) }
    }
}

impl<E: std::error::Error> From<E> for JobFailure {
    fn from(error: E) -> JobFailure {
        JobFailure::retry(error.to_string())
    }
}
