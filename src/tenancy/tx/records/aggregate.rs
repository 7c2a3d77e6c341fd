//! `select=status,count(),sum(amount_cents)&group=status`: figures over records.

mod item;

use super::conditions::Conditions;
use super::encode::encode_value;
use super::filter::Filter;
use super::names::{column, pieces, unquote};
use super::page::PAGE_BYTES;
use super::query::{parse_limit, shown, wrong_parameter};
use super::readable::Readable;
use super::search::Search;
use crate::db::{AppTx, DbError, Value};
use crate::error::{Error, Kind, Result};
use crate::model::column::ColumnType;
use crate::model::table::Table;
use item::Item;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Columns and figures in one `select=`.
const MOST_ITEMS: usize = 10;

/// What is asked about records: only of columns that exist.
#[derive(Clone, Debug)]
pub struct AggregateQuery {
    items: Vec<Item>,
    filter: Filter,
    search: Option<Search>,
    /// What is sorted by, and how in SQL.
    order: Vec<(usize, &'static str)>,
    limit: u32,
}

impl AggregateQuery {
    /// Whether these parameters ask for figures.
    pub fn is_asked(params: &[(String, String)]) -> bool {
        params.iter().any(|(name, _)| name == "select")
    }

    /// Reads decoded query parameters.
    ///
    /// # Errors
    /// 400 `bad_select`, `unknown_column`, or as for a list.
    pub fn parse(table: &Table, params: &[(String, String)], readable: &Readable) -> Result<AggregateQuery> {
        let (mut select, mut group, mut order, mut limit, mut search) = (None, None, None, None, None);
        let mut conditions = Conditions::default();
        for (name, value) in params {
            let slot = match name.as_str() {
                "select" => &mut select,
                "group" => &mut group,
                "order" => &mut order,
                "limit" => &mut limit,
                "q" => &mut search,
                "cursor" | "count" | "fields" | "expand" => {
                    let detail = format!("The parameter {name} is not taken together with select.");
                    return Err(Error::malformed("unknown_parameter", detail));
                }
                _ => {
                    conditions.take(table, name, value)?;
                    continue;
                }
            };
            if slot.replace(value.as_str()).is_some() {
                return Err(Error::repeated_parameter(name));
            }
        }
        let items = pieces(select.unwrap_or_default()).into_iter().map(|piece| Item::parse(table, piece));
        let items = items.collect::<Result<Vec<_>>>()?;
        if items.len() > MOST_ITEMS {
            return Err(wrong_select("at most 10 columns and figures are selected"));
        }
        for (index, item) in items.iter().enumerate() {
            if items.iter().take(index).any(|other| other.name == item.name) {
                let reason =
                    format!("{} stands twice; give one another name, as in total:sum(..)", item.name);
                return Err(wrong_select(&reason));
            }
        }
        check_groups(table, &items, group)?;
        let order = parse_order(&items, order)?;
        Ok(AggregateQuery {
            filter: conditions.finish()?.0,
            search: search.map(|text| Search::parse(table, text, readable)).transpose()?,
            limit: limit.map_or(Ok(50), parse_limit)?,
            items,
            order,
        })
    }

    fn statement(&self, table: &Table) -> (String, Vec<&Value>) {
        let (mut sql, mut params) = ("SELECT ".to_owned(), Vec::new());
        for (index, item) in self.items.iter().enumerate() {
            sql.push_str(if index > 0 { ", " } else { "" });
            let column = item.column.map_or("*", |index| &table.columns[index].quoted);
            // Writing to a String does not fail.
            let _ = match item.function {
                Some(function) => write!(sql, "{function}({column})"),
                None => write!(sql, "{column}"),
            };
        }
        let _ = write!(sql, " FROM main.{} WHERE ", table.quoted);
        self.filter.write(table, &mut sql, &mut params);
        if let Some(search) = &self.search {
            sql.push_str(" AND ");
            search.write(&mut sql, &mut params);
        }
        let groups = self.items.iter().filter(|item| item.function.is_none());
        for (index, item) in groups.enumerate() {
            sql.push_str(if index == 0 { " GROUP BY " } else { ", " });
            sql.push_str(item.column.map_or("", |index| &table.columns[index].quoted));
        }
        for (index, (item, how)) in self.order.iter().enumerate() {
            let _ = write!(sql, "{}{}{how}", if index == 0 { " ORDER BY " } else { ", " }, item + 1);
        }
        let _ = write!(sql, " LIMIT {}", self.limit + 1);
        (sql, params)
    }
}

/// Columns that are selected are those that are grouped by.
fn check_groups(table: &Table, items: &[Item], group: Option<&str>) -> Result<()> {
    let groups = group.into_iter().flat_map(pieces).map(|piece| column(table, piece));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let selected: Vec<usize> =
        items.iter().filter(|item| item.function.is_none()).filter_map(|item| item.column).collect();
    let name = |index: usize| table.columns[index].name.as_str();
    if let Some(index) = groups.iter().find(|index| !selected.contains(index)) {
        return Err(wrong_select(&format!("{} is grouped by, and has to be selected too", name(*index))));
    }
    match selected.iter().find(|index| !groups.contains(index)) {
        None => Ok(()),
        Some(index) => Err(wrong_select(&format!(
            "{} is selected, and has to be grouped by too; columns of single records are asked for with fields",
            name(*index)
        ))),
    }
}

/// `-count,status.nullslast`, by the names in the answer; groups that are alike in it are in their own order.
fn parse_order(items: &[Item], text: Option<&str>) -> Result<Vec<(usize, &'static str)>> {
    let mut order: Vec<(usize, &'static str)> = Vec::new();
    for piece in text.into_iter().flat_map(pieces) {
        let find = |name: &str| {
            let quoted = unquote(name).filter(|(_, rest)| rest.is_empty()).map(|(name, _)| name);
            let name = quoted.as_deref().unwrap_or(name);
            items.iter().position(|item| item.name == name)
        };
        let (name, descending) = piece.strip_prefix('-').map_or((piece, false), |name| (name, true));
        let (name, nulls_first) = match (name.strip_suffix(".nullsfirst"), name.strip_suffix(".nullslast")) {
            (Some(name), _) => (name, Some(true)),
            (None, Some(name)) => (name, Some(false)),
            (None, None) => (name, None),
        };
        let how = match (descending, nulls_first.unwrap_or(!descending)) {
            (false, true) => " NULLS FIRST",
            (false, false) => " NULLS LAST",
            (true, true) => " DESC NULLS FIRST",
            (true, false) => " DESC NULLS LAST",
        };
        let index = find(name).ok_or_else(|| {
            let reason = format!("{} is not among what is selected; order goes by these names", shown(name));
            wrong_parameter("bad_order", &reason)
        })?;
        if order.iter().all(|(other, _)| *other != index) {
            order.push((index, how));
        }
    }
    for (index, item) in items.iter().enumerate() {
        if item.function.is_none() && order.iter().all(|(other, _)| *other != index) {
            order.push((index, ""));
        }
    }
    Ok(order)
}

fn wrong_select(reason: &str) -> Error {
    wrong_parameter("bad_select", reason)
}

/// The figures as `{"items":[..],"next_cursor":null}`, with `"truncated":true` where there are more groups.
///
/// # Errors
/// 422 `aggregate_overflow`, or as [`DbError`] says.
pub fn aggregate_records(tx: AppTx<'_>, table: &Table, query: &AggregateQuery) -> Result<Vec<u8>> {
    let (sql, params) = query.statement(table);
    let heads = query.items.iter().map(|item| {
        let mut name = serde_json::Value::from(item.name.as_str()).to_string().into_bytes();
        name.push(b':');
        (name, item.kind(table))
    });
    let heads: Vec<(Vec<u8>, ColumnType)> = heads.collect();
    let mut out = b"{\"items\":[".to_vec();
    let (mut count, mut is_truncated) = (0, false);
    let read = tx.each(&sql, params, |row| {
        if count == query.limit || out.len() > PAGE_BYTES {
            is_truncated = true;
            return Ok(ControlFlow::Break(()));
        }
        for (index, (head, kind)) in heads.iter().enumerate() {
            let between: &[u8] = match (index, count) {
                (0, 0) => b"{",
                (0, _) => b",{",
                _ => b",",
            };
            out.extend_from_slice(between);
            out.extend_from_slice(head);
            encode_value(*kind, row.value(index)?, &mut out);
        }
        out.push(b'}');
        count += 1;
        Ok(ControlFlow::Continue(()))
    });
    match read {
        // What `sum` says (SQLite, "Built-in Aggregate Functions").
        Err(DbError::Expression(reason)) if reason == "integer overflow" => Err(Error::new(
            Kind::Invalid,
            "aggregate_overflow",
            "A sum is beyond 64 bits. Filter so that it takes less, or ask for avg and count.",
        )),
        other => other.map_err(Error::from),
    }?;
    out.extend_from_slice(b"],\"next_cursor\":null");
    if is_truncated {
        out.extend_from_slice(b",\"truncated\":true");
    }
    out.push(b'}');
    Ok(out)
}
