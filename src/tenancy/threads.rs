//! Where what works on files runs: never on the threads that serve requests.

use crate::error::{Error, Result};

/// Runs what works for long on a thread of its own, which gives way to those that answer requests.
pub(super) async fn aside<T: Send + 'static>(act: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let (answer, result) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("aside".to_owned()).spawn(move || {
        crate::niceness::give_way();
        // Whoever asked may have gone away.
        let _ = answer.send(act());
    })?;
    result.await.unwrap_or_else(|_| Err(Error::internal("panic while a tenant's file was worked on")))
}

/// Runs what blocks on a thread that may.
pub(crate) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|error| Err(Error::internal(error)))
}
