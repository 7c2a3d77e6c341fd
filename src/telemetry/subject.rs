//! What the work of a task is about: the tenant, the request, the job. Every line of the log says it, see
//! [`start`](super::start). It is carried by the task and not by spans: for a request nothing is allocated, and nothing is
//! written down where nobody logs.

use super::trace::{Part, Trace, WritePart};
use crate::id::{JobId, RequestId, TenantId};
use std::cell::Cell;
use std::future::Future;
use std::sync::Arc;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static SUBJECT: Subject;
}

/// What the work of a task is about.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    tenant: Cell<Option<TenantId>>,
    request: Option<RequestId>,
    job: Option<Job>,
    /// Where what is done is written down.
    trace: Option<Arc<Trace>>,
    route: Cell<Option<&'static str>>,
}

#[derive(Clone, Debug)]
struct Job {
    id: JobId,
    kind: Arc<str>,
}

impl Subject {
    /// The tenant, once it is known.
    pub fn tenant(&self) -> Option<TenantId> {
        self.tenant.get()
    }

    /// The trace of the work, if it is written down.
    pub fn trace(&self) -> Option<&Arc<Trace>> {
        self.trace.as_ref()
    }

    /// The route of the request, if it is written down and was found.
    pub fn route(&self) -> Option<&'static str> {
        self.route.get()
    }

    /// Name and value of what is known.
    pub(super) fn each(&self, mut tell: impl FnMut(&'static str, &dyn std::fmt::Display)) {
        if let Some(tenant) = self.tenant.get() {
            tell("tenant_id", &tenant);
        }
        if let Some(request) = &self.request {
            tell("request_id", request);
        }
        if let Some(job) = &self.job {
            tell("job_id", &job.id);
            tell("kind", &job.kind);
        }
        if let Some(trace) = &self.trace {
            tell("trace_id", &trace.id());
        }
    }
}

/// The work on a request. Its tenant is [noted](note_tenant) when it is known.
pub fn of_request<F: Future>(
    request: RequestId,
    trace: Option<Arc<Trace>>,
    work: F,
) -> TaskLocalFuture<Subject, F> {
    SUBJECT.scope(Subject { request: Some(request), trace, ..Subject::default() }, work)
}

/// Work for a tenant that nobody waits for.
pub fn of_tenant<F: Future>(tenant: TenantId, work: F) -> TaskLocalFuture<Subject, F> {
    SUBJECT.scope(Subject { tenant: Cell::new(Some(tenant)), ..Subject::default() }, work)
}

/// The work on a job.
pub fn of_job<F: Future>(
    tenant: TenantId,
    id: JobId,
    kind: &str,
    trace: Option<Arc<Trace>>,
    work: F,
) -> TaskLocalFuture<Subject, F> {
    let job = Some(Job { id, kind: kind.into() });
    SUBJECT.scope(Subject { tenant: Cell::new(Some(tenant)), job, trace, ..Subject::default() }, work)
}

/// Work that goes on in a task of its own and is about the same.
pub fn carried<F: Future>(work: F) -> TaskLocalFuture<Subject, F> {
    SUBJECT.scope(current().unwrap_or_default(), work)
}

/// Notes that the work of this task is about that tenant.
pub fn note_tenant(tenant: TenantId) {
    // Outside of a request, as in a test of one handler, nobody asks.
    let _ = SUBJECT.try_with(|subject| subject.tenant.set(Some(tenant)));
}

/// Notes the route of the request, where that is written down.
pub fn note_route(route: &'static str) {
    let _ = SUBJECT.try_with(|subject| {
        if subject.trace.is_some() {
            subject.route.set(Some(route));
        }
    });
}

/// Begins a part of what this task does, if that is written down.
pub fn part() -> Option<Part> {
    SUBJECT.try_with(|subject| subject.trace.as_ref().map(Trace::part)).ok().flatten()
}

/// The same for a write.
pub fn write_part(name: &'static str) -> Option<WritePart> {
    part().map(|part| WritePart::begin(part, name))
}

/// What the work of this task is about.
pub fn current() -> Option<Subject> {
    SUBJECT.try_with(Clone::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use std::pin::pin;

    #[tokio::test]
    async fn a_tenant_that_is_noted_is_known_afterwards_and_in_what_goes_on() {
        let (request, tenant) = (RequestId::new(Timestamp(0)), TenantId::new(Timestamp(0)));
        let mut work = pin!(of_request(request, None, async {
            tokio::task::yield_now().await;
            note_tenant(tenant);
            tokio::spawn(carried(async { current().unwrap().tenant() })).await.unwrap()
        }));
        assert_eq!(work.as_mut().await, Some(tenant));
        assert_eq!(work.as_mut().take_value().unwrap().tenant(), Some(tenant));
        assert!(current().is_none());
    }

    #[tokio::test]
    async fn a_job_is_told_with_its_kind() {
        let (tenant, job) = (TenantId::new(Timestamp(0)), JobId::new(Timestamp(0)));
        let told = of_job(tenant, job, "ping", None, async {
            let mut told = Vec::new();
            current().unwrap().each(|name, value| told.push(format!("{name}={value}")));
            told
        });
        assert_eq!(
            told.await,
            [format!("tenant_id={tenant}"), format!("job_id={job}"), "kind=ping".to_owned()]
        );
    }
}
