//! Where a list is read from: the records themselves, or their keys in order and then each record by its key.

use super::query::ListQuery;
use super::served::Sorting;
use crate::model::table::{Table, quote};

/// Where a list is read from.
pub(super) struct Source {
    /// The beginning of the statement.
    pub(super) head: String,
    /// Where each term of the order stands in its rows.
    pub(super) terms: Vec<usize>,
    /// How many of its first columns are the key of a record, and the statement that looks it up by them; `None` if its
    /// rows are the records themselves.
    pub(super) lookup: Option<(usize, String)>,
}

impl Source {
    /// Sorting moves whatever is selected: where it may have to be done, it is done with keys and terms alone. A view
    /// has no key, and whole rows of it are sorted.
    pub(super) fn of(table: &Table, query: &ListQuery) -> Source {
        let columns = query.reads.as_deref().or(query.fields.as_deref());
        let list = columns.map(|columns| table.list(columns));
        let list = list.as_deref().unwrap_or(&table.select_list);
        let keys = if query.sorting == Sorting::Never { None } else { lookup_keys(table) };
        let Some(keys) = keys else {
            return Source::select(table, query, list, columns.unwrap_or(&table.visible), None);
        };
        let names = keys.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        let tests = keys.iter().map(|(_, test)| test.as_str()).collect::<Vec<_>>().join(" AND ");
        let find = format!("SELECT {list} FROM {} WHERE {tests}", table.quoted);
        // The terms come after the keys even where they are the same: the positions of keys are not those of columns.
        let shown = vec![usize::MAX; keys.len()];
        Source::select(table, query, &names, &shown, Some((keys.len(), find)))
    }

    /// Selects `list`, which are these columns, and after it the terms that are not among them.
    fn select(
        table: &Table,
        query: &ListQuery,
        list: &str,
        columns: &[usize],
        lookup: Option<(usize, String)>,
    ) -> Source {
        let mut head = String::with_capacity(512);
        head.push_str("SELECT ");
        head.push_str(list);
        let mut width = columns.len();
        let mut terms = Vec::with_capacity(query.order.terms.len());
        for term in &query.order.terms {
            let shown = term.column.and_then(|index| columns.iter().position(|column| *column == index));
            terms.push(shown.unwrap_or_else(|| {
                head.push_str(", ");
                head.push_str(term.name());
                width += 1;
                width - 1
            }));
        }
        head.push_str(" FROM ");
        match query.ranked() {
            None => head.push_str(&table.quoted),
            Some(search) => search.write_ranked(table, &mut head),
        }
        Source { head, terms, lookup }
    }
}

/// The columns by which each record is found again, with the test for each; `None` where there are none.
pub(super) fn lookup_keys(table: &Table) -> Option<Vec<(String, String)>> {
    if let Some(rowid) = table.rowid {
        let name = quote(rowid);
        let test = format!("{name} = ?");
        return Some(vec![(name, test)]);
    }
    let keys = table.key.iter().zip(&table.key_collations).map(|(index, collation)| {
        let column = &table.columns[*index];
        let collation =
            collation.as_deref().map(|name| format!(" COLLATE {}", quote(name))).unwrap_or_default();
        let is_unique = column.not_null || column.is_rowid;
        is_unique.then(|| (column.quoted.clone(), format!("{} = ?{collation}", column.quoted)))
    });
    keys.collect::<Option<Vec<_>>>().filter(|keys| !keys.is_empty())
}
