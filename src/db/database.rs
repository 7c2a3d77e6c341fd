//! One SQLite file as the rest of the house sees it: readers, a writer, and an end.

use super::capture::CapturePlan;
use super::constraint::DbError;
use super::counts::ReadWaits;
use super::open::{Connected, Manager, OpenError, Role};
use super::reader_threads::ReaderThreads;
use super::tx::Tx;
use super::writer::{WriteLimits, Writer};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use r2d2::ManageConnection;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

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

/// How a file is opened.
#[derive(Clone)]
pub struct DatabaseOptions {
    /// What `PRAGMA application_id` must be.
    pub application_id: i32,
    /// Readers at once, and so the file descriptors that one file may cost.
    pub readers: u32,
    /// Page cache per connection, in KiB.
    pub cache_kib: u32,
    /// How long a read waits for its turn before it is a 503.
    pub read_wait: Duration,
    /// How long a read may run before it is a 504.
    pub read_time: Duration,
    /// Bounds of the writer.
    pub write: WriteLimits,
    /// Who opens connections.
    pub threads: ReaderThreads,
}

#[cfg(test)]
impl DatabaseOptions {
    /// What the files of tests are opened with, whose `application_id` is 7.
    pub fn of_tests() -> DatabaseOptions {
        DatabaseOptions {
            application_id: 7,
            readers: 2,
            cache_kib: 512,
            read_wait: Duration::from_secs(5),
            read_time: Duration::from_secs(20),
            write: WriteLimits::default(),
            threads: ReaderThreads::new(1),
        }
    }
}

/// One SQLite file: a pool of readers and a writer. Shared by all who use the file; [`Database::close`] ends it for
/// all of them at once.
pub struct Database {
    readers: RwLock<Option<r2d2::Pool<Manager>>>,
    turns: Arc<Semaphore>,
    writer: Arc<Writer>,
    options: DatabaseOptions,
    clock: SharedClock,
}

impl Database {
    /// Opens an existing file. `look` is called with the first connection to decide whether this is the right file.
    /// Blocks.
    ///
    /// # Errors
    /// [`OpenError`] when the file is missing, of another kind or damaged; or what `look` returns.
    pub fn open<E: From<OpenError>>(
        path: &Path,
        options: DatabaseOptions,
        clock: SharedClock,
        look: impl FnOnce(&Tx<'_>) -> Result<(), E>,
    ) -> Result<Arc<Database>, E> {
        if !path.exists() {
            return Err(OpenError::Missing.into());
        }
        let manager = Manager::new(path, Role::Reader, options.cache_kib);
        let first = manager.connect().map_err(OpenError::from)?;
        let tx = Tx::new(&first, clock.now());
        let id = tx
            .query_row("PRAGMA application_id", &[], |row| row.get::<i64>(0))
            .map_err(OpenError::from)?
            .unwrap_or_default();
        if id != i64::from(options.application_id) {
            return Err(OpenError::Foreign(id).into());
        }
        look(&tx)?;
        manager.keep(first);
        let readers = r2d2::Pool::builder()
            .max_size(options.readers)
            .min_idle(Some(0))
            .test_on_check_out(false)
            .max_lifetime(None)
            .idle_timeout(None)
            .connection_timeout(options.read_wait)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .thread_pool(Arc::clone(&options.threads.opening))
            .build_unchecked(manager);
        let writing = Manager::new(path, Role::Writer, options.cache_kib);
        Ok(Arc::new(Database {
            readers: RwLock::new(Some(readers)),
            turns: Arc::new(Semaphore::new(options.readers as usize)),
            writer: Arc::new(Writer::new(writing, options.write, Arc::clone(&clock))),
            options,
            clock,
        }))
    }

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

    /// Has the rows captured that writes change; each write then has to take them ([`Tx::take_captured`]). To be called
    /// before the first write.
    pub fn capture(&self, plan: Arc<CapturePlan>) {
        self.writer.capture(plan);
    }

    /// Has `tell` called after each commit that changed something, before anybody is answered. To be called before the
    /// first write.
    pub fn when_written(&self, tell: impl Fn() + Send + Sync + 'static) {
        self.writer.when_written(Box::new(tell));
    }

    /// Queues a write; the answer comes when it is on disk. `act` may be run twice, in a savepoint of its own.
    ///
    /// # Errors
    /// What `act` returns; 503 when the queue is full, the disk refuses or the file is closed.
    pub async fn write<T, F>(&self, name: &'static str, act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.write(name, act).await
    }

    /// Writes that are queued and not begun.
    pub fn writes_waiting(&self) -> usize {
        self.writer.waiting()
    }

    /// Ends the use of this file for everyone: waits for what was accepted, then closes all connections. The last one
    /// to close checkpoints the WAL. Blocks.
    pub fn close(&self) {
        self.writer.close();
        *self.readers.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.close();
    }
}

fn overloaded() -> Error {
    Error::unavailable("overloaded", "Too many reads wait for this database. Try again shortly.", 1)
}

fn gone() -> Error {
    Error::unavailable("closing", "This database is being closed. Try again shortly.", 2)
}
