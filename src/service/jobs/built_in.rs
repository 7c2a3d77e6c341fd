//! What the server itself does as jobs. A new kind is one line in [`ALL`]; whoever needs it done enqueues [`BuiltIn::job`]
//! in the transaction that makes it necessary, with the ticket of [`TenantScope::open_jobs`].

use crate::catalog::Tenant;
use crate::clock::Timestamp;
use crate::id::JobId;
use crate::model::job::{LeasedJob, NewJob, Outcome};
use crate::model::tenant::{Act as TenantAct, TenantStatus};
use crate::policy::Permission;
use crate::service::{Installation, backups, exports, webhooks};
use crate::tenancy::TenantScope;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// All of them.
pub(in crate::service) const ALL: &[BuiltIn] = &[
    // So that a schedule can have it done every night. It only asks for the export, which is written as all of them are.
    BuiltIn {
        kind: "tenantry.export",
        max_attempts: 5,
        timeout_seconds: 60,
        concurrency: None,
        tenant_concurrency: Some(1),
        also: Also { closing: true, suspended: false, unpaid: true },
        for_members: Some(Permission::TenantExport),
        act: |installation, scope, job| Box::pin(exports::request_as_job(installation, scope, job)),
    },
    // So that a schedule can have it done before something that is not to go wrong.
    BuiltIn {
        kind: "tenantry.backup",
        max_attempts: 5,
        timeout_seconds: 3_600,
        concurrency: Some(|_| 1),
        tenant_concurrency: Some(1),
        also: Also { closing: true, suspended: false, unpaid: true },
        for_members: Some(Permission::TenantExport),
        act: |installation, scope, job| Box::pin(backups::request_as_job(installation, scope, job)),
    },
    // Sends what happened to an endpoint of the tenant.
    BuiltIn {
        kind: webhooks::KIND,
        max_attempts: 1_000,
        timeout_seconds: 120,
        // So that slow endpoints of many tenants leave room for everything else.
        concurrency: Some(|places| (places / 2).max(1)),
        // So that slow endpoints leave room for other jobs of their tenant.
        tenant_concurrency: Some(6),
        // An endpoint may ask to be told that the tenant is closing.
        also: Also { closing: true, suspended: false, unpaid: false },
        for_members: None,
        act: |installation, scope, job| Box::pin(webhooks::deliver(installation, scope, job)),
    },
];

/// One function of the service: it is given the scope of the job, of which it lets go before it waits for a slow peer.
/// May be run twice for one job: after a crash nobody knows how far it was.
pub(in crate::service) type Act =
    fn(Arc<Installation>, TenantScope, LeasedJob) -> BoxFuture<'static, Outcome>;

/// A kind of jobs of the server itself.
pub(in crate::service) struct BuiltIn {
    /// Its name, which begins with [`crate::model::job::RESERVED`].
    pub kind: &'static str,
    /// After how many attempts one is given up.
    pub max_attempts: u32,
    /// How many seconds an attempt may take.
    pub timeout_seconds: u32,
    /// How many run at the same time, of all tenants, where there are so many places for jobs.
    pub concurrency: Option<fn(usize) -> usize>,
    /// The same of one tenant.
    pub tenant_concurrency: Option<usize>,
    /// In which states of a tenant other than active it runs.
    pub also: Also,
    /// Whether members enqueue it themselves, and what they need for that beside `jobs:write`. Of all others they see neither
    /// payload nor result.
    pub for_members: Option<Permission>,
    /// Does it.
    pub act: Act,
}

/// States in which jobs of tenants are held, and some run all the same (DESIGN 13, "States").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct Also {
    /// On its way out.
    pub closing: bool,
    /// Suspended by the operator.
    pub suspended: bool,
    /// It owes for longer than is waited for.
    pub unpaid: bool,
}

/// Whether jobs of this kind of ours run in the state that the tenant is in.
pub(in crate::service) fn admits(tenant: &Tenant, kind: &str) -> bool {
    tenant.admit(TenantAct::Write).is_ok()
        || BuiltIn::find(kind).is_some_and(|kind| kind.runs_all_the_same(tenant))
}

impl BuiltIn {
    /// The kind of that name.
    pub(in crate::service) fn find(kind: &str) -> Option<&'static BuiltIn> {
        ALL.iter().find(|one| one.kind == kind)
    }

    /// A job of this kind, due at once. Jobs of one kind and key are one; `payload` is JSON of at most
    /// [`crate::model::job::MOST_PAYLOAD`] bytes and is kept in the tenant's file.
    #[expect(dead_code, reason = "whatever is done as a job begins here")]
    pub(in crate::service) fn job(
        &self,
        now: Timestamp,
        payload: &serde_json::Value,
        idempotency_key: Option<String>,
    ) -> NewJob {
        NewJob {
            id: JobId::new(now),
            kind: self.kind.to_owned(),
            payload: payload.to_string(),
            run_at: None,
            priority: 0,
            idempotency_key,
            max_attempts: self.max_attempts,
            created_by: crate::catalog::Actor::System.to_string(),
        }
    }

    /// Whether it runs in the state that the tenant is in, where jobs are held.
    pub(super) fn runs_all_the_same(&self, tenant: &Tenant) -> bool {
        match tenant.status {
            TenantStatus::Active => !tenant.unpaid || self.also.unpaid,
            TenantStatus::Suspended => self.also.suspended,
            TenantStatus::Closing => self.also.closing,
            TenantStatus::Provisioning | TenantStatus::Erasing | TenantStatus::Erased => false,
        }
    }
}
