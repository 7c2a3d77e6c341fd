//! What roles may do with single tables, by lines of app.toml.

use super::{Held, Permission, PermissionSet};
use std::collections::BTreeMap;

/// What a role may do with one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TableRights {
    /// Read its rows, and know that it exists.
    pub read: bool,
    /// Create, change and delete its rows.
    pub write: bool,
}

impl TableRights {
    /// What the permissions alone give, for a table of which the app says nothing.
    pub const fn of(permissions: PermissionSet) -> TableRights {
        TableRights {
            read: permissions.has(Permission::RecordsRead),
            write: permissions.has(Permission::RecordsWrite),
        }
    }

    const fn covers(self, other: TableRights) -> bool {
        (self.read || !other.read) && (self.write || !other.write)
    }
}

/// Lines of app.toml: which role may do with which table something else than its permissions say.
#[derive(Clone, Debug, Default)]
pub struct TableLines {
    tables: BTreeMap<String, LinesOfTable>,
    /// By role: what a line gives for at least one table.
    entries: BTreeMap<String, PermissionSet>,
}

#[derive(Clone, Debug, Default)]
struct LinesOfTable {
    /// Rights of the roles that have a line.
    by_role: BTreeMap<String, TableRights>,
    /// What a line takes from at least one role that has the permission.
    withheld: TableRights,
}

/// Somebody's role as lines call it, which is none where the tenant defined it, and its permissions.
type Standing<'r> = (Option<&'r str>, PermissionSet);

impl TableLines {
    /// Adds the line of a role with these permissions.
    pub fn add(&mut self, table: &str, role: &str, permissions: PermissionSet, rights: TableRights) {
        let base = TableRights::of(permissions);
        let lines = self.tables.entry(table.to_owned()).or_default();
        lines.withheld.read |= base.read && !rights.read;
        lines.withheld.write |= base.write && !rights.write;
        lines.by_role.insert(role.to_owned(), rights);
        let given = [(rights.read, Permission::RecordsRead), (rights.write, Permission::RecordsWrite)];
        let given: PermissionSet =
            given.iter().filter(|(is_given, _)| *is_given).map(|(_, one)| *one).collect();
        let entry = self.entries.entry(role.to_owned()).or_default();
        *entry = entry.with(given);
    }

    /// What someone may do with a table. A role that a tenant defined has no line; what a line withholds from any role
    /// is withheld from it too, as else it would be a way around.
    pub fn rights(&self, table: &str, (role, permissions): Standing<'_>) -> TableRights {
        let base = TableRights::of(permissions);
        let Some(lines) = self.tables.get(table) else { return base };
        match role {
            Some(role) => lines.by_role.get(role).copied().unwrap_or(base),
            None => {
                let read = base.read && !lines.withheld.read;
                TableRights { read, write: base.write && !lines.withheld.write && (read || !base.read) }
            }
        }
    }

    /// The same for a caller who may be an API key.
    pub fn bounded(&self, table: &str, role: Option<&str>, held: Held) -> TableRights {
        held.bound(self.rights(table, (role, held.set())))
    }

    /// Whether a caller has `permission`, or a line gives it for at least one table.
    pub fn lets_in(&self, role: Option<&str>, held: Held, permission: Permission) -> bool {
        held.has(permission) || (held.lets_through(permission) && self.may_enter(role, permission))
    }

    /// Whether a line gives this role `permission` for at least one table.
    pub fn may_enter(&self, role: Option<&str>, permission: Permission) -> bool {
        role.and_then(|role| self.entries.get(role)).is_some_and(|given| given.has(permission))
    }

    /// Whether `one` may do with each table what `other` may.
    pub(super) fn covers(&self, one: Standing<'_>, other: Standing<'_>) -> bool {
        self.tables.keys().all(|table| self.rights(table, one).covers(self.rights(table, other)))
    }
}
