//! What a tenant's tables look like: plain data that the records engine reads and `GET /tables` shows.

mod shown;

pub use shown::TableOut;

use super::column::Column;
use crate::policy::TableRights;
use std::collections::BTreeMap;
use std::sync::Arc;

/// All tables of one app schema that a client may name.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub(super) tables: BTreeMap<String, Arc<Table>>,
}

impl Schema {
    /// A schema of these tables.
    pub fn new(tables: impl IntoIterator<Item = Table>) -> Schema {
        Schema { tables: tables.into_iter().map(|table| (table.name.clone(), Arc::new(table))).collect() }
    }

    /// The table of exactly this name.
    pub fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.tables.get(name)
    }

    /// All tables, by name.
    pub fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.tables.values()
    }
}

/// What can be done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TableKind {
    /// Rows can be read and written.
    Table,
    /// A view, or a virtual table that is not for searching: read only.
    View,
    /// An FTS5 index: read only.
    Search,
}

/// One table or view.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name as the migration wrote it.
    pub name: String,
    /// What can be done with it.
    pub kind: TableKind,
    /// Its columns in the order of the migration. A table without a key begins with its rowid as a read-only column.
    pub columns: Vec<Column>,
    /// The columns of the key, in its order; empty for a view.
    pub key: Vec<usize>,
    /// A collation for each key column where the key's differs from the column's.
    pub key_collations: Vec<Option<String>>,
    /// The column that holds the identity to which a row belongs, if the app says so.
    pub owner: Option<usize>,
    /// The name by which the rowid can be reached; a column may have taken the usual ones.
    pub rowid: Option<&'static str>,
    /// Whether SQLite itself checks the types.
    pub strict: bool,
    /// Whether a constraint takes away the row that is in the way of another (ON CONFLICT REPLACE).
    pub replaces: bool,
    /// Whether any trigger may change a row beyond what the statement says.
    pub has_triggers: bool,
    /// What its rows refer to.
    pub foreign_keys: Vec<ForeignKey>,
    /// Who refers to its rows, as far as that can stand against a change.
    pub dependents: Vec<Dependent>,
    /// Its CHECK constraints.
    pub checks: Vec<Check>,
    /// Its unique indexes over expressions, which SQLite's message names instead of columns.
    pub unique_expressions: Vec<UniqueExpression>,
    /// Its indexes, those over all rows first.
    pub indexes: Vec<Index>,
    /// For an FTS5 index, the table whose text it holds, if that is in another one.
    pub content: Option<Content>,
    /// Its name as SQL, made once.
    pub quoted: String,
    /// How many of its first columns SQLite does not count as such: one where that is the rowid; made once.
    pub rowid_columns: usize,
    /// The columns that a client may read, made once.
    pub visible: Vec<usize>,
    /// The same as a list in SQL, made once.
    pub select_list: String,
    /// `"key" = ?1 AND ..`, made once; empty without a key.
    pub key_match: String,
}

/// What an FTS5 index is an index of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// The table or view.
    pub table: String,
    /// The column of it that the index's rowid stands for.
    pub rowid: String,
}

/// A foreign key from the child's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// The columns that refer.
    pub columns: Vec<usize>,
    /// The table that is referred to.
    pub parent: String,
    /// The columns that are referred to, in the order of `columns`.
    pub parent_columns: Vec<String>,
    /// What happens to the child when the parent goes.
    pub on_delete: Action,
    /// What happens to the child when the parent's columns change.
    pub on_update: Action,
    /// Whether one of the columns on either side is hidden, so that no client may know of the reference.
    pub is_hidden: bool,
}

/// What a foreign key does when the parent changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The change is refused (RESTRICT, NO ACTION).
    Refuse,
    /// The child goes or changes along.
    Cascade,
    /// The child's columns turn NULL.
    SetNull,
    /// The child's columns turn to their defaults, which must then refer to something.
    SetDefault,
}

/// Children that stand against a delete, reached over foreign keys that cascade; the last one refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependent {
    /// From this table outwards.
    pub steps: Vec<Step>,
    /// Whether the last step refuses a delete, or a default that refers to nothing may.
    pub on_delete: Action,
    /// The same for a change of the columns that are referred to; `None` beyond the first step.
    pub on_update: Option<Action>,
}

/// One step from parent to child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The table that refers.
    pub child: String,
    /// Column of the parent, column of the child.
    pub pairs: Vec<(String, String)>,
    /// Whether one of the child's columns is hidden, so that none is named.
    pub is_hidden: bool,
}

/// A CHECK constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// How SQLite's message names it: its name, or the text of its expression.
    pub label: String,
    /// The expression.
    pub expression: String,
    /// The columns that it mentions, in the order in which it does.
    pub columns: Vec<usize>,
}

/// In which order an index holds the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its columns up to the first expression, and whether each is descending; behind them the rest of the key, where
    /// there is no rowid.
    pub columns: Vec<(usize, bool)>,
    /// The collation of each of these.
    pub collations: Vec<String>,
    /// Whether there is no expression among them, and it is over all rows.
    pub is_whole: bool,
}

/// A unique index over an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UniqueExpression {
    /// The name of the index.
    pub name: String,
    /// The columns that it mentions.
    pub columns: Vec<usize>,
}

impl Table {
    /// The column of exactly this name, if a client may read it.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name && !column.hidden)
    }

    /// The column of this name in any case, as SQL compares names; also one that is hidden.
    pub fn column_in_sql(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// These columns, with those that a client can write in place of what is computed from them.
    pub fn sources(&self, columns: &[usize]) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut open = columns.to_vec();
        open.reverse();
        let mut seen = Vec::new();
        while let Some(index) = open.pop() {
            if seen.contains(&index) {
                continue;
            }
            seen.push(index);
            match &self.columns[index].computed {
                Some(computed) if !computed.columns.is_empty() => open.extend(computed.columns.iter().rev()),
                _ => found.push(index),
            }
        }
        found
    }

    /// Where a column stands in a row as SQLite stores it; `None` for the rowid that is shown as the first column of a
    /// table without a key.
    pub fn stored_at(&self, column: usize) -> Option<usize> {
        column.checked_sub(self.rowid_columns)
    }

    /// Whether rows can be written.
    pub fn is_writable(&self) -> bool {
        self.kind == TableKind::Table
    }

    /// Makes what is derived from the other fields.
    pub fn finish(&mut self) {
        self.quoted = quote(&self.name);
        let shows_rowid = self.columns.first().is_some_and(|first| self.rowid == Some(first.name.as_str()));
        self.rowid_columns = usize::from(shows_rowid);
        self.visible = (0..self.columns.len()).filter(|index| !self.columns[*index].hidden).collect();
        self.select_list = self.list(&self.visible);
        let parts = self.key.iter().enumerate();
        let parts = parts.map(|(n, index)| format!("{} = ?{}", self.columns[*index].quoted, n + 1));
        self.key_match = parts.collect::<Vec<_>>().join(" AND ");
    }

    /// These columns as a list in SQL.
    pub fn list(&self, columns: &[usize]) -> String {
        columns.iter().map(|index| self.columns[*index].quoted.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// How `GET /tables` shows it to someone with these rights, who may read the tables that `may_read` names.
    pub fn describe<'t>(&'t self, rights: TableRights, may_read: &'t dyn Fn(&str) -> bool) -> TableOut<'t> {
        TableOut { table: self, rights, may_read }
    }
}

/// A name as an identifier in SQL. The only place that does so.
pub fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
