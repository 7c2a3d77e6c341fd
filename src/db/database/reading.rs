//! Reads of a file: short ones on the thread that serves the request, others on threads that may block.

use super::Database;
use crate::db::constraint::DbError;
use crate::db::counts::ReadWaits;
use crate::db::open::Connected;
use crate::db::tx::Tx;
use crate::error::{Error, Result};
use std::sync::{Arc, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Thousands of virtual machine steps that a read may take on the thread that serves requests: well under a
/// millisecond. A longer one starts again on a thread that may block. Hopping always would cost a third of the rate.
const INLINE_TICKS: i64 = 8;

/// How much of what a read sees is of one moment.
#[derive(Clone, Copy, PartialEq)]
enum Span {
    /// All of it.
    Transaction,
    /// What one query sees, without the two statements around it.
    Query,
}

/// What a read has to end within, or it is stopped.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    /// [`INLINE_TICKS`].
    FewSteps,
    /// Its time, of which it gets its share of a core.
    TimeOnCore,
    /// Its time.
    Time,
}

/// What came of a read on the thread that serves requests.
enum Inline<T> {
    /// All of it.
    Ended(Result<T>),
    /// It takes more than few steps.
    TooLong,
    /// No connection was idle.
    NoneIdle,
}

impl Database {
    /// Runs `act` in a read transaction. It may be run twice.
    ///
    /// # Errors
    /// What `act` returns; 503 when no reader is free in time or the file is closed; 504 when it runs too long.
    pub async fn read<T, F>(self: &Arc<Self>, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let turn = self.turn().await?;
        if let Some(result) = self.read_quick(Span::Transaction, &mut act).await {
            return result;
        }
        self.read_on_thread(turn, act).await
    }

    /// The same for an `act` of one query, which is a transaction by itself.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_one<T, F>(self: &Arc<Self>, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let turn = self.turn().await?;
        if let Some(result) = self.read_quick(Span::Query, &mut act).await {
            return result;
        }
        self.read_on_thread(turn, act).await
    }

    /// The same for what may take long within one step, where no bound of steps bites: never on the thread that serves
    /// requests. `act` may be run twice: where no core is idle, it begins again.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub async fn read_slow<T, F>(self: &Arc<Self>, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let turn = self.turn().await?;
        self.read_on_thread(turn, act).await
    }

    async fn read_on_thread<T, F>(self: &Arc<Self>, turn: OwnedSemaphorePermit, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let threads = self.options.threads.clone();
        let held = (turn, threads.place(self.options.read_wait).await.ok_or_else(overloaded)?);
        let database = Arc::clone(self);
        let (answer, result) = oneshot::channel();
        self.options.threads.run_when_idle(move || {
            // The caller may have gone away.
            if let Some(result) = database.read_unless_starved(&mut act) {
                let _ = answer.send(result);
                return;
            }
            threads.run_in_turn(move || {
                let _held = held;
                let _ = answer.send(database.read_blocking(act));
            });
        });
        result.await.unwrap_or_else(|_| Err(Error::internal("panic in a read on a thread")))
    }

    async fn turn(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() {
            return Ok(turn);
        }
        let _waits = ReadWaits::begin();
        match tokio::time::timeout(self.options.read_wait, Arc::clone(&self.turns).acquire_owned()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(overloaded()),
        }
    }

    /// Tries on this thread with few steps; `None` if that was not enough. Where no connection is idle, one is opened first:
    /// a read is not long for that.
    async fn read_quick<T>(
        self: &Arc<Self>,
        span: Span,
        act: &mut impl FnMut(&Tx<'_>) -> Result<T>,
    ) -> Option<Result<T>> {
        match self.read_inline(span, act) {
            Inline::Ended(result) => return Some(result),
            Inline::TooLong => return None,
            Inline::NoneIdle => {}
        }
        let database = Arc::clone(self);
        let opened = tokio::task::spawn_blocking(move || database.open_reader()).await;
        match (opened, self.read_inline(span, act)) {
            (Ok(Err(error)), Inline::NoneIdle) => Some(Err(error)),
            (_, Inline::Ended(result)) => Some(result),
            (_, Inline::TooLong | Inline::NoneIdle) => None,
        }
    }

    /// Sees to it that a connection is idle. Blocks.
    fn open_reader(&self) -> Result<()> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        let pool = readers.as_ref().ok_or_else(gone)?;
        pool.get().map(drop).map_err(|error| overloaded().because(error))
    }

    fn read_inline<T>(&self, span: Span, act: &mut impl FnMut(&Tx<'_>) -> Result<T>) -> Inline<T> {
        let Ok(readers) = self.readers.try_read() else { return Inline::NoneIdle };
        let Some(pool) = readers.as_ref() else { return Inline::Ended(Err(gone())) };
        let Some(connected) = pool.try_get() else { return Inline::NoneIdle };
        let result = self.run(&connected, span, act, Within::FewSteps);
        if result.is_ok() || !connected.guard.stopped() { Inline::Ended(result) } else { Inline::TooLong }
    }

    /// The same on a thread that may block.
    ///
    /// # Errors
    /// As [`Database::read`].
    pub fn read_blocking<T>(&self, mut act: impl FnMut(&Tx<'_>) -> Result<T>) -> Result<T> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(pool) = readers.as_ref() else { return Err(gone()) };
        let connected = pool.get().map_err(|error| overloaded().because(error))?;
        self.run(&connected, Span::Transaction, &mut act, Within::Time)
    }

    /// The same where cores are had only as long as nobody else wants them; `None` if that came to too little.
    fn read_unless_starved<T>(&self, act: &mut impl FnMut(&Tx<'_>) -> Result<T>) -> Option<Result<T>> {
        let readers = self.readers.read().unwrap_or_else(PoisonError::into_inner);
        let Some(pool) = readers.as_ref() else { return Some(Err(gone())) };
        let connected = match pool.get() {
            Ok(connected) => connected,
            Err(error) => return Some(Err(overloaded().because(error))),
        };
        let result = self.run(&connected, Span::Transaction, act, Within::TimeOnCore);
        (result.is_ok() || !connected.guard.is_starved()).then_some(result)
    }

    fn run<T>(
        &self,
        connected: &Connected,
        span: Span,
        act: &mut impl FnMut(&Tx<'_>) -> Result<T>,
        within: Within,
    ) -> Result<T> {
        let tx = Tx::new(connected, self.clock.now());
        if span == Span::Transaction {
            tx.execute("BEGIN", &[])?;
        }
        let ticks = (within == Within::FewSteps).then_some(INLINE_TICKS);
        connected.guard.arm(ticks, Some(self.options.read_time));
        if within == Within::TimeOnCore {
            connected.guard.watch_share(self.options.threads.least);
        }
        let result = act(&tx);
        let stopped = connected.guard.stopped();
        connected.guard.arm(None, None);
        let result = match result {
            Err(_) if stopped => Err(DbError::Interrupted.into()),
            other => other,
        };
        if !connected.raw.is_autocommit() {
            tx.execute("COMMIT", &[])?;
        }
        connected.guard.set_stopped(stopped);
        result
    }
}

fn overloaded() -> Error {
    Error::unavailable("overloaded", "Too many reads wait for this database. Try again shortly.", 1)
}

fn gone() -> Error {
    Error::unavailable("closing", "This database is being closed. Try again shortly.", 2)
}
