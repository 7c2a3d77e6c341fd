//! A table together with what its caller may do with it.

use super::app::App;
use crate::db::Value;
use crate::id::IdentityId;
use crate::model::table::Table;
use crate::policy::{PermissionSet, TableRights};
use std::ops::Deref;
use std::sync::Arc;

/// A table of a tenant, for one caller.
///
/// Had from [`TenantScope::table`](super::TenantScope::table), which asks for the right first. The records engine
/// takes nothing less for what it writes, so that no way to write can forget whose rows they are.
#[derive(Clone)]
pub struct TableAccess {
    table: Arc<Table>,
    rights: TableRights,
    ownership: Option<Ownership>,
    caller: Caller,
}

/// Who asks, as far as tables are concerned.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) app: Arc<App>,
    pub(super) role: Arc<str>,
    pub(super) permissions: PermissionSet,
    pub(super) identity: Option<IdentityId>,
}

/// How rows of a table belong to identities, from the caller's side.
#[derive(Clone, Debug)]
pub(super) struct Ownership {
    /// The column that holds the owner.
    pub(super) column: usize,
    /// The caller as the column holds it; nothing for a job.
    pub(super) me: Option<Value>,
    /// Whether only the caller's own rows may be written.
    pub(super) only_mine: bool,
}

impl Caller {
    pub(super) fn rights(&self, table: &str) -> TableRights {
        self.app.tables.rights(table, &self.role, self.permissions)
    }
}

impl TableAccess {
    pub(super) fn new(table: Arc<Table>, caller: Caller) -> TableAccess {
        let ownership = table.owner.map(|column| Ownership {
            column,
            me: caller.identity.map(|id| Value::Text(id.to_string())),
            only_mine: !caller.permissions.writes_rows_of_others(),
        });
        TableAccess { rights: caller.rights(&table.name), table, ownership, caller }
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

    pub(super) fn ownership(&self) -> Option<&Ownership> {
        self.ownership.as_ref()
    }
}

impl Deref for TableAccess {
    type Target = Table;

    fn deref(&self) -> &Table {
        &self.table
    }
}
