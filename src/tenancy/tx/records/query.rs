//! The query string of a list, checked against the table before any transaction begins.

use super::conditions::Conditions;
use super::cursor::{CursorContext, Position, write_value};
use super::expand::Expansion;
use super::filter::Filter;
use super::names::{column, pieces};
use super::order::Order;
use super::readable::Readable;
use super::search::Search;
use super::served::{Sorting, sorting};
use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::table::Table;
use sha2::{Digest as _, Sha256};

/// Parameters that lists of this product know. A column of such a name is written `col:limit=5`.
pub const PARAMETERS: [&str; 11] =
    ["order", "limit", "cursor", "count", "fields", "expand", "q", "or", "and", "select", "group"];
const DEFAULT_LIMIT: u32 = 50;
const MOST_RECORDS: u32 = 500;

/// A list that can be asked for: every name in it is a column of the table it was read for.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub(super) filter: Filter,
    pub(super) order: Order,
    pub(super) limit: u32,
    pub(super) after: Option<Position>,
    pub(super) fields: Option<Vec<usize>>,
    /// Boxed, as few lists have one.
    pub(super) search: Option<Box<Search>>,
    /// Whether the best of what is found come first.
    pub(super) is_ranked: bool,
    pub(super) expand: Vec<Expansion>,
    /// The fields and what the expansions compare, where there are any.
    pub(super) reads: Option<Vec<usize>>,
    /// Whether all records are counted.
    pub(super) counts: bool,
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
    /// `bad_order`, `bad_limit`, `bad_count` or `bad_cursor`, or as [`Expansion::parse`]
    /// and `q` say.
    pub fn parse(
        table: &Table,
        params: &[(String, String)],
        context: &CursorContext,
        readable: &Readable,
    ) -> Result<ListQuery> {
        let (mut order, mut limit, mut cursor, mut fields) = (None, None, None, None);
        let (mut count, mut expand, mut search) = (None, None, None);
        let mut conditions = Conditions::default();
        for (name, value) in params {
            let slot = match name.as_str() {
                "order" => &mut order,
                "limit" => &mut limit,
                "cursor" => &mut cursor,
                "fields" => &mut fields,
                "count" => &mut count,
                "expand" => &mut expand,
                "q" => &mut search,
                _ => {
                    conditions.take(table, name, value)?;
                    continue;
                }
            };
            if slot.replace(value.as_str()).is_some() {
                return Err(Error::repeated_parameter(name));
            }
        }
        let (filter, fixed) = conditions.finish()?;
        let search = search.map(|text| Search::parse(table, text, readable)).transpose()?.map(Box::new);
        let is_ranked = search.is_some() && order.is_none();
        let order = if is_ranked { Order::default() } else { Order::parse(table, order, &fixed)? };
        let fields = fields.map(|text| parse_fields(table, text)).transpose()?;
        let expand =
            expand.map(|text| Expansion::parse(table, text, fields.as_deref(), readable)).transpose()?;
        let expand = expand.unwrap_or_default();
        let mut query = ListQuery {
            sorting: if search.is_some() { Sorting::Always } else { sorting(table, &order, &filter) },
            search,
            is_ranked,
            filter,
            order,
            limit: limit.map_or(Ok(DEFAULT_LIMIT), parse_limit)?,
            after: None,
            reads: reads(table, fields.as_deref(), &expand),
            fields,
            expand,
            counts: count.map(parse_count).transpose()?.is_some(),
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

    /// Writes what follows WHERE, apart from where a page begins.
    pub(super) fn write_where<'q>(&'q self, table: &Table, sql: &mut String, params: &mut Vec<&'q Value>) {
        self.filter.write(table, sql, params);
        if let Some(search) = &self.search {
            sql.push_str(" AND ");
            search.write(sql, params);
        }
    }

    /// What is searched for, if the best of it come first.
    pub(super) fn ranked(&self) -> Option<&Search> {
        self.search.as_deref().filter(|_| self.is_ranked)
    }

    /// What a cursor of this list is bound to: the table, the order and the filters with their values.
    pub(super) fn subject(&self, table: &Table) -> [u8; 32] {
        let mut sql = table.quoted.clone();
        let mut params: Vec<&Value> = Vec::new();
        sql.push('|');
        self.write_where(table, &mut sql, &mut params);
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

/// These fields and what the expansions compare; `None` without any.
pub(super) fn reads(table: &Table, fields: Option<&[usize]>, expand: &[Expansion]) -> Option<Vec<usize>> {
    let fields = fields.unwrap_or(&table.visible).iter().copied();
    (!expand.is_empty()).then(|| fields.chain(Expansion::links(expand)).collect())
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

/// The column that a parameter filters by.
pub(super) fn filtered_column(table: &Table, name: &str) -> Result<usize> {
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

/// `limit`, from 1 to 500.
pub(super) fn parse_limit(text: &str) -> Result<u32> {
    let limit = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    limit.filter(|limit| (1..=MOST_RECORDS).contains(limit)).ok_or_else(Error::bad_limit)
}

fn parse_count(text: &str) -> Result<()> {
    let wrong = || wrong_parameter("bad_count", "count is `exact`, or left out");
    (text == "exact").then_some(()).ok_or_else(wrong)
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
