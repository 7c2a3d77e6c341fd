//! What a statement may read: tables and views, and columns of each.

use std::collections::{BTreeMap, BTreeSet};

/// Tables and views that may be read, each with its columns. What is not in it is out of reach.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Readable(BTreeMap<String, BTreeSet<String>>);

impl Readable {
    /// Adds `columns` of a table or view. SQL compares names without the case of ASCII letters, and so does this.
    pub fn add<'n>(&mut self, table: &str, columns: impl IntoIterator<Item = &'n str>) {
        let known = self.0.entry(table.to_ascii_lowercase()).or_default();
        known.extend(columns.into_iter().map(str::to_ascii_lowercase));
    }

    /// Both names in lower case.
    pub(super) fn has_table(&self, table: &str) -> bool {
        self.0.contains_key(table)
    }

    pub(super) fn has_column(&self, table: &str, column: &str) -> bool {
        self.0.get(table).is_some_and(|columns| columns.contains(column))
    }
}
