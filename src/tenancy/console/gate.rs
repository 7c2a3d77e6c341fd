//! Who is inside, and how all of them are asked to leave.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long closing waits for those inside, who leave at once unless the machine is stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// A gate that lets in until it is closed, and then waits until everyone has left.
pub(super) struct Gate {
    inside: Mutex<usize>,
    emptied: Condvar,
    closing: watch::Sender<bool>,
}

/// Being inside.
pub(super) struct Inside<'g> {
    gate: &'g Gate,
    closing: watch::Receiver<bool>,
}

impl Gate {
    pub(super) fn new() -> Gate {
        Gate { inside: Mutex::new(0), emptied: Condvar::new(), closing: watch::Sender::new(false) }
    }

    /// `None` once it is closed.
    pub(super) fn enter(&self) -> Option<Inside<'_>> {
        let mut inside = self.inside();
        if *self.closing.borrow() {
            return None;
        }
        *inside += 1;
        Some(Inside { gate: self, closing: self.closing.subscribe() })
    }

    /// Asks everyone to leave and waits for it. Blocks.
    pub(super) fn close(&self) {
        let inside = self.inside();
        self.closing.send_replace(true);
        let waited = self.emptied.wait_timeout_while(inside, PATIENCE, |inside| *inside > 0);
        if waited.is_ok_and(|(_, timeout)| timeout.timed_out()) {
            tracing::error!("a SQL statement did not end as its file was closed");
        }
    }

    fn inside(&self) -> MutexGuard<'_, usize> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside<'_> {
    /// Waits until the gate is being closed.
    pub(super) async fn closing(&mut self) {
        // The sender lives as long as the gate, which is borrowed.
        let _ = self.closing.wait_for(|closing| *closing).await;
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        *self.gate.inside() -= 1;
        self.gate.emptied.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn closing_waits_for_those_inside_and_lets_nobody_in() {
        let gate = Arc::new(Gate::new());
        let mut inside = gate.enter().unwrap();
        let closing = Arc::clone(&gate);
        let closed = tokio::task::spawn_blocking(move || closing.close());
        inside.closing().await;
        assert!(gate.enter().is_none() && !closed.is_finished());
        drop(inside);
        closed.await.unwrap();
    }
}
