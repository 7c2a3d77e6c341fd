//! Threads that copy, digest and compress: few, and they give way to what serves requests.

use crate::error::{Error, Result};
use crate::niceness;
use scheduled_thread_pool::ScheduledThreadPool;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The threads of backups.
#[derive(Clone)]
pub(super) struct Threads(Arc<ScheduledThreadPool>);

impl Threads {
    pub(super) fn new(threads: usize) -> Threads {
        let pool = ScheduledThreadPool::builder().num_threads(threads).thread_name_pattern("backup-{}");
        Threads(Arc::new(pool.build()))
    }

    /// Runs `act` on one of them.
    ///
    /// # Errors
    /// What `act` returns.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        act: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (answer, result) = oneshot::channel();
        self.0.execute(move || {
            niceness::give_way();
            // Whoever asked may have gone away.
            let _ = answer.send(act());
        });
        result.await.unwrap_or_else(|_| Err(Error::internal("panic while a backup was made")))
    }
}
