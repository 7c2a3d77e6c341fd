//! How often tenants were refused by their limits, for the log: a line a minute and tenant, however much it floods.

use crate::id::TenantId;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Tenants that are told apart between two looks.
const MOST: usize = 1_000;

/// What was refused since the last look: by tenant and code.
#[derive(Default)]
pub(super) struct Refused(Mutex<BTreeMap<(TenantId, String), u64>>);

impl Refused {
    pub(super) fn note(&self, tenant: TenantId, code: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let len = all.len();
        let count = all.entry((tenant, code.to_owned()));
        if len < MOST || matches!(count, std::collections::btree_map::Entry::Occupied(_)) {
            *count.or_default() += 1;
        }
    }

    pub(super) fn take(&self) -> Vec<(TenantId, String, u64)> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        all.into_iter().map(|((tenant, code), count)| (tenant, code, count)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn refusals_are_summed_and_their_tenants_bounded() {
        let (refused, tenant) = (Refused::default(), TenantId::new(Timestamp(1)));
        for code in ["rate_limited", "rate_limited", "concurrency_limited"] {
            refused.note(tenant, code);
        }
        let taken: Vec<_> = refused.take().into_iter().map(|(_, code, count)| (code, count)).collect();
        assert_eq!(taken, [("concurrency_limited".to_owned(), 1), ("rate_limited".to_owned(), 2)]);
        assert!(refused.take().is_empty());
        for at in 0..2_000 {
            refused.note(TenantId::new(Timestamp(at)), "rate_limited");
        }
        assert_eq!(refused.take().len(), MOST);
    }
}
