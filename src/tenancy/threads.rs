//! Where what works on files runs: never on the threads that serve requests.

use crate::error::{Error, Result};
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// How long a thread that gives way waits for more to do: to begin and end one for each file of a fleet is a twentieth of the
/// work.
const KEPT: Duration = Duration::from_secs(2);

/// Runs what works for long on a thread that gives way to those that answer requests. No task is begun from there: the threads'
/// runtime drives none.
pub(super) async fn aside<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    // It has no work of its own, but threads that are kept for a while.
    static THREADS: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
        let mut builder = Builder::new_current_thread();
        builder
            .thread_name("aside")
            .on_thread_start(crate::niceness::give_way)
            .thread_keep_alive(KEPT)
            .build()
    });
    let threads = THREADS.as_ref().map_err(|error| Error::internal(error.to_string()))?;
    let done = threads.spawn_blocking(act).await;
    done.unwrap_or_else(|_| Err(Error::internal("panic while a tenant's file was worked on")))
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|error| Err(Error::internal(error)))
}
