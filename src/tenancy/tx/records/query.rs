//! The query string of a list, checked against the table before any transaction begins.

use super::cursor::{CursorContext, Position, write_value};
use super::filter::{Filter, Test};
use super::names::{column, pieces};
use super::order::Order;
use super::served::{Sorting, sorting};
use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::table::Table;
use sha2::{Digest as _, Sha256};

/// Parameters that lists of this product know. A column of such a name is written `col:limit=5`.
pub const PARAMETERS: [&str; 10] =
    ["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "select", "group"];
/// Filters with a pattern: each reads the whole of every value.
const MOST_PATTERNS: usize = 10;
/// Filters in one query.
const MOST_FILTERS: usize = 100;
const DEFAULT_LIMIT: u32 = 50;
const MOST_RECORDS: u32 = 500;

/// A list that can be asked for: every name in it is a column of the table it was read for.
#[derive(Clone, Debug, PartialEq)]
pub struct ListQuery {
    pub(super) filter: Filter,
    pub(super) order: Order,
    pub(super) limit: u32,
    pub(super) after: Option<Position>,
    pub(super) fields: Option<Vec<usize>>,
    /// Whether what is found has to be sorted.
    pub(super) sorting: Sorting,
}

impl ListQuery {
    /// Whether it may take long for a few records, so that it must not run on a thread that serves requests: sorting
    /// reads and moves long values between two looks at the clock.
    pub fn is_slow(&self) -> bool {
        self.sorting == Sorting::Always || self.filter.is_slow()
    }

    /// Reads decoded query parameters in the order in which they came.
    ///
    /// # Errors
    /// 400 with the code `unknown_parameter`, `unknown_column`, `repeated_parameter`, `bad_filter`, `bad_value`,
    /// `bad_order`, `bad_limit` or `bad_cursor`.
    pub fn parse(table: &Table, params: &[(String, String)], context: &CursorContext) -> Result<ListQuery> {
        let (mut order, mut limit, mut cursor, mut fields) = (None, None, None, None);
        let mut filters = Vec::new();
        for (name, value) in params {
            let slot = match name.as_str() {
                "order" => &mut order,
                "limit" => &mut limit,
                "cursor" => &mut cursor,
                "fields" => &mut fields,
                _ => {
                    let index = filtered_column(table, name)?;
                    filters.push(Filter::Column(index, Test::parse(&table.columns[index], value)?));
                    continue;
                }
            };
            if slot.replace(value.as_str()).is_some() {
                return Err(Error::repeated_parameter(name));
            }
        }
        if filters.len() > MOST_FILTERS {
            return Err(wrong_parameter("bad_filter", "a list takes at most 100 filters"));
        }
        if filters.iter().filter(|filter| filter.is_slow()).count() > MOST_PATTERNS {
            return Err(wrong_parameter("bad_filter", "a list takes at most 10 patterns"));
        }
        let fixed: Vec<usize> = filters.iter().filter_map(Filter::fixed_column).collect();
        let (filter, order) = (Filter::All(filters), Order::parse(table, order, &fixed)?);
        let mut query = ListQuery {
            sorting: sorting(table, &order, &filter),
            filter,
            order,
            limit: limit.map_or(Ok(DEFAULT_LIMIT), parse_limit)?,
            after: None,
            fields: fields.map(|text| parse_fields(table, text)).transpose()?,
        };
        if let Some(token) = cursor {
            let position = Position::open(token, context, &query.subject(table))?;
            if position.values.as_ref().is_some_and(|values| values.len() != query.order.terms.len()) {
                return Err(Error::bad_cursor());
            }
            query.after = Some(position);
        }
        Ok(query)
    }

    /// What a cursor of this list is bound to: the table, the order and the filters with their values.
    pub(super) fn subject(&self, table: &Table) -> [u8; 32] {
        let mut sql = table.quoted.clone();
        let mut params: Vec<&Value> = Vec::new();
        sql.push('|');
        self.filter.write(table, &mut sql, &mut params);
        sql.push('|');
        self.order.write(&mut sql);
        let mut bytes = sql.into_bytes();
        bytes.push(0);
        for value in params {
            write_value(&mut bytes, value);
        }
        Sha256::digest(&bytes).into()
    }
}

/// Reads `fields=id,status,"a,b"`, for a list or a single record.
///
/// # Errors
/// 400 `unknown_column`.
pub fn parse_fields(table: &Table, text: &str) -> Result<Vec<usize>> {
    let mut fields = Vec::new();
    for piece in pieces(text) {
        let index = column(table, piece)?;
        if !fields.contains(&index) {
            fields.push(index);
        }
    }
    Ok(fields)
}

fn filtered_column(table: &Table, name: &str) -> Result<usize> {
    if let Some(column) = name.strip_prefix("col:") {
        return table.column(column).ok_or_else(|| unknown_column(table, column));
    }
    if PARAMETERS.contains(&name) {
        return Err(Error::malformed(
            "unknown_parameter",
            format!("The parameter {name} is not taken here."),
        ));
    }
    table.column(name).ok_or_else(|| {
        Error::malformed(
            "unknown_parameter",
            format!("{} is neither a parameter nor a column of {}.", shown(name), table.name),
        )
    })
}

fn parse_limit(text: &str) -> Result<u32> {
    let limit = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    limit.filter(|limit| (1..=MOST_RECORDS).contains(limit)).ok_or_else(Error::bad_limit)
}

/// 400: the column is not one of this table.
pub(super) fn unknown_column(table: &Table, name: &str) -> Error {
    Error::malformed("unknown_column", format!("{} has no column {}.", table.name, shown(name)))
}

/// 400: a parameter that is known, with a value that is not.
pub(super) fn wrong_parameter(code: &'static str, reason: &str) -> Error {
    Error::malformed(code, format!("This list cannot be asked for: {reason}."))
}

/// A name from a client, cut to what an answer may repeat.
pub(super) fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}
