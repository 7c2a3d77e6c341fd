//! The writer: SQLite has one per file, so writes queue up and share a commit.
//!
//! Whoever finds the queue idle becomes the leader: it opens one IMMEDIATE transaction, runs each queued closure in
//! turn, commits once (one fsync) and answers all. An idle file costs no thread. A closure that fails harms no neighbour:
//! either it had changed nothing, or the batch is run again with a savepoint for each.

use super::batch::Batches;
use super::capture::CapturePlan;
use super::checkpoints::Checkpoints;
use super::counts::{count_batch, count_queued, count_taken, count_writes};
use super::open::{Connected, Manager, OpenError};
use super::tx::Tx;
use super::work::{Work, WorkOf};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use r2d2::ManageConnection;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Bounds of a writer.
#[derive(Clone, Copy, Debug)]
pub struct WriteLimits {
    /// Writes that may wait; one more is refused with 503.
    pub queue: usize,
    /// Writes that share one commit at most.
    pub batch: usize,
    /// How long one closure may keep the file to itself.
    pub time: Duration,
}

impl Default for WriteLimits {
    fn default() -> WriteLimits {
        WriteLimits { queue: 1_024, batch: 128, time: Duration::from_secs(10) }
    }
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Work>>,
    led: bool,
    closed: bool,
}

/// The queue and the connection of one file's writer.
pub(super) struct Writer {
    manager: Manager,
    checkpoints: Arc<Checkpoints>,
    connection: Mutex<Option<Connected>>,
    queue: Mutex<Queue>,
    idle: Condvar,
    limits: WriteLimits,
    clock: SharedClock,
    /// See [`Batches::careful`].
    careful: AtomicU32,
    /// See [`Batches::written`].
    written: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

/// The turn of a leader. If it ends before its time (a panic, or a runtime that shuts down), those who wait are told,
/// and the next write finds a queue without a leader instead of one that never moves.
struct Leading {
    writer: Arc<Writer>,
    done: bool,
}

impl Leading {
    fn run(mut self) {
        self.writer.lead();
        self.done = true;
    }
}

impl Drop for Leading {
    fn drop(&mut self) {
        if !self.done {
            let mut queue = self.writer.queue();
            queue.led = false;
            let forsaken: Vec<_> = queue.waiting.drain(..).collect();
            count_taken(forsaken.len());
            drop(queue);
            // Dropping them answers their callers.
            drop(forsaken);
            self.writer.idle.notify_all();
        }
    }
}

impl Writer {
    pub(super) fn new(
        manager: Manager,
        checkpoints: Checkpoints,
        limits: WriteLimits,
        clock: SharedClock,
    ) -> Writer {
        Writer {
            manager,
            checkpoints: Arc::new(checkpoints),
            connection: Mutex::new(None),
            queue: Mutex::default(),
            idle: Condvar::new(),
            limits,
            clock,
            careful: AtomicU32::new(0),
            written: OnceLock::new(),
        }
    }

    /// Has `tell` called after each commit that changed something, before anybody is answered. To be called before the
    /// first write.
    pub(super) fn when_written(&self, tell: Box<dyn Fn() + Send + Sync>) {
        let _ = self.written.set(tell);
    }

    /// Has the rows captured that writes change. To be called before the first write.
    pub(super) fn capture(&self, plan: Arc<CapturePlan>) {
        self.manager.capture(plan);
    }

    /// Queues `act` and waits until it is on disk or has failed.
    pub(super) async fn write<T, F>(self: &Arc<Self>, name: &'static str, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (work, answer) = WorkOf::queued(name, act);
        let leads = {
            let mut queue = self.queue();
            if queue.closed {
                return Err(closed());
            }
            if queue.waiting.len() >= self.limits.queue {
                return Err(Error::unavailable(
                    "writer_overloaded",
                    "Too many writes are waiting for this database. Try again shortly.",
                    1,
                ));
            }
            queue.waiting.push_back(work);
            count_queued();
            !std::mem::replace(&mut queue.led, true)
        };
        if leads {
            let leading = Leading { writer: Arc::clone(self), done: false };
            tokio::task::spawn_blocking(move || leading.run());
        }
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Writes that are queued and not begun.
    pub(super) fn waiting(&self) -> usize {
        self.queue().waiting.len()
    }

    /// Refuses further writes, waits for those that were accepted, and closes the connection.
    pub(super) fn close(&self) {
        let mut queue = self.queue();
        queue.closed = true;
        while queue.led {
            queue = self.idle.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        drop(queue);
        self.checkpoints.close();
        *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lead(&self) {
        let mut slot = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let batch: Vec<Box<dyn Work>> = {
                let mut queue = self.queue();
                let count = queue.waiting.len().min(self.limits.batch);
                if count == 0 {
                    queue.led = false;
                    self.idle.notify_all();
                    return;
                }
                queue.waiting.drain(..count).collect()
            };
            count_batch();
            count_writes(batch.len());
            count_taken(batch.len());
            match self.connected(&mut slot) {
                Ok(connected) => {
                    self.run(connected, batch);
                    self.checkpoints.after_commit(connected);
                }
                Err(error) => {
                    tracing::error!(error = %error, "the writer cannot open its file");
                    for work in batch {
                        work.answer(Err(cannot_open()));
                    }
                }
            }
            // A transaction that would not end must not leak into the next batch.
            if slot.as_ref().is_some_and(|connected| !connected.raw.is_autocommit()) {
                tracing::error!("a transaction stayed open; its connection is closed");
                *slot = None;
            }
        }
    }

    fn connected<'s>(&self, slot: &'s mut Option<Connected>) -> Result<&'s Connected, OpenError> {
        Ok(match slot {
            Some(connected) => connected,
            None => slot.insert(self.manager.connect()?),
        })
    }

    fn run(&self, connected: &Connected, batch: Vec<Box<dyn Work>>) {
        let batches = Batches {
            connected,
            clock: &self.clock,
            limits: self.limits,
            careful: &self.careful,
            changes: connected.raw.total_changes(),
            written: self.written.get().map(Box::as_ref),
            late: &|most| self.take(most),
        };
        batches.run(batch);
    }

    /// Up to `most` of those who wait.
    fn take(&self, most: usize) -> Vec<Box<dyn Work>> {
        let mut queue = self.queue();
        let count = queue.waiting.len().min(most);
        if count > 0 {
            count_writes(count);
            count_taken(count);
        }
        queue.waiting.drain(..count).collect()
    }
}

fn closed() -> Error {
    Error::unavailable("closing", "This database is being closed. Try again shortly.", 2)
}

fn cannot_open() -> Error {
    Error::unavailable(
        "tenant_unavailable",
        "This database cannot be opened for writing. The operator has been told.",
        30,
    )
}
