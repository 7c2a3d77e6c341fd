//! Reading what expansions lead to: one statement for each relation and level, for the records of a whole page.

use super::cursor::write_value;
use super::encode::{encode_row_from, encode_text};
use super::expand::Expansion;
use super::source::lookup_keys;
use crate::db::{AppTx, DbError, Row, Value};
use crate::error::{Error, Result};
use crate::model::table::quote;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

/// Records that refer to one record.
const MOST_IN_LIST: usize = 100;
/// Related records in one answer, and the bytes that they add to it.
const MOST_RELATED: usize = 20_000;
const MOST_BYTES: usize = 8 << 20;
/// Records whose relations one statement reads.
const AT_ONCE: usize = 500;

/// Records in the making, as JSON with anything between them.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) out: Vec<u8>,
    /// Behind the closing brace of each record.
    ends: Vec<usize>,
    /// What the expansions of each record compare, one after the other.
    links: Vec<Value>,
}

impl Rows {
    /// Remembers that a record ends here, and its `links` values that stand in the row from `first` on.
    pub(super) fn end_record(&mut self, row: &Row<'_>, first: usize, links: usize) -> Result<(), DbError> {
        self.ends.push(self.out.len());
        for link in first..first + links {
            self.links.push(row.value(link)?.to_owned());
        }
        Ok(())
    }

    /// The records with what the expansions lead to.
    ///
    /// # Errors
    /// 400 `expand_too_large`, or as [`DbError`] says.
    pub(super) fn expanded(self, tx: AppTx<'_>, expansions: &[Expansion]) -> Result<Vec<u8>> {
        let mut room = Room { records: MOST_RELATED, bytes: MOST_BYTES };
        Ok(self.expand(tx, expansions, &mut room)?.out)
    }

    fn expand(self, tx: AppTx<'_>, expansions: &[Expansion], room: &mut Room) -> Result<Rows> {
        let width = Expansion::links(expansions).count();
        let (mut found, mut first) = (Vec::with_capacity(expansions.len()), 0);
        for expansion in expansions {
            let keys = Keys::of(&self.links, width, first, expansion.own.len());
            found.push(Related::read(tx, expansion, keys, room)?);
            first += expansion.own.len();
        }
        let mut rows = Rows { out: Vec::with_capacity(self.out.len() * 2), ..Rows::default() };
        let mut start = 0;
        for (record, end) in self.ends.iter().enumerate() {
            let before = rows.out.len();
            rows.out.extend_from_slice(&self.out[start..end - 1]);
            rows.out.extend_from_slice(b",\"expand\":{");
            for (index, related) in found.iter().enumerate() {
                if index > 0 {
                    rows.out.push(b',');
                }
                encode_text(&related.expansion.name, &mut rows.out);
                rows.out.push(b':');
                related.write(record, &mut rows.out);
            }
            rows.out.push(b'}');
            let mut cut = found.iter().filter(|related| related.is_cut(record)).peekable();
            let has_cut = cut.peek().is_some();
            for (index, related) in cut.enumerate() {
                rows.out.extend_from_slice(if index == 0 { b",\"expand_truncated\":[" } else { b"," });
                encode_text(&related.expansion.name, &mut rows.out);
            }
            if has_cut {
                rows.out.push(b']');
            }
            rows.out.push(b'}');
            room.take(0, (rows.out.len() - before).saturating_sub(end - start))?;
            rows.ends.push(rows.out.len());
            start = *end;
        }
        rows.out.extend_from_slice(&self.out[start..]);
        Ok(rows)
    }
}

/// What may still be read and answered.
struct Room {
    records: usize,
    bytes: usize,
}

impl Room {
    fn take(&mut self, records: usize, bytes: usize) -> Result<()> {
        let left = self.records.checked_sub(records).zip(self.bytes.checked_sub(bytes));
        let (records, bytes) = left.ok_or_else(|| {
            Error::malformed(
                "expand_too_large",
                "What is expanded here is more than an answer holds (20,000 records, 8 MB). Ask for fewer records \
                 with limit, or expand less.",
            )
        })?;
        *self = Room { records, bytes };
        Ok(())
    }
}

/// The different values by which records of another table are found.
struct Keys<'v> {
    different: Vec<&'v [Value]>,
    /// For each record, which of them it has; none where one is NULL.
    of_record: Vec<Option<usize>>,
}

impl<'v> Keys<'v> {
    fn of(links: &'v [Value], width: usize, first: usize, count: usize) -> Keys<'v> {
        let (mut known, mut keys) = (HashMap::new(), Keys { different: Vec::new(), of_record: Vec::new() });
        for record in links.chunks_exact(width) {
            let key = &record[first..first + count];
            let mut bytes = Vec::new();
            key.iter().for_each(|value| write_value(&mut bytes, value));
            keys.of_record.push((!key.contains(&Value::Null)).then(|| {
                *known.entry(bytes).or_insert_with(|| {
                    keys.different.push(key);
                    keys.different.len() - 1
                })
            }));
        }
        keys
    }
}

/// The records that one expansion leads to.
struct Related<'e> {
    expansion: &'e Expansion,
    of_record: Vec<Option<usize>>,
    /// For each key, where its records are in `out`.
    places: Vec<Vec<(usize, usize)>>,
    cut: Vec<bool>,
    out: Vec<u8>,
}

impl<'e> Related<'e> {
    fn read(tx: AppTx<'_>, expansion: &'e Expansion, keys: Keys<'_>, room: &mut Room) -> Result<Related<'e>> {
        let count = keys.different.len();
        let (mut rows, mut owners) = (Rows::default(), Vec::new());
        let (mut held, mut cut) = (vec![0_usize; count], vec![false; count]);
        let target = &expansion.target;
        let links = Expansion::links(&expansion.inner).count();
        let most = if expansion.is_list { MOST_IN_LIST } else { 1 };
        for (chunk, keys) in keys.different.chunks(AT_ONCE).enumerate() {
            let (sql, params) = statement(expansion, keys);
            let mut outcome = Ok(());
            tx.each(&sql, params, |row| {
                let key = chunk * AT_ONCE + usize::try_from(row.get::<i64>(0)?).unwrap_or_default();
                if held[key] == most {
                    cut[key] = expansion.is_list;
                    return Ok(ControlFlow::Continue(()));
                }
                held[key] += 1;
                let before = rows.out.len();
                encode_row_from(target, &target.visible, 1, row, &mut rows.out)?;
                rows.end_record(row, 1 + target.visible.len(), links)?;
                owners.push(key);
                outcome = room.take(1, rows.out.len() - before);
                Ok(if outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
            })?;
            outcome?;
        }
        if !expansion.inner.is_empty() {
            rows = rows.expand(tx, &expansion.inner, room)?;
        }
        let (mut places, mut start) = (vec![Vec::new(); count], 0);
        for (key, end) in owners.into_iter().zip(rows.ends) {
            places[key].push((start, end));
            start = end;
        }
        Ok(Related { expansion, of_record: keys.of_record, places, cut, out: rows.out })
    }

    /// Writes what belongs to this record: an object or null, or a list.
    fn write(&self, record: usize, out: &mut Vec<u8>) {
        let places = self.of_record[record].map_or(&[][..], |key| &self.places[key]);
        if !self.expansion.is_list {
            match places.first() {
                Some((start, end)) => out.extend_from_slice(&self.out[*start..*end]),
                None => out.extend_from_slice(b"null"),
            }
            return;
        }
        out.push(b'[');
        for (index, (start, end)) in places.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&self.out[*start..*end]);
        }
        out.push(b']');
    }

    fn is_cut(&self, record: usize) -> bool {
        self.of_record[record].is_some_and(|key| self.cut[key])
    }
}

/// Reads the related records of these keys, with the number of the key before each. The keys are filled up to a power of
/// two with NULL, which equals nothing, so that few statements serve all pages.
pub(super) fn statement<'v>(expansion: &Expansion, keys: &[&'v [Value]]) -> (String, Vec<&'v Value>) {
    let target = &expansion.target;
    let columns: Vec<usize> =
        target.visible.iter().copied().chain(Expansion::links(&expansion.inner)).collect();
    let rows = keys.len().next_power_of_two();
    let width = expansion.own.len();
    let mut sql = String::with_capacity(256 + rows * (8 + 3 * width));
    sql.push_str("WITH \"k\" (\"n\"");
    // Writing to a String does not fail.
    for part in 0..width {
        let _ = write!(sql, ", \"k{part}\"");
    }
    sql.push_str(") AS (VALUES ");
    let mut params = Vec::with_capacity(rows * width);
    for row in 0..rows {
        let _ = write!(sql, "{}({row}{})", if row == 0 { "" } else { ", " }, ", ?".repeat(width));
        match keys.get(row) {
            Some(key) => params.extend(key.iter()),
            None => params.extend(std::iter::repeat_n(&Value::Null, width)),
        }
    }
    sql.push_str(") SELECT \"k\".\"n\"");
    for index in &columns {
        let _ = write!(sql, ", \"t\".{}", target.columns[*index].quoted);
    }
    // With its schema before it, the name is that of a table, whatever the other names here.
    let _ = write!(sql, " FROM \"k\" CROSS JOIN main.{} AS \"t\" ON ", target.quoted);
    match lookup_keys(target)
        .filter(|_| expansion.is_list && target.key_collations.iter().all(Option::is_none))
    {
        None => write_match(expansion, "t", &mut sql),
        // Of each key so many only are looked at.
        Some(own) => {
            let list = |alias: &str| {
                own.iter().map(|(name, _)| format!("\"{alias}\".{name}")).collect::<Vec<_>>().join(", ")
            };
            let _ = write!(
                sql,
                "({}) IN (SELECT {} FROM main.{} AS \"c\" WHERE ",
                list("t"),
                list("c"),
                target.quoted
            );
            write_match(expansion, "c", &mut sql);
            let _ = write!(sql, " ORDER BY {} LIMIT {})", list("c"), MOST_IN_LIST + 1);
        }
    }
    (sql, params)
}

/// The columns of both sides are compared as SQLite does for the key: by the collation of the one referred to.
fn write_match(expansion: &Expansion, alias: &str, sql: &mut String) {
    for (part, index) in expansion.theirs.iter().enumerate() {
        let and = if part == 0 { "" } else { " AND " };
        let theirs = &expansion.target.columns[*index];
        let _ = write!(sql, "{and}\"{alias}\".{} = \"k\".\"k{part}\"", theirs.quoted);
        if let Some(collation) = expansion.collations.get(part).and_then(Option::as_deref) {
            let _ = write!(sql, " COLLATE {}", quote(collation));
        }
    }
}
