//! What an app says of the columns of its tables (app.toml, `[tables.*]`), entered into the tables.
//!
//! It holds for every role, so it is done once per schema. Which role may read and write which table is another
//! matter, see `policy::TableRights`.

use super::column::ColumnType;
use super::table::{Schema, Table, TableKind};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is said of one table's columns. The keys are those of app.toml.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restriction {
    /// The column that holds the id of the identity to which a row belongs.
    pub owner: Option<String>,
    /// Columns of which no client knows.
    pub hidden: Vec<String>,
    /// Columns that no client writes.
    pub read_only: Vec<String>,
}

impl Schema {
    /// Enters these restrictions, each with the name of its table. Some may have been entered when one fails.
    ///
    /// # Errors
    /// The first that does not fit, in words that begin with its place in app.toml.
    pub fn restrict<'r>(
        &mut self,
        restrictions: impl IntoIterator<Item = (&'r str, &'r Restriction)>,
    ) -> Result<(), String> {
        for (name, restriction) in restrictions {
            let table = self
                .tables
                .get_mut(name)
                .ok_or_else(|| format!("tables.{name}: the migrations make no table or view of this name"))?;
            Arc::make_mut(table)
                .restrict(restriction)
                .map_err(|(key, reason)| format!("tables.{name}.{key}: {reason}"))?;
        }
        self.hide_references();
        Ok(())
    }

    /// Takes tables away, with the search indexes over them, and what would tell of them from the other end of a foreign key.
    pub fn withhold(&mut self, mut names: BTreeSet<String>) {
        let is_over = |table: &Table| table.content.as_ref().is_some_and(|of| names.contains(&of.table));
        let indexes: Vec<String> =
            self.tables.values().filter(|table| is_over(table)).map(|table| table.name.clone()).collect();
        names.extend(indexes);
        if names.is_empty() {
            return;
        }
        self.tables.retain(|name, _| !names.contains(name));
        for table in self.tables.values_mut() {
            let table = Arc::make_mut(table);
            for column in &mut table.columns {
                column.references.take_if(|(parent, _)| names.contains(parent));
            }
            for key in &mut table.foreign_keys {
                key.is_hidden |= names.contains(&key.parent);
            }
            for step in table.dependents.iter_mut().flat_map(|dependent| &mut dependent.steps) {
                step.is_hidden |= names.contains(&step.child);
            }
        }
    }

    /// Lets nobody write the rows of a table.
    pub fn let_only_read(&mut self, name: &str) {
        if let Some(table) = self.tables.get_mut(name) {
            Arc::make_mut(table).kind = TableKind::View;
        }
    }

    /// Takes away what would tell of hidden columns from the other end of a foreign key.
    fn hide_references(&mut self) {
        let hidden: BTreeSet<(String, String)> = self
            .tables
            .values()
            .flat_map(|table| {
                let hidden = table.columns.iter().filter(|column| column.hidden);
                hidden.map(|column| (table.name.clone(), column.name.clone()))
            })
            .collect();
        if hidden.is_empty() {
            return;
        }
        let is_hidden = |table: &str, column: &str| hidden.contains(&(table.to_owned(), column.to_owned()));
        for table in self.tables.values_mut() {
            let table = Arc::make_mut(table);
            for column in &mut table.columns {
                column.references.take_if(|(parent, column)| is_hidden(parent, column));
            }
            for key in &mut table.foreign_keys {
                key.is_hidden |= key.columns.iter().any(|index| table.columns[*index].hidden)
                    || key.parent_columns.iter().any(|column| is_hidden(&key.parent, column));
            }
            for step in table.dependents.iter_mut().flat_map(|dependent| &mut dependent.steps) {
                step.is_hidden |= step.pairs.iter().any(|(_, column)| is_hidden(&step.child, column));
            }
        }
    }
}

impl Table {
    /// Enters one restriction.
    ///
    /// # Errors
    /// The key of app.toml that does not fit, and why.
    pub fn restrict(&mut self, restriction: &Restriction) -> Result<(), (&'static str, String)> {
        for name in &restriction.hidden {
            let index = self.restricted("hidden", name)?;
            if self.key.contains(&index) {
                let reason = format!("{name} is part of the key: no row could be named without it");
                return Err(("hidden", reason));
            }
            let column = &mut self.columns[index];
            (column.hidden, column.required) = (true, false);
        }
        if self.columns.iter().all(|column| column.hidden) {
            return Err((
                "hidden",
                "no column is left; withhold the table from the roles instead".to_owned(),
            ));
        }
        for name in &restriction.read_only {
            let index = self.restricted("read_only", name)?;
            let column = &mut self.columns[index];
            (column.read_only, column.required) = (true, false);
        }
        if let Some(name) = &restriction.owner {
            let index = self.restricted("owner", name)?;
            let column = &mut self.columns[index];
            if !matches!(column.kind, ColumnType::Text | ColumnType::Any) || column.generated {
                return Err((
                    "owner",
                    format!("{name} has to be a TEXT column, as it holds an identity's id"),
                ));
            }
            column.required = false;
            if !self.is_writable() {
                return Err(("owner", "this is no table with rows of its own".to_owned()));
            }
            self.owner = Some(index);
        }
        self.finish();
        Ok(())
    }

    fn restricted(&self, key: &'static str, name: &str) -> Result<usize, (&'static str, String)> {
        self.columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| (key, format!("{} has no column {name:?}", self.name)))
    }
}
