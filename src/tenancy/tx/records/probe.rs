//! The row that a failed statement would have made, asked which of its rules it breaks.
//!
//! SQLite stops at the first violated CHECK and does not say which foreign key failed. The row is made again as a
//! subquery, with defaults, types and collations, and nothing is written. What cannot be evaluated this way is left
//! out: the answer is then less complete, never wrong.

use super::decode::Fields;
use super::key::RecordKey;
use crate::db::{AppTx, Value};
use crate::model::column::{Column, ColumnType};
use crate::model::table::{Action, Check, Dependent, ForeignKey, Table, quote};
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// A row to ask: a statement that makes it, and what it binds.
pub(super) struct Probe<'a> {
    table: &'a Table,
    source: String,
    params: Vec<&'a Value>,
}

impl<'a> Probe<'a> {
    /// The row that an insert of these fields makes.
    pub(super) fn inserted(table: &'a Table, fields: &'a Fields) -> Probe<'a> {
        let columns = stored(table).map(|(index, column)| {
            let given = fields.columns.iter().position(|given| *given == index);
            let value = match (given, &column.default) {
                (Some(position), _) => bound(column, position + 1),
                (None, Some(default)) => format!("({default}\n)"),
                (None, None) => "NULL".to_owned(),
            };
            format!("{value} AS {}", column.quoted)
        });
        let source = format!("(SELECT {})", columns.collect::<Vec<_>>().join(", "));
        Probe { table, source: with_computed(table, source), params: fields.values.iter().collect() }
    }

    /// The row with this key as an update of these fields makes it.
    pub(super) fn updated(table: &'a Table, key: &'a RecordKey, fields: &'a Fields) -> Probe<'a> {
        let columns = stored(table).map(|(index, column)| {
            let given = fields.columns.iter().position(|given| *given == index);
            match given {
                Some(position) => {
                    format!("{} AS {}", bound(column, table.key.len() + position + 1), column.quoted)
                }
                None => column.quoted.clone(),
            }
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let source = format!("(SELECT {columns} FROM {} WHERE {})", table.quoted, table.key_match);
        Probe {
            table,
            source: with_computed(table, source),
            params: key.values().iter().chain(&fields.values).collect(),
        }
    }

    /// The row with this key as it is stored.
    pub(super) fn kept(table: &'a Table, key: &'a RecordKey) -> Probe<'a> {
        let source = format!("(SELECT * FROM {} WHERE {})", table.quoted, table.key_match);
        Probe { table, source, params: key.values().iter().collect() }
    }

    /// The CHECKs that it breaks.
    pub(super) fn broken_checks(&self, tx: AppTx<'_>) -> Vec<&'a Check> {
        let checks = &self.table.checks;
        let mut sql = "SELECT ".to_owned();
        for (index, check) in checks.iter().enumerate() {
            // The line ends in case the expression does with a comment.
            let _ = write!(sql, "{}NOT ({}\n)", if index == 0 { "" } else { ", " }, check.expression);
        }
        let _ = write!(sql, " FROM {} AS {}", self.source, self.table.quoted);
        let mut broken = Vec::new();
        let asked = tx.each(&sql, self.params.iter().copied(), |row| {
            for (index, check) in checks.iter().enumerate() {
                if row.get::<Option<bool>>(index)? == Some(true) {
                    broken.push(check);
                }
            }
            Ok(ControlFlow::Continue(()))
        });
        if let Err(error) = asked {
            tracing::debug!(table = %self.table.name, %error, "the checks of a row cannot be asked for");
        }
        broken
    }

    /// The foreign keys that point nowhere.
    pub(super) fn broken_references(&self, tx: AppTx<'_>) -> Vec<&'a ForeignKey> {
        self.table.foreign_keys.iter().filter(|key| self.points_nowhere(tx, key)).collect()
    }

    fn points_nowhere(&self, tx: AppTx<'_>, key: &ForeignKey) -> bool {
        let pairs: Vec<(String, &str)> = key
            .columns
            .iter()
            .zip(&key.parent_columns)
            .map(|(column, parent)| (quote(parent), self.table.columns[*column].quoted.as_str()))
            .collect();
        let all = |test: &dyn Fn(&str, &str) -> String| {
            pairs.iter().map(|(parent, child)| test(parent, child)).collect::<Vec<_>>().join(" AND ")
        };
        let mut sql = format!(
            "SELECT 1 FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
            self.source,
            all(&|_, child| format!("c.{child} IS NOT NULL")),
            quote(&key.parent),
            all(&|parent, child| format!("p.{parent} = c.{child}")),
        );
        if key.parent == self.table.name {
            // A row may refer to itself.
            let _ =
                write!(sql, " AND ({}) IS NOT 1", all(&|parent, child| format!("c.{parent} = c.{child}")));
        }
        finds(tx, &sql, &self.params)
    }

    /// Who refers to this row, where `action` says what the last of them does about it.
    pub(super) fn dependents(&self, tx: AppTx<'_>, which: impl Fn(&Dependent) -> bool) -> Vec<&'a Dependent> {
        let refers = |dependent: &&Dependent| {
            let mut sql = format!("SELECT 1 FROM {} AS t0", self.source);
            for (index, step) in dependent.steps.iter().enumerate() {
                let on = step.pairs.iter().map(|(parent, child)| {
                    format!("t{index}.{} = t{}.{}", quote(parent), index + 1, quote(child))
                });
                let on = on.collect::<Vec<_>>().join(" AND ");
                let _ = write!(sql, " JOIN {} AS t{} ON {on}", quote(&step.child), index + 1);
            }
            sql.push_str(" LIMIT 1");
            finds(tx, &sql, &self.params)
        };
        self.table.dependents.iter().filter(|dependent| which(dependent)).filter(refers).collect()
    }
}

/// Direct children that refer to rows of `table` which are not there.
pub(super) fn orphans<'t>(tx: AppTx<'_>, table: &'t Table) -> Vec<&'t Dependent> {
    let points_nowhere = |dependent: &&Dependent| {
        let [step] = dependent.steps.as_slice() else { return false };
        let all = |test: &dyn Fn(&str, &str) -> String| {
            let parts = step.pairs.iter().map(|(parent, child)| test(&quote(parent), &quote(child)));
            parts.collect::<Vec<_>>().join(" AND ")
        };
        let sql = format!(
            "SELECT 1 FROM {} AS c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {}) LIMIT 1",
            quote(&step.child),
            all(&|_, child| format!("c.{child} IS NOT NULL")),
            table.quoted,
            all(&|parent, child| format!("p.{parent} = c.{child}")),
        );
        finds(tx, &sql, &[])
    };
    table.dependents.iter().filter(points_nowhere).collect()
}

/// Whether a dependent refuses a delete, leaving aside defaults that may point nowhere.
pub(super) fn refuses_delete(dependent: &Dependent) -> bool {
    dependent.on_delete == Action::Refuse
}

fn finds(tx: AppTx<'_>, sql: &str, params: &[&Value]) -> bool {
    let mut found = false;
    let asked = tx.each(sql, params.iter().copied(), |_| {
        found = true;
        Ok(ControlFlow::Break(()))
    });
    asked.is_ok() && found
}

/// The columns that a statement can give; the others are computed from them.
fn stored(table: &Table) -> impl Iterator<Item = (usize, &Column)> {
    let is_shown_rowid = |column: &Column| column.is_rowid && column.read_only;
    table.columns.iter().enumerate().filter(move |(_, column)| !column.generated && !is_shown_rowid(column))
}

/// The same row with its generated columns, each after those that it is made of.
fn with_computed(table: &Table, mut source: String) -> String {
    let mut known: Vec<usize> = stored(table).map(|(index, _)| index).collect();
    loop {
        let next = table.columns.iter().enumerate().find_map(|(index, column)| {
            let computed = column.computed.as_ref().filter(|_| !known.contains(&index))?;
            computed.columns.iter().all(|other| known.contains(other)).then_some((index, column, computed))
        });
        let Some((index, column, computed)) = next else { return source };
        let value = typed(column, &format!("({}\n)", computed.expression));
        source = format!("(SELECT *, {value} AS {} FROM {source})", column.quoted);
        known.push(index);
    }
}

/// A parameter with the affinity and collation of the column.
fn bound(column: &Column, number: usize) -> String {
    typed(column, &format!("?{number}"))
}

fn typed(column: &Column, value: &str) -> String {
    let affinity = match column.kind {
        ColumnType::Integer => "INTEGER",
        ColumnType::Real => "REAL",
        ColumnType::Number | ColumnType::Boolean => "NUMERIC",
        ColumnType::Text => "TEXT",
        // A cast would turn a date into its year.
        ColumnType::Blob | ColumnType::Json | ColumnType::Datetime | ColumnType::Any => {
            return value.to_owned();
        }
    };
    let collation = column.collation.as_deref().map(|name| format!(" COLLATE {}", quote(name)));
    format!("CAST({value} AS {affinity}){}", collation.unwrap_or_default())
}
