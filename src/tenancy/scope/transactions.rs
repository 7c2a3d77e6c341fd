//! Reads and writes of a tenant's file.

use super::TenantScope;
use crate::error::{Error, Kind, Result};
use crate::model::table::Schema;
use crate::model::tenant::Act;
use crate::telemetry::subject;
use crate::tenancy::TenantTx;
use crate::tenancy::console::{self, Asker, Console};
use crate::tenancy::file::TenantFile;
use crate::tenancy::open_files::{InUse, migrating};
use crate::tenancy::tx::changes::record_changes;
use std::sync::Arc;

impl TenantScope {
    pub(super) async fn file(&self) -> Result<&TenantFile> {
        self.file.get_or_try_init(|| self.lease()).await?.file()
    }

    /// What went wrong for the tables being others by now is no fault of ours: to be tried again.
    fn unless_replaced(&self, error: Error) -> Error {
        let is_replaced = self.file.get().is_some_and(InUse::is_replaced);
        if is_replaced && error.kind() == Kind::Internal { migrating().because(error) } else { error }
    }

    /// Lets go of the tenant's file until the next use, and of the tenant's turn: who waits for a slow peer must not keep
    /// the one open and others of the tenant waiting.
    pub fn release_file(&mut self) {
        self.file.take();
        if let Some(admitted) = &self.admitted {
            admitted.release_turn();
        }
    }

    /// The tables of the tenant.
    ///
    /// # Errors
    /// 503 when the file cannot be served.
    pub async fn schema(&self) -> Result<&Arc<Schema>> {
        Ok(&self.file().await?.schema)
    }

    /// Reads from the tenant's file. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns; 503 when no reader is free in time; 504 when it runs too long.
    pub async fn read<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read(move |tx| timed.run(tx, || act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The same for an `act` of one query, which sees one moment without a transaction around it.
    ///
    /// # Errors
    /// As [`TenantScope::read`].
    pub async fn read_one<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read_one(move |tx| timed.run(tx, || act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The same for what may take long within a single row.
    ///
    /// # Errors
    /// As [`TenantScope::read`].
    pub async fn read_slow<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        let timed = self.timed();
        let read = self.file().await?.database.read_slow(move |tx| timed.run(tx, || act(&TenantTx::new(tx))));
        read.await.map_err(|error| self.unless_replaced(error))
    }

    /// The right to run one SQL statement that somebody wrote, once it is its turn.
    ///
    /// # Errors
    /// 429 and 503 when too many run; 503 when the file cannot be served.
    pub async fn console(&self) -> Result<Console<'_>> {
        let path = self.tenancy.layout().tenant_file(self.tenant.id);
        let readable = console::readable(self.readable_tables().await?.map(Arc::as_ref));
        let asker = if self.by.actor.is_operator() { Asker::Operator } else { Asker::Member };
        Console::open(&self.tenancy.workers, asker, self.file().await?, path, readable, self.timed()).await
    }

    /// Writes to the tenant's file in one transaction; the answer comes when it is on disk. `act` may be run twice.
    ///
    /// # Errors
    /// What `act` returns; 503 when too many writes wait or the disk refuses.
    pub async fn write<T, F>(&self, name: &'static str, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>) -> Result<T> + Send + 'static,
    {
        if self.act != Act::Write {
            return Err(Error::internal(format!(
                "{name} writes with a scope that was given for {:?}",
                self.act
            )));
        }
        let file = self.file().await?;
        let (tracked, actor) = (Arc::clone(&file.tracked), self.by.actor);
        let (feeds, keep, tenant) = (Arc::clone(&self.tenancy.feeds), self.tenancy.keep, self.tenant.id);
        let metering = self.metering(file);
        let (hooks, jobs, clock) =
            (Arc::clone(&file.hooks), Arc::clone(&self.tenancy.jobs), Arc::clone(&self.tenancy.clock));
        if hooks.tells_of_records() {
            // A start finds the changes that no endpoint was told of.
            self.open_jobs().await?;
        }
        let part = subject::write_part(name);
        let timed = self.timed().within(part.as_ref());
        let write = file.database.write(name, move |tx| {
            timed.run(tx, || {
                let tenant_tx = TenantTx::new(tx);
                let storage = metering.storage(tenant_tx)?;
                let result = act(&tenant_tx)?;
                let recorded = record_changes(tenant_tx, &tracked, actor, &keep)?;
                if !recorded.billable.is_empty() {
                    metering.take_billable(tenant_tx, &recorded.billable)?;
                }
                if let Some(storage) = storage {
                    metering.admit(tenant_tx, &storage)?;
                }
                if let Some(seq) = recorded.last {
                    let feeds = Arc::clone(&feeds);
                    tx.after_commit(move || feeds.announce(tenant, seq));
                    if hooks.tells_of_records() {
                        let (hooks, jobs, clock) =
                            (Arc::clone(&hooks), Arc::clone(&jobs), Arc::clone(&clock));
                        tx.after_commit(move || {
                            if hooks.is_to_be_told(clock.now()) {
                                jobs.tell_due(tenant);
                            }
                        });
                    }
                }
                Ok(result)
            })
        });
        let written = write.await;
        if let Some(part) = part {
            part.end(written.as_ref().err().map(|error| error.code()));
        }
        written
    }
}
