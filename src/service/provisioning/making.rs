//! Tenants that are being made now.

use crate::id::TenantId;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Tenants that somebody is making, however long that takes: a sweep leaves them alone.
#[derive(Default)]
pub(in crate::service) struct InTheMaking(Mutex<HashSet<TenantId>>);

impl InTheMaking {
    pub(super) fn begin(&self, tenant: TenantId) -> Making<'_> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(tenant);
        Making { all: self, tenant }
    }

    pub(super) fn now(&self) -> HashSet<TenantId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Somebody makes a tenant, until this is dropped.
pub(super) struct Making<'m> {
    all: &'m InTheMaking,
    tenant: TenantId,
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.tenant);
    }
}
