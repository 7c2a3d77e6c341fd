//! A copy of a tenant's file on its way out: consistent, without our own tables, closed to one plain file.

use super::{Tenancy, TenantScope, TenantTx, schema};
use crate::db::{AppTx, Copy, Maintenance};
use crate::error::{Error, Result};
use crate::model::table::{Table, TableKind};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The copy.
pub struct ExportCopy {
    copy: Copy,
    tables: Vec<Arc<Table>>,
    indexes: Vec<String>,
    path: PathBuf,
}

impl ExportCopy {
    /// Copies the file of the scope's tenant to `target` without stopping its writers, and writes which uploads it names
    /// to `list`: a line each, the id of the content, a tab, and the rest as JSON; and the usage events to `events`. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn make(
        scope: &TenantScope,
        tenancy: &Tenancy,
        target: &Path,
        list: &Path,
        events: &Path,
    ) -> Result<ExportCopy> {
        // Whoever moves or erases it waits until the copy is made.
        let id = scope.tenant().id;
        tenancy.unless_fenced_blocking(id, || {
            let file = Maintenance::open(&tenancy.layout.tenant_file(id)).map_err(Error::internal)?;
            Ok(file.copy_with_pauses(target)?)
        })?;
        list_uploads(target, list)?;
        write_usage_events(target, events)?;
        let copy = Copy::without_system_tables(target).map_err(Error::internal)?;
        let (schema, virtual_tables) =
            copy.read(|tx| Ok((schema::introspect(tx)?, schema::virtual_tables(tx)?)))?;
        let holds_rows = |table: &Table| match virtual_tables.iter().find(|other| other.name == table.name) {
            Some(found) => found.holds_rows,
            None => table.kind == TableKind::Table,
        };
        let tables = schema.tables().filter(|table| holds_rows(table)).map(Arc::clone).collect();
        let indexes = virtual_tables.iter().filter(|table| !table.holds_rows).map(|table| table.name.clone());
        Ok(ExportCopy { copy, tables, indexes: indexes.collect(), path: target.to_path_buf() })
    }

    /// Virtual tables that keep no rows: search indexes over other tables, or over what was not kept.
    pub fn indexes(&self) -> &[String] {
        &self.indexes
    }

    /// The tables in it that keep rows: without views, with search indexes that have content of their own.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// Reads from the copy.
    ///
    /// # Errors
    /// What `act` returns.
    pub fn read<T>(&self, act: impl FnOnce(AppTx<'_>) -> Result<T>) -> Result<T> {
        self.copy.read(|tx| act(tx.app()))
    }

    /// Ends reading; what stays is one plain SQLite file.
    pub fn close(self) -> PathBuf {
        self.copy.close();
        self.path
    }
}

/// Each event on a line of its own, in their order: what invoices are made of.
fn write_usage_events(copy: &Path, events: &Path) -> Result<()> {
    let copy = Maintenance::open(copy).map_err(Error::internal)?;
    let mut out = BufWriter::new(File::create(events)?);
    copy.read(|tx| {
        TenantTx::new(tx).each_usage_event(|event| {
            serde_json::to_writer(&mut out, &event)?;
            Ok(out.write_all(b"\n")?)
        })
    })?;
    Ok(out.flush()?)
}

/// Uploads of one read.
const PAGE: u32 = 1_000;

fn list_uploads(copy: &Path, list: &Path) -> Result<()> {
    let copy = Maintenance::open(copy).map_err(Error::internal)?;
    let mut out = BufWriter::new(File::create(list)?);
    let mut after = String::new();
    loop {
        let page = copy.read(|tx| TenantTx::new(tx).list_files("", &after, PAGE))?;
        for file in &page {
            write!(out, "{}\t", file.id)?;
            serde_json::to_writer(&mut out, file)?;
            out.write_all(b"\n")?;
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after.clone_from(&last.path),
            _ => return Ok(out.flush()?),
        }
    }
}
