//! What the server itself does as jobs. A new kind is one line in [`ALL`]; whoever needs it done enqueues [`BuiltIn::job`]
//! in the transaction that makes it necessary, with the ticket of [`TenantScope::open_jobs`].

use crate::catalog::Tenant;
use crate::clock::Timestamp;
use crate::id::JobId;
use crate::model::job::{LeasedJob, NewJob, Outcome};
use crate::model::tenant::TenantStatus;
use crate::policy::Permission;
use crate::service::Installation;
use crate::tenancy::TenantScope;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// All of them.
pub(in crate::service) const ALL: &[BuiltIn] = &[];

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
    /// How many run at the same time, of all tenants.
    pub concurrency: Option<usize>,
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
