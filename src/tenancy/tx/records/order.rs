//! The order of a list, always a total one, and the condition "after this record" in it.

use super::names::{column, pieces};
use super::query::wrong_parameter;
use crate::db::Value;
use crate::error::Result;
use crate::model::table::{Index, Table, TableKind, quote};
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
    /// The name of its collation.
    pub(super) collation: String,
    pub(super) descending: bool,
    nulls_first: bool,
    nullable: bool,
}

/// A total order; without terms, one that the search makes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Order {
    pub(super) terms: Vec<Term>,
    /// Whether two records can be alike in all terms. Then they are alike in all columns, and are counted.
    pub(super) repeats: bool,
}

impl Order {
    /// Reads `-created_at,id.nullslast`. What it leaves undecided is decided by the key, in the direction in which an
    /// index holds it that fits the order; `fixed` are columns of which one value only is asked for.
    ///
    /// # Errors
    /// 400 `unknown_column`, or `bad_order` when it cannot be read.
    pub(super) fn parse(table: &Table, text: Option<&str>, fixed: &[usize]) -> Result<Order> {
        let mut terms: Vec<Term> = Vec::new();
        for part in text.into_iter().flat_map(pieces) {
            let term = asked(table, part)?;
            if terms.iter().all(|other| other.column != term.column) {
                terms.push(term);
            }
        }
        if terms.len() > MOST_COLUMNS {
            return Err(wrong_parameter("bad_order", "order takes at most 8 columns"));
        }
        if terms.is_empty() {
            terms.extend(key_terms(table, false));
        }
        let descending = rest_descends(table, &terms, fixed);
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

    /// Whether what comes after a record with these values has to be asked for in two parts: first what is NULL in the
    /// first term as it is, or is not as it is not, then the others. One condition for both could not enter an index.
    pub(super) fn has_second_part(&self, values: &[Value]) -> bool {
        let first = self.terms.first().zip(values.first());
        first.is_some_and(|(term, value)| term.nullable && term.nulls_first == (*value == Value::Null))
    }

    /// The condition of the first part: that a record comes after the one with `values` in the terms (or is like it
    /// where records repeat), in the same half as to NULL in the first term.
    pub(super) fn write_after<'v>(&self, values: &'v [Value], sql: &mut String, params: &mut Vec<&'v Value>) {
        let mut pairs = self.terms.iter().zip(values).peekable();
        let mut open = 0;
        if let Some((term, value)) = pairs.peek() {
            if **value == Value::Null {
                let _ = write!(sql, "{} IS NULL AND ", term.compared);
                pairs.next();
            } else {
                // An index is entered here; the exact condition follows.
                let sign = if term.descending { "<=" } else { ">=" };
                params.push(value);
                let _ = write!(sql, "{} {sign} ? AND ", term.compared);
            }
        }
        for (term, value) in pairs {
            sql.push('(');
            term.write_after(value, sql, params);
            params.push(value);
            let _ = write!(sql, " OR ({} IS ? AND ", term.compared);
            open += 2;
        }
        sql.push(if self.repeats { '1' } else { '0' });
        sql.extend(std::iter::repeat_n(')', open));
    }

    /// The condition of the second part: the other half.
    pub(super) fn write_second_part(&self, sql: &mut String) {
        if let Some(term) = self.terms.first() {
            let test = if term.nulls_first { "IS NOT NULL" } else { "IS NULL" };
            let _ = write!(sql, "{} {test}", term.compared);
        }
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
        let collation = collation.or(column.collation.as_deref()).unwrap_or("BINARY").to_owned();
        Term {
            column: Some(index),
            sorted,
            compared,
            collation,
            descending,
            nulls_first: !descending,
            nullable: !(column.not_null || column.is_rowid),
        }
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

    /// Whether NULL is not where an index has it.
    pub(super) fn moves_nulls(&self) -> bool {
        self.nullable && self.nulls_first == self.descending
    }

    /// How it is sorted, as a column to read.
    pub(super) fn name(&self) -> &str {
        &self.sorted
    }
}

fn asked(table: &Table, piece: &str) -> Result<Term> {
    if let Some(index) = table.column(piece) {
        return Ok(Term::new(table, index, false, None));
    }
    let (name, descending) = piece.strip_prefix('-').map_or((piece, false), |name| (name, true));
    let (name, nulls_first) = match (name.strip_suffix(".nullsfirst"), name.strip_suffix(".nullslast")) {
        (Some(name), _) => (name, Some(true)),
        (None, Some(name)) => (name, Some(false)),
        (None, None) => (name, None),
    };
    let mut term = Term::new(table, column(table, name)?, descending, None);
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

/// Whether what follows the terms is descending: an index ends in the rowid or the key, ascending if it is walked
/// forwards.
fn rest_descends(table: &Table, terms: &[Term], fixed: &[usize]) -> bool {
    let fits = |index: &Index| {
        let start = index.columns.iter().position(|(index, _)| !fixed.contains(index))?;
        let rest = index.columns.get(start..start + terms.len())?;
        let collations = index.collations.get(start..)?.iter().zip(terms);
        if !collations.into_iter().all(|(own, term)| own.eq_ignore_ascii_case(&term.collation)) {
            return None;
        }
        let mut walks = rest.iter().zip(terms).map(|((index, descending), term)| {
            (term.column == Some(*index)).then_some(*descending != term.descending)
        });
        let first = walks.next()??;
        walks.all(|walk| walk == Some(first)).then_some(first)
    };
    let by_index = table.indexes.iter().find_map(fits);
    by_index.unwrap_or_else(|| terms.last().is_some_and(|term| term.descending))
}

/// Adds what makes the order total: the rowid where there is one (every index ends in it), else the key, else all
/// columns byte by byte.
fn complete(table: &Table, mut terms: Vec<Term>, descending: bool) -> Order {
    let is_rowid = |term: &Term| term.column.is_some_and(|index| table.columns[index].is_rowid);
    if terms.iter().any(is_rowid) {
        return Order { terms, repeats: false };
    }
    if let Some(rowid) = table.rowid {
        let (sorted, compared) = (quote(rowid), quote(rowid));
        let (nulls_first, nullable) = (!descending, false);
        let collation = "BINARY".to_owned();
        terms.push(Term { column: None, sorted, compared, collation, descending, nulls_first, nullable });
        return Order { terms, repeats: false };
    }
    let is_unique = |term: Term| if term.nullable { None } else { Some(term) };
    if let Some(key) = key_terms(table, descending).map(is_unique).collect::<Option<Vec<_>>>()
        && !key.is_empty()
    {
        // What a column was asked for in one direction leaves nothing to decide in the other.
        let decides = |term: &Term| {
            !terms.iter().any(|other| (other.column, &other.collation) == (term.column, &term.collation))
        };
        let rest: Vec<Term> = key.into_iter().filter(decides).collect();
        terms.extend(rest);
        return Order { terms, repeats: false };
    }
    // What is hidden stays out of cursors too; records that differ there only look alike.
    let all = table.visible.iter().map(|index| Term::new(table, *index, descending, Some("BINARY")));
    terms.extend(all);
    Order { terms, repeats: true }
}
