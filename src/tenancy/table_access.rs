//! A table together with what its caller may do with it.

use super::app::App;
use crate::db::Value;
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use crate::model::table::Table;
use crate::policy::{Held, Permission, TableRights};
use std::ops::Deref;
use std::sync::Arc;

/// What is about to be done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// Its rows are read.
    Read,
    /// Rows are created, changed or deleted.
    Write,
}

/// A table of a tenant, for one caller.
///
/// Had from [`TenantScope::table`](super::TenantScope::table), which asks for the right first. The records engine
/// takes nothing less for what it writes, so that no way to write can forget whose rows they are.
#[derive(Clone)]
pub struct TableAccess {
    table: Arc<Table>,
    rights: TableRights,
    caller: Caller,
}

/// Who asks, as far as tables are concerned.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) app: Arc<App>,
    pub(super) role: Option<Arc<str>>,
    pub(super) permissions: Held,
    pub(super) identity: Option<IdentityId>,
}

impl Caller {
    pub(super) fn rights(&self, table: &str) -> TableRights {
        self.app.roles.lines().bounded(table, self.role.as_deref(), self.permissions)
    }
}

impl TableAccess {
    pub(super) fn new(table: Arc<Table>, caller: Caller) -> TableAccess {
        TableAccess { rights: caller.rights(&table.name), table, caller }
    }

    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// What the caller may do with it.
    pub fn rights(&self) -> TableRights {
        self.rights
    }

    /// Whether the caller may read the table `other`, and so may be told of it.
    pub fn may_read(&self, other: &str) -> bool {
        self.caller.rights(other).read
    }

    /// Asks again for what is about to be done.
    ///
    /// # Errors
    /// 404 `unknown_table` for a table that is withheld, 403 where only writing is not allowed, 405 for a write to what
    /// can only be read.
    pub fn require(&self, wants: Wants) -> Result<()> {
        let name = &self.table.name;
        match (wants, self.rights) {
            (Wants::Read, TableRights { read: true, .. }) => Ok(()),
            (Wants::Write, TableRights { write: true, .. }) if self.table.is_writable() => Ok(()),
            (Wants::Write, TableRights { write: true, .. }) => Err(Error::read_only_table(name)),
            (Wants::Write, TableRights { read: true, .. }) => Err(Error::forbidden_here(
                Permission::RecordsWrite.name(),
                format!("Your role may read {name} but not write it; ask an owner or admin of the tenant."),
            )),
            _ => Err(unknown_table()),
        }
    }

    /// Whether the caller may change and delete only those rows whose owner it is.
    pub(super) fn only_own_rows(&self) -> bool {
        self.table.owner.is_some() && !self.caller.permissions.set().writes_rows_of_others()
    }

    /// The caller as an owner column holds it; nothing for a job.
    pub(super) fn me(&self) -> Option<Value> {
        self.caller.identity.map(|id| Value::Text(id.to_string()))
    }
}

/// 404, the same for a table that does not exist and one that is withheld.
pub(super) fn unknown_table() -> Error {
    Error::new(Kind::NotFound, "unknown_table", "There is no such table. GET /tables lists those there are.")
}

impl Deref for TableAccess {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}
