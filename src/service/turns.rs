//! Turns at what takes long: so many at once over all tenants, and so many of one tenant, who cannot hold them all.

use crate::error::{Error, Result};
use crate::id::TenantId;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tenants whose turns are remembered before those without any are forgotten.
const REMEMBERED: usize = 1_024;

/// The turns at one kind of work.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    most_of_tenant: usize,
    /// How long one waits for a turn.
    wait: Duration,
    of_tenants: Mutex<HashMap<TenantId, Arc<Semaphore>>>,
}

/// A turn; ended by its drop.
pub(super) struct Turn {
    _of_tenant: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    pub(super) fn new(most: usize, most_of_tenant: usize, wait: Duration) -> Turns {
        Turns { all: Arc::new(Semaphore::new(most)), most_of_tenant, wait, of_tenants: Mutex::default() }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// 503 `overloaded` when none comes in time.
    pub(super) async fn take(&self, tenant: TenantId) -> Result<Turn> {
        let of_tenant = self.of_tenant(tenant);
        let both = async {
            let of_tenant = of_tenant.acquire_owned().await?;
            Ok::<_, tokio::sync::AcquireError>(Turn {
                _of_tenant: of_tenant,
                _of_all: Arc::clone(&self.all).acquire_owned().await?,
            })
        };
        match tokio::time::timeout(self.wait, both).await {
            Ok(Ok(turn)) => Ok(turn),
            _ => Err(Error::unavailable(
                "overloaded",
                "Too many files are on their way at the same time. Try again shortly.",
                2,
            )),
        }
    }

    fn of_tenant(&self, tenant: TenantId) -> Arc<Semaphore> {
        let mut of_tenants = self.of_tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if of_tenants.len() >= REMEMBERED {
            // A turn that is taken or waited for holds its semaphore.
            of_tenants.retain(|_, turns| Arc::strong_count(turns) > 1);
        }
        let new = || Arc::new(Semaphore::new(self.most_of_tenant));
        Arc::clone(of_tenants.entry(tenant).or_insert_with(new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[tokio::test]
    async fn one_tenant_cannot_take_all_turns_nor_all_tenants_more_than_there_are() {
        let turns = Turns::new(3, 2, Duration::from_millis(20));
        let [a, b] = [1, 2].map(|at| TenantId::new(Timestamp(at)));
        let first = turns.take(a).await.unwrap();
        let _second = turns.take(a).await.unwrap();
        assert_eq!(
            turns.take(a).await.err().map(|error| error.code().to_owned()).as_deref(),
            Some("overloaded")
        );
        let _third = turns.take(b).await.unwrap();
        assert!(turns.take(b).await.is_err());
        drop(first);
        assert!(turns.take(b).await.is_ok());
    }
}
