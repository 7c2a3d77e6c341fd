//! A copy of a tenant's file on its way out: consistent, without our own tables, closed to one plain file.

use super::{Layout, TenantScope, schema};
use crate::db::{AppTx, Copy};
use crate::error::{Error, Result};
use crate::model::table::{Table, TableKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The copy.
pub struct ExportCopy {
    copy: Copy,
    tables: Vec<Arc<Table>>,
    path: PathBuf,
}

impl ExportCopy {
    /// Copies the file of the scope's tenant to `target` without stopping its writers. Blocks.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn make(scope: &TenantScope, layout: &Layout, target: &Path) -> Result<ExportCopy> {
        super::copy_file(&layout.tenant_file(scope.tenant().id), target)?;
        let copy = Copy::without_system_tables(target).map_err(Error::internal)?;
        let schema = copy.read(|tx| Ok(schema::introspect(tx)?))?;
        let tables = schema.tables().filter(|table| table.kind == TableKind::Table).map(Arc::clone).collect();
        Ok(ExportCopy { copy, tables, path: target.to_path_buf() })
    }

    /// The tables in it, without views.
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
