//! `q=words`: full-text search through a table's FTS5 companion.

use super::query::wrong_parameter;
use super::readable::Readable;
use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::table::{Table, TableKind, quote};
use std::fmt::Write as _;

/// Bytes and words of what is searched for.
const LONGEST: usize = 200;
const MOST_WORDS: usize = 20;

/// What is searched for, and where.
#[derive(Clone, Debug)]
pub(super) struct Search {
    /// The FTS5 table, as SQL.
    index: String,
    /// What its rowid is in the table, as SQL.
    key: String,
    /// The expression after MATCH.
    pub(super) words: Value,
}

impl Search {
    /// Reads the words, of which all have to be found and the last one may go on. Whatever they are, they are words: each
    /// is quoted. Columns that are hidden on either side are not searched.
    ///
    /// # Errors
    /// 400 `no_search` where nothing can be searched, `bad_search` for no or too many words.
    pub(super) fn parse(table: &Table, text: &str, readable: &Readable) -> Result<Search> {
        let (index, key) = companion(table, readable).ok_or_else(|| no_search(table))?;
        let all: Vec<usize> =
            (0..index.columns.len()).filter(|column| !index.columns[*column].is_rowid).collect();
        let is_searched = |column: &usize| {
            let column = &index.columns[*column];
            let own = table.column_in_sql(&column.name);
            !column.hidden && own.is_some_and(|own| !table.columns[own].hidden)
        };
        let searched: Vec<usize> = all.iter().copied().filter(is_searched).collect();
        if searched.is_empty() {
            return Err(no_search(table));
        }
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || c.is_control())
            .filter(|word| !word.is_empty())
            .collect();
        if words.is_empty() || words.len() > MOST_WORDS || text.len() > LONGEST {
            return Err(wrong_parameter("bad_search", "q takes 1 to 20 words, 200 bytes in all"));
        }
        let mut expression = String::with_capacity(text.len() * 2);
        // An index that keeps no columns cannot be asked for some, so none are named where all are searched.
        if searched.len() < all.len() {
            let names = searched.iter().map(|column| index.columns[*column].quoted.as_str());
            let _ = write!(expression, "{{{}}} : ", names.collect::<Vec<_>>().join(" "));
        }
        let words = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" AND ");
        let _ = write!(expression, "({words} *)");
        Ok(Search { index: index.quoted.clone(), key, words: Value::from(expression) })
    }

    /// Writes the condition that a record is among what is found.
    pub(super) fn write<'q>(&'q self, sql: &mut String, params: &mut Vec<&'q Value>) {
        let Search { index, key, words } = self;
        params.push(words);
        let _ = write!(sql, "{key} IN (SELECT rowid FROM main.{index} WHERE {index} MATCH ?)");
    }

    /// Writes what follows FROM where the best come first; it binds the words.
    pub(super) fn write_ranked(&self, table: &Table, sql: &mut String) {
        let Search { index, key, .. } = self;
        let _ = write!(
            sql,
            "(SELECT rowid AS \"tenantry_found\", rank AS \"tenantry_rank\" FROM main.{index} \
             WHERE {index} MATCH ?) CROSS JOIN main.{table} ON {key} = \"tenantry_found\"",
            table = table.quoted
        );
    }

    /// The order of the best: offsets count in it, as the ranks of all change with each record.
    pub(super) const RANKED: &'static str = "\"tenantry_rank\", \"tenantry_found\"";
}

/// The FTS5 table through which a table is searched, and what its rowid is in the table: the table itself, or one that was
/// made with `content='table'`.
fn companion<'t>(table: &'t Table, readable: &'t Readable) -> Option<(&'t Table, String)> {
    if table.kind == TableKind::Search {
        return Some((table, quote(table.rowid?)));
    }
    readable.tables().find_map(|index| {
        let content = index.content.as_ref()?;
        let is_of_it = content.table.eq_ignore_ascii_case(&table.name);
        is_of_it.then(|| (index.as_ref(), quote(&content.rowid)))
    })
}

fn no_search(table: &Table) -> Error {
    Error::malformed(
        "no_search",
        format!(
            "{0} cannot be searched with q: it takes an FTS5 table with content='{0}' over columns that you may read. \
             Filter with like or ilike instead.",
            table.name
        ),
    )
}
