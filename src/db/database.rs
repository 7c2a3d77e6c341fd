//! One SQLite file as the rest of the house sees it: readers, a writer, and an end.

mod reading;

use super::capture::CapturePlan;
use super::checkpoints::Checkpoints;
use super::open::{Manager, OpenError, Role};
use super::reader_threads::ReaderThreads;
use super::tx::Tx;
use super::writer::{WriteLimits, Writer};
use crate::clock::SharedClock;
use crate::error::Result;
use r2d2::ManageConnection;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::Semaphore;

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
        let checkpoints = Checkpoints::new(path, options.threads.clone());
        Ok(Arc::new(Database {
            readers: RwLock::new(Some(readers)),
            turns: Arc::new(Semaphore::new(options.readers as usize)),
            writer: Arc::new(Writer::new(writing, checkpoints, options.write, Arc::clone(&clock))),
            options,
            clock,
        }))
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
