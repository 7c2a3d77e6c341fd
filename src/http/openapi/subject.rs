//! Whom a document is for, and what of each table it shows them.

use super::names::names_of;
use crate::model::column::Column;
use crate::model::table::{Table, TableKind};
use crate::policy::{Permission, PermissionSet, TableRights};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What may stand in a path segment as it is (RFC 3986, unreserved).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Whom a document is for.
pub struct Audience<'t> {
    permissions: PermissionSet,
    pub(super) tables: Vec<Subject<'t>>,
}

/// A table as its readers see it.
pub(super) struct Subject<'t> {
    pub(super) table: &'t Table,
    /// Its name as an identifier.
    pub(super) name: String,
    /// Whether its rows may be written.
    pub(super) writes: bool,
}

impl<'t> Audience<'t> {
    /// Someone with these permissions who has these rights to tables; what they may not read is left out.
    pub fn new(
        permissions: PermissionSet,
        tables: impl IntoIterator<Item = (&'t Table, TableRights)>,
    ) -> Audience<'t> {
        let readable: Vec<_> = tables.into_iter().filter(|(_, rights)| rights.read).collect();
        let names = names_of(readable.iter().map(|(table, _)| table.name.as_str()));
        let subject = |((table, rights), name): ((&'t Table, TableRights), String)| Subject {
            table,
            name,
            writes: rights.write && table.is_writable(),
        };
        Audience { permissions, tables: readable.into_iter().zip(names).map(subject).collect() }
    }

    pub(super) fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}

impl Subject<'_> {
    /// The columns that clients know of.
    pub(super) fn columns(&self) -> impl Iterator<Item = &Column> {
        self.table.visible.iter().map(|index| &self.table.columns[*index])
    }

    /// The columns of the key, in its order.
    pub(super) fn key(&self) -> impl Iterator<Item = &Column> {
        self.table.key.iter().map(|index| &self.table.columns[*index])
    }

    pub(super) fn has_key(&self) -> bool {
        !self.table.key.is_empty()
    }

    pub(super) fn is_key(&self, column: &Column) -> bool {
        self.key().any(|part| part.name == column.name)
    }

    /// Whether there is a feed of its changes.
    pub(super) fn is_table(&self) -> bool {
        self.table.kind == TableKind::Table
    }

    /// The columns that the body of a new record may hold.
    pub(super) fn creatable(&self) -> impl Iterator<Item = &Column> {
        self.columns().filter(|column| !column.generated && !column.read_only)
    }

    /// The columns that can be changed.
    pub(super) fn changeable(&self) -> impl Iterator<Item = &Column> {
        self.creatable().filter(|column| !self.is_key(column))
    }

    /// Whether null may be given for a column of a new record.
    pub(super) fn takes_null(column: &Column) -> bool {
        let made_up = column.is_rowid || column.auto_id.is_some();
        made_up || !(column.not_null || column.required)
    }

    /// The path of its records below the tenant.
    pub(super) fn path(&self) -> String {
        format!("/records/{}", utf8_percent_encode(&self.table.name, SEGMENT))
    }

    /// The path of one record, and the column and name of each of its parameters.
    pub(super) fn record_path(&self) -> (String, Vec<(&Column, String)>) {
        let plain = |name: &str| {
            name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
                && name.starts_with(|c: char| c.is_ascii_alphabetic())
        };
        // An odd name says less in braces than its place does.
        let all_plain = self.key().all(|column| plain(&column.name));
        let name = |(place, column): (usize, &Column)| {
            if all_plain { column.name.clone() } else { format!("key{}", place + 1) }
        };
        let names: Vec<String> = self.key().enumerate().map(name).collect();
        let segment = names.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(",");
        (format!("{}/{segment}", self.path()), self.key().zip(names).collect())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A table without anything.
    pub fn empty_table() -> Table {
        Table {
            name: String::new(),
            kind: TableKind::Table,
            columns: Vec::new(),
            key: Vec::new(),
            key_collations: Vec::new(),
            owner: None,
            rowid: None,
            strict: true,
            replaces: false,
            has_triggers: false,
            foreign_keys: Vec::new(),
            dependents: Vec::new(),
            checks: Vec::new(),
            unique_expressions: Vec::new(),
            indexes: Vec::new(),
            content: None,
            quoted: String::new(),
            rowid_columns: 0,
            visible: Vec::new(),
            select_list: String::new(),
            key_match: String::new(),
        }
    }
}
