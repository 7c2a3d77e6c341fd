//! One batch of writes: they share a transaction and its fsync, and none of them can harm another.

use super::constraint::DbError;
use super::open::Connected;
use super::tx::Tx;
use super::work::Work;
use super::writer::WriteLimits;
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Batches with savepoints after one that had to be run again for want of them.
const CAREFUL_BATCHES: u32 = 64;

/// What is needed to run batches on a writer's connection.
pub(super) struct Batches<'w> {
    pub(super) connected: &'w Connected,
    pub(super) clock: &'w SharedClock,
    pub(super) limits: WriteLimits,
    /// Batches still to be run with a savepoint for each closure, because one failed half-way a moment ago.
    pub(super) careful: &'w AtomicU32,
    /// Rows that this connection had changed before.
    pub(super) changes: u64,
    /// Is told of each commit that changed something.
    pub(super) written: Option<&'w (dyn Fn() + Send + Sync)>,
    /// Takes up to so many of those who came meanwhile.
    pub(super) late: &'w dyn Fn(usize) -> Vec<Box<dyn Work>>,
}

/// What a closure that fails takes with it.
#[derive(Clone, Copy)]
enum Undo {
    /// Only what it did itself: each has a savepoint, for which SQLite copies every page that is changed.
    Itself,
    /// All that the transaction did, and it is run again with savepoints.
    Everyone,
}

impl Batches<'_> {
    /// Runs them all and answers them.
    pub(super) fn run(&self, mut batch: Vec<Box<dyn Work>>) {
        if batch.len() == 1 {
            // Whoever came since shares the commit.
            batch.extend((self.late)(self.limits.batch - 1));
        }
        if batch.len() == 1 {
            return batch.drain(..).for_each(|work| self.run_alone(work));
        }
        let one_less = |batches: u32| batches.checked_sub(1);
        if self.careful.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_err() {
            let Err(undone) = self.run_together(batch, Undo::Everyone) else { return };
            self.careful.store(CAREFUL_BATCHES, Ordering::Relaxed);
            batch = undone;
        }
        let Err(undone) = self.run_together(batch, Undo::Itself) else { return };
        // The innocent are run again, one by one, and the guilty alone fails.
        for work in undone {
            tracing::debug!(transaction = work.name(), "run again alone");
            self.run_alone(work);
        }
    }

    /// Runs all of `batch` in one transaction and answers them; or undoes everything and gives them back.
    fn run_together(&self, mut batch: Vec<Box<dyn Work>>, undo: Undo) -> Result<(), Vec<Box<dyn Work>>> {
        let (connected, now) = (self.connected, self.clock.now());
        let mut after_commit = Vec::new();
        let mut failed: Vec<Option<Error>> = Vec::with_capacity(batch.len());
        let begun = Tx::new(connected, now).execute("BEGIN IMMEDIATE", &[]);
        let mut broken = begun.is_err();
        while !broken {
            if failed.len() == batch.len() {
                // The same for those who came while the others ran.
                batch.extend((self.late)(self.limits.batch.saturating_sub(batch.len())));
            }
            let Some(work) = batch.get_mut(failed.len()) else { break };
            let tx = Tx::new(connected, now);
            let outcome = match undo {
                Undo::Itself => in_savepoint(&tx, connected, work.as_mut(), self.limits.time),
                Undo::Everyone => in_the_open(&tx, connected, work.as_mut(), self.limits.time),
            };
            match outcome {
                Ok(Ok(())) => {
                    after_commit.extend(tx.take_after_commit());
                    failed.push(None);
                }
                Ok(Err(error)) => failed.push(Some(error)),
                Err(_) => broken = true,
            }
            // RAISE(ROLLBACK), ON CONFLICT ROLLBACK and an interrupted write end everyone's transaction.
            broken |= connected.raw.is_autocommit();
        }
        if !broken {
            crate::fault::step();
            broken = Tx::new(connected, now).execute("COMMIT", &[]).is_err();
            crate::fault::step();
        }
        if broken {
            roll_back(connected);
            return Err(batch);
        }
        self.committed();
        after_commit.into_iter().for_each(|act| act());
        for (work, failure) in batch.into_iter().zip(failed) {
            work.answer(failure.map_or(Ok(()), Err));
        }
        Ok(())
    }

    fn committed(&self) {
        if let Some(tell) = self.written.filter(|_| self.connected.raw.total_changes() != self.changes) {
            tell();
        }
    }

    fn run_alone(&self, mut work: Box<dyn Work>) {
        let connected = self.connected;
        let tx = Tx::new(connected, self.clock.now());
        let result = (|| {
            tx.execute("BEGIN IMMEDIATE", &[])?;
            connected.guard.arm(None, Some(self.limits.time));
            let result = work.run(&tx);
            connected.guard.arm(None, None);
            result?;
            if connected.raw.is_autocommit() {
                return Err(Error::internal("the transaction was ended from within"));
            }
            crate::fault::step();
            tx.execute("COMMIT", &[])?;
            crate::fault::step();
            self.committed();
            Ok(())
        })();
        match &result {
            Ok(()) => tx.take_after_commit().into_iter().for_each(|act| act()),
            Err(_) => roll_back(connected),
        }
        work.answer(result);
    }
}

/// Runs `work` without a savepoint. The outer error means that it failed after it had changed something; what fails
/// before (a record that is not there, a row that a constraint refuses) has left nothing to undo.
fn in_the_open(
    tx: &Tx<'_>,
    connected: &Connected,
    work: &mut dyn Work,
    time: Duration,
) -> Result<Result<()>> {
    let before = connected.raw.total_changes();
    connected.guard.arm(None, Some(time));
    let result = work.run(tx);
    connected.guard.arm(None, None);
    match result {
        Err(error) if connected.raw.total_changes() != before => Err(error),
        result => Ok(result),
    }
}

/// Runs `work` in a savepoint. The outer error means that the savepoint itself could not be made, undone or released, so
/// that nothing is known of the transaction any more.
fn in_savepoint(
    tx: &Tx<'_>,
    connected: &Connected,
    work: &mut dyn Work,
    time: Duration,
) -> Result<Result<()>> {
    tx.execute("SAVEPOINT work", &[])?;
    connected.guard.arm(None, Some(time));
    let result = work.run(tx);
    connected.guard.arm(None, None);
    if !tx.connection().is_autocommit() {
        if result.is_err() {
            tx.execute("ROLLBACK TO work", &[])?;
        }
        tx.execute("RELEASE work", &[])?;
    }
    Ok(result)
}

fn roll_back(connected: &Connected) {
    if let Some(capture) = &connected.capture {
        capture.set_memo(None);
    }
    if !connected.raw.is_autocommit()
        && let Err(error) = connected.raw.execute_batch("ROLLBACK").map_err(DbError::from)
    {
        tracing::error!(error = %error, "ROLLBACK failed");
    }
}
