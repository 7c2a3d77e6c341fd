//! Which tenants' files were written, for those who back them up: noted in memory, at the price of one swap for each commit.

use crate::id::TenantId;
use foldhash::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};

/// Tenants whose files were written since somebody took them over.
#[derive(Default)]
pub(super) struct Written(Mutex<HashMap<TenantId, Vec<Arc<AtomicBool>>>>);

impl Written {
    /// What an open file of the tenant calls after each commit.
    pub(super) fn listener(self: &Arc<Written>, tenant: TenantId) -> impl Fn() + Send + Sync + 'static {
        let (written, is_noted) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        move || {
            if !is_noted.swap(true, SeqCst) {
                written.note(tenant, Some(&is_noted));
            }
        }
    }

    /// Notes a write; by a listener, or by what writes to files otherwise.
    pub(super) fn note(&self, tenant: TenantId, by: Option<&Arc<AtomicBool>>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        noted.entry(tenant).or_default().extend(by.map(Arc::clone));
    }

    /// Takes them. Whatever is committed from now on is noted anew; what was before is told before this returns.
    pub(super) fn take(&self) -> Vec<TenantId> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = std::mem::take(&mut *noted);
        taken.values().flatten().for_each(|is_noted| is_noted.store(false, SeqCst));
        taken.into_keys().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn a_tenant_is_told_once_until_it_was_taken_and_again_after_that() {
        let (written, acme) = (Arc::new(Written::default()), TenantId::new(Timestamp(1)));
        let tell = written.listener(acme);
        assert_eq!(written.take(), []);
        tell();
        tell();
        assert_eq!(written.take(), [acme]);
        assert_eq!(written.take(), []);
        tell();
        written.note(acme, None);
        assert_eq!(written.take(), [acme]);
    }
}
