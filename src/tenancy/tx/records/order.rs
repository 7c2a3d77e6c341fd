//! The order of a list, always a total one, and the condition "after this record" in it.

use super::query::{unknown_column, wrong_parameter};
use crate::db::Value;
use crate::error::Result;
use crate::model::table::{Table, TableKind, quote};
use std::fmt::Write as _;

/// Columns in one `order=`.
const MOST_COLUMNS: usize = 8;

/// One column of an order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Term {
    /// The column; `None` is the rowid of a table that has another key.
    pub(super) column: Option<usize>,
    /// How it is sorted in SQL, with its collation.
    sorted: String,
    /// How it is compared in SQL.
    compared: String,
    descending: bool,
    nulls_first: bool,
    nullable: bool,
}

/// A total order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) terms: Vec<Term>,
    /// Whether two records can be alike in all terms. Then they are alike in all columns, and are counted.
    pub(super) repeats: bool,
}

impl Order {
    /// Reads `-created_at,id.nullslast`. What it leaves undecided is decided by the key, in the direction of the last
    /// column, so that an index can be walked either way.
    ///
    /// # Errors
    /// 400 `unknown_column`, or `bad_order` when it cannot be read.
    pub(super) fn parse(table: &Table, text: Option<&str>) -> Result<Order> {
        let mut terms: Vec<Term> = Vec::new();
        for part in text.into_iter().flat_map(|text| text.split(',')) {
            let term = asked(table, part)?;
            if terms.iter().all(|other| other.column != term.column) {
                terms.push(term);
            }
        }
        if terms.len() > MOST_COLUMNS {
            return Err(wrong_parameter("bad_order", "order takes at most 8 columns"));
        }
        let descending = terms.last().is_some_and(|term| term.descending);
        if terms.is_empty() {
            terms.extend(key_terms(table, descending));
        }
        Ok(complete(table, terms, descending))
    }

    /// The terms after ORDER BY.
    pub(super) fn write(&self, sql: &mut String) {
        for (index, term) in self.terms.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let direction = if term.descending { " DESC" } else { "" };
            let nulls = match (term.nulls_first, term.descending) {
                _ if !term.nullable => "",
                // SQLite takes NULL for smaller than everything.
                (true, false) | (false, true) => "",
                (true, true) => " NULLS FIRST",
                (false, false) => " NULLS LAST",
            };
            let _ = write!(sql, "{comma}{}{direction}{nulls}", term.sorted);
        }
    }

    /// The condition that a record comes after the one with `values` in the terms, or is like it where records repeat.
    pub(super) fn write_after<'v>(&self, values: &'v [Value], sql: &mut String, params: &mut Vec<&'v Value>) {
        if let (Some(term), Some(value)) = (self.terms.first(), values.first()) {
            term.write_bound(value, sql, params);
        }
        let mut open = 0;
        for (term, value) in self.terms.iter().zip(values) {
            sql.push('(');
            term.write_after(value, sql, params);
            params.push(value);
            let _ = write!(sql, " OR ({} IS ? AND ", term.compared);
            open += 2;
        }
        sql.push(if self.repeats { '1' } else { '0' });
        sql.extend(std::iter::repeat_n(')', open));
    }
}

impl Term {
    fn new(table: &Table, index: usize, descending: bool, collation: Option<&str>) -> Term {
        let column = &table.columns[index];
        let mut sorted = column.quoted.clone();
        if let Some(collation) = collation {
            let _ = write!(sorted, " COLLATE {}", quote(collation));
        }
        // A view's column may have an affinity that its values never went through (a UNION). Sorting leaves that aside
        // and comparing does not, unless `+` makes an expression of the column.
        let plus = if table.kind == TableKind::View { "+" } else { "" };
        let compared = format!("{plus}{sorted}");
        Term {
            column: Some(index),
            sorted,
            compared,
            descending,
            nulls_first: !descending,
            nullable: !(column.not_null || column.is_rowid),
        }
    }

    /// A bound on the first term that an index can be entered with; the exact condition follows.
    fn write_bound<'v>(&self, value: &'v Value, sql: &mut String, params: &mut Vec<&'v Value>) {
        let _ = match value {
            Value::Null if self.nulls_first => Ok(()),
            Value::Null => write!(sql, "{} IS NULL AND ", self.compared),
            _ if self.nullable && !self.nulls_first => Ok(()),
            _ => {
                params.push(value);
                let sign = if self.descending { "<=" } else { ">=" };
                write!(sql, "{} {sign} ? AND ", self.compared)
            }
        };
    }

    fn write_after<'v>(&self, value: &'v Value, sql: &mut String, params: &mut Vec<&'v Value>) {
        let name = &self.compared;
        let sign = if self.descending { '<' } else { '>' };
        let _ = match value {
            Value::Null if self.nulls_first => write!(sql, "{name} IS NOT NULL"),
            Value::Null => write!(sql, "0"),
            _ => {
                params.push(value);
                if self.nullable && !self.nulls_first {
                    write!(sql, "{name} {sign} ? OR {name} IS NULL")
                } else {
                    write!(sql, "{name} {sign} ?")
                }
            }
        };
    }

    /// How it is sorted, as a column to read.
    pub(super) fn name(&self) -> &str {
        &self.sorted
    }
}

fn asked(table: &Table, part: &str) -> Result<Term> {
    let (name, descending) = part.strip_prefix('-').map_or((part, false), |name| (name, true));
    let (name, nulls_first) = match (name.strip_suffix(".nullsfirst"), name.strip_suffix(".nullslast")) {
        (Some(name), _) => (name, Some(true)),
        (None, Some(name)) => (name, Some(false)),
        (None, None) => (name, None),
    };
    let index = table.column(name).ok_or_else(|| unknown_column(table, name))?;
    let mut term = Term::new(table, index, descending, None);
    term.nulls_first = nulls_first.unwrap_or(term.nulls_first);
    Ok(term)
}

fn key_terms(table: &Table, descending: bool) -> impl Iterator<Item = Term> {
    table
        .key
        .iter()
        .zip(&table.key_collations)
        .map(move |(index, collation)| Term::new(table, *index, descending, collation.as_deref()))
}

/// Adds what makes the order total: the rowid where there is one (every index ends in it), else the key, else all
/// columns byte by byte.
fn complete(table: &Table, mut terms: Vec<Term>, descending: bool) -> Order {
    let column = |term: &Term| term.column.map(|index| &table.columns[index]);
    if terms.iter().any(|term| column(term).is_some_and(|column| column.is_rowid)) {
        return Order { terms, repeats: false };
    }
    if let Some(rowid) = table.rowid {
        let (sorted, compared) = (quote(rowid), quote(rowid));
        let (nulls_first, nullable) = (!descending, false);
        terms.push(Term { column: None, sorted, compared, descending, nulls_first, nullable });
        return Order { terms, repeats: false };
    }
    let is_unique = |term: Term| if term.nullable { None } else { Some(term) };
    if let Some(key) = key_terms(table, descending).map(is_unique).collect::<Option<Vec<_>>>()
        && !key.is_empty()
    {
        terms.extend(key.into_iter().filter(|term| !terms.contains(term)).collect::<Vec<_>>());
        return Order { terms, repeats: false };
    }
    let all = (0..table.columns.len()).map(|index| Term::new(table, index, descending, Some("BINARY")));
    terms.extend(all);
    Order { terms, repeats: true }
}
