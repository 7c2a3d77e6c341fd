//! The other tables that a query may lead to.

use crate::model::table::Table;
use std::sync::Arc;

/// The tables that the caller may read. Nothing else is joined or searched.
#[derive(Clone, Debug, Default)]
pub struct Readable(Vec<Arc<Table>>);

impl Readable {
    /// Whether a query with these parameters leads to other tables at all.
    pub fn is_asked(params: &[(String, String)]) -> bool {
        params.iter().any(|(name, _)| matches!(name.as_str(), "expand" | "q"))
    }

    /// The table of exactly this name.
    pub(super) fn table(&self, name: &str) -> Option<&Arc<Table>> {
        self.0.iter().find(|table| table.name == name)
    }

    /// All of them, by name.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.0.iter()
    }
}

impl<'t> FromIterator<&'t Arc<Table>> for Readable {
    fn from_iter<I: IntoIterator<Item = &'t Arc<Table>>>(tables: I) -> Readable {
        Readable(tables.into_iter().map(Arc::clone).collect())
    }
}
