//! Conditions on columns: read from the query string, written as SQL with bound values.

use super::literal::Literal;
use super::names::{pieces, unquote};
use super::prefix::Prefix;
use crate::db::{ILIKE, LIKE, Value};
use crate::error::{Error, Result};
use crate::model::column::Column;
use crate::model::table::Table;
use std::fmt::Write as _;

/// Values in one `in.(..)`.
const MOST_ITEMS: usize = 500;
/// Bytes of a pattern: matching one is a single step that no deadline interrupts.
const LONGEST_PATTERN: usize = 1_000;

/// A condition that a record meets or not.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// At least one of these.
    Any(Vec<Filter>),
    /// One column passes a test.
    Column(usize, Test),
}

/// What an index makes of a filter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Use {
    /// One value only: what follows in the index is in its order.
    Pins,
    /// A part of the index.
    Enters,
    /// Several parts of it, one after the other.
    Parts,
    /// Nothing: each row is looked at.
    Reads,
}

/// What is asked of one column.
#[derive(Clone, Debug, PartialEq)]
pub struct Test(Ask);

#[derive(Clone, Debug, PartialEq)]
enum Ask {
    Compare(&'static str, Literal),
    /// A pattern, the function that knows whether case counts, and how all that matches begins.
    Matches(&'static str, Value, Option<Prefix>),
    In(Vec<Literal>),
    NotIn(Vec<Literal>),
    IsNull(bool),
}

impl Test {
    /// Reads `op.value`; a text without an operator is compared for equality.
    ///
    /// # Errors
    /// 400 `bad_filter` or `bad_value`.
    pub fn parse(column: &Column, text: &str) -> Result<Test> {
        let (operator, value) = text.split_once('.').unwrap_or(("", text));
        match Test::of(column, operator, value)? {
            Some(test) => Ok(test),
            None => Ok(Test(Ask::Compare("=", Literal::parse(column, text)?))),
        }
    }

    /// The test that this operator makes with `value`; `None` if there is no such operator.
    ///
    /// # Errors
    /// 400 `bad_filter` or `bad_value`.
    pub(super) fn of(column: &Column, operator: &str, value: &str) -> Result<Option<Test>> {
        let compare = |sign| Ok(Ask::Compare(sign, Literal::parse(column, value)?));
        let ask = match operator {
            "eq" => compare("="),
            "neq" => compare("<>"),
            "gt" => compare(">"),
            "gte" => compare(">="),
            "lt" => compare("<"),
            "lte" => compare("<="),
            "like" => Ok(Ask::Matches(LIKE, pattern(column, value)?, Prefix::of(column, value))),
            "ilike" => Ok(Ask::Matches(ILIKE, pattern(column, value)?, None)),
            "in" => Ok(Ask::In(items(column, value)?)),
            "not_in" => Ok(Ask::NotIn(items(column, value)?)),
            "is" => match value {
                "null" => Ok(Ask::IsNull(true)),
                "not_null" => Ok(Ask::IsNull(false)),
                _ => Err(bad_filter(column, "after `is.` comes null or not_null")),
            },
            _ => return Ok(None),
        }?;
        Ok(Some(Test(ask)))
    }
}

fn bad_filter(column: &Column, reason: &str) -> Error {
    Error::malformed("bad_filter", format!("The filter on {} cannot be read: {reason}.", column.name))
}

fn pattern(column: &Column, text: &str) -> Result<Value> {
    if text.len() > LONGEST_PATTERN {
        return Err(bad_filter(column, "its pattern is longer than 1000 bytes"));
    }
    Ok(Value::from(text))
}

/// `(a,b,"c,d")`; within quotes a backslash takes the next character as it is.
fn items(column: &Column, text: &str) -> Result<Vec<Literal>> {
    let inside = text.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let inside = inside.ok_or_else(|| bad_filter(column, "a list is written (a,b,\"c,d\")"))?;
    let mut items = Vec::new();
    for piece in pieces(inside) {
        let item = match unquote(piece) {
            Some((item, "")) => Literal::parse(column, &item)?,
            None if !piece.starts_with('"') => Literal::parse(column, piece)?,
            _ => return Err(bad_filter(column, "a quote is not closed, or followed by more than a comma")),
        };
        items.push(item);
        if items.len() > MOST_ITEMS {
            return Err(bad_filter(column, "a list takes at most 500 values"));
        }
    }
    Ok(items)
}

impl Filter {
    /// The column of which it lets one value only through, if it is about one column.
    pub(super) fn fixed_column(&self) -> Option<usize> {
        match self {
            Filter::Column(index, Test(Ask::Compare("=", _) | Ask::IsNull(true))) => Some(*index),
            _ => None,
        }
    }

    /// Calls `act` with each column that it asks of, and what an index makes of that.
    pub(super) fn each_use(&self, table: &Table, act: &mut dyn FnMut(usize, Use)) {
        match self {
            Filter::All(parts) => parts.iter().for_each(|part| part.each_use(table, act)),
            Filter::Any(parts) => {
                parts.iter().for_each(|part| part.each_use(table, &mut |column, _| act(column, Use::Parts)));
            }
            Filter::Column(column, Test(ask)) => {
                let how = match ask {
                    Ask::Compare("=", Literal::One(_) | Literal::Text(_)) => Use::Pins,
                    Ask::IsNull(true) if !table.columns[*column].not_null => Use::Pins,
                    Ask::Compare("<>", _) | Ask::NotIn(_) | Ask::Matches(_, _, None) | Ask::IsNull(true) => {
                        Use::Reads
                    }
                    // These are written with OR.
                    Ask::Compare(_, Literal::Either { .. }) => Use::Parts,
                    Ask::Matches(..) if !table.strict => Use::Parts,
                    Ask::Compare(..) | Ask::In(_) | Ask::IsNull(false) | Ask::Matches(..) => Use::Enters,
                };
                act(*column, how);
            }
        }
    }

    /// Whether it may take long for a single row: a pattern reads the whole of a value.
    pub(super) fn is_slow(&self) -> bool {
        match self {
            Filter::All(parts) | Filter::Any(parts) => parts.iter().any(Filter::is_slow),
            Filter::Column(_, Test(ask)) => matches!(ask, Ask::Matches(..)),
        }
    }

    /// How many columns are tested, and how many of these tests are patterns.
    pub(super) fn count(&self) -> (usize, usize) {
        match self {
            Filter::All(parts) | Filter::Any(parts) => parts
                .iter()
                .map(Filter::count)
                .fold((0, 0), |(tests, patterns), (more, others)| (tests + more, patterns + others)),
            Filter::Column(..) => (1, usize::from(self.is_slow())),
        }
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        matches!(self, Filter::All(parts) if parts.is_empty())
    }

    /// Writes the condition as SQL; its values are appended to `params` in the order of their question marks.
    pub(super) fn write<'f>(&'f self, table: &Table, sql: &mut String, params: &mut Vec<&'f Value>) {
        match self {
            Filter::All(parts) => write_parts(parts, " AND ", "1", table, sql, params),
            Filter::Any(parts) => write_parts(parts, " OR ", "0", table, sql, params),
            Filter::Column(index, test) => test.write(table, &table.columns[*index].quoted, sql, params),
        }
    }
}

fn write_parts<'f>(
    parts: &'f [Filter],
    between: &str,
    none: &str,
    table: &Table,
    sql: &mut String,
    params: &mut Vec<&'f Value>,
) {
    sql.push('(');
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            sql.push_str(between);
        }
        part.write(table, sql, params);
    }
    if parts.is_empty() {
        sql.push_str(none);
    }
    sql.push(')');
}

impl Test {
    fn write<'f>(&'f self, table: &Table, name: &str, sql: &mut String, params: &mut Vec<&'f Value>) {
        // Writing to a String does not fail.
        let _ = match &self.0 {
            Ask::IsNull(true) => write!(sql, "{name} IS NULL"),
            Ask::IsNull(false) => write!(sql, "{name} IS NOT NULL"),
            Ask::Matches(function, pattern, prefix) => {
                if let Some(prefix) = prefix {
                    prefix.write(table, name, sql, params);
                }
                params.push(pattern);
                write!(sql, "{function}(?, CAST({name} AS TEXT))")
            }
            Ask::In(items) => write_list(items, sql, params, &format!("{name} IN (")),
            Ask::NotIn(items) => write_list(items, sql, params, &format!("{name} NOT IN (")),
            Ask::Compare(sign, Literal::One(value)) => {
                params.push(value);
                write!(sql, "{name} {sign} ?")
            }
            Ask::Compare(sign @ ("=" | "<>"), Literal::Text(text)) => {
                params.push(text);
                write!(sql, "{name} {sign} ?")
            }
            // Numbers sort before all text and bytes behind it; neither is less or more than a text.
            Ask::Compare(sign, Literal::Text(text)) => {
                params.push(text);
                write!(sql, "(typeof({name}) = 'text' AND {name} {sign} ?)")
            }
            Ask::Compare("=", Literal::Either { number, text }) => {
                params.extend([number, text]);
                write!(sql, "{name} IN (?, ?)")
            }
            Ask::Compare("<>", Literal::Either { number, text }) => {
                params.extend([number, text]);
                write!(sql, "{name} NOT IN (?, ?)")
            }
            // Each kind is compared with its own; `+` keeps the column's affinity from turning the text into a number.
            Ask::Compare(sign, Literal::Either { number, text }) => {
                params.extend([number, text]);
                write!(
                    sql,
                    "((typeof({name}) IN ('integer', 'real') AND {name} {sign} ?) \
                     OR (typeof({name}) = 'text' AND +{name} {sign} ?))"
                )
            }
        };
    }
}

/// A list is filled up with its last value to the next power of two, so that few statements serve all lengths.
fn write_list<'f>(
    items: &'f [Literal],
    sql: &mut String,
    params: &mut Vec<&'f Value>,
    head: &str,
) -> std::fmt::Result {
    let before = params.len();
    for item in items {
        match item {
            Literal::One(value) | Literal::Text(value) => params.push(value),
            Literal::Either { number, text } => params.extend([number, text]),
        }
    }
    let count = (params.len() - before).next_power_of_two();
    if let Some(last) = params.last().copied() {
        params.resize(before + count, last);
    }
    sql.push_str(head);
    for index in 0..count {
        sql.push_str(if index == 0 { "?" } else { ", ?" });
    }
    sql.write_char(')')
}
