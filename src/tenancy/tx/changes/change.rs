//! One change, as it is stored and as a client reads it.

use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::model::table::Table;
use crate::tenancy::tx::records::encode_visible;
use std::fmt::Write as _;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// It is new.
    Create,
    /// It is another than before.
    Update,
    /// It is gone.
    Delete,
}

impl Op {
    /// Its name, in the database and in the interface.
    pub fn name(self) -> &'static str {
        match self {
            Op::Create => "create",
            Op::Update => "update",
            Op::Delete => "delete",
        }
    }

    /// The one of that name.
    pub(super) fn parse(name: &str) -> Option<Op> {
        [Op::Create, Op::Update, Op::Delete].into_iter().find(|op| op.name() == name)
    }
}

/// One change, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its number.
    pub seq: i64,
    /// The whole of it as JSON.
    pub json: String,
}

/// The columns that [`read_change`] expects.
pub(super) const COLUMNS: &str = "seq, at, op, table_name, id, record, actor";

/// How much of a change is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// All of it.
    Whole,
    /// All but the record.
    WithoutRecord,
    /// Not even which record it was.
    WithoutId,
}

/// Reads a row of [`COLUMNS`]. Of the record, only columns are told that a client may read now: the app may have
/// hidden or renamed some since it was stored.
pub(super) fn read_change(table: &Table, row: &Row<'_>) -> Result<Change, DbError> {
    write_change(table, row, Told::Whole)
}

/// The same for so much of it.
pub(super) fn write_change(table: &Table, row: &Row<'_>, told: Told) -> Result<Change, DbError> {
    let (seq, at, op) = (row.get::<i64>(0)?, row.get::<Timestamp>(1)?, row.get::<String>(2)?);
    let (id, record) = (row.get::<Option<String>>(4)?, row.get::<Option<String>>(5)?);
    let (id, record) = (id.filter(|_| told != Told::WithoutId), record.filter(|_| told == Told::Whole));
    let actor: String = row.get(6)?;
    let mut json = String::with_capacity(record.as_deref().map_or(0, str::len) + 256);
    let text = |text: &str| serde_json::Value::from(text).to_string();
    let _ = write!(
        json,
        "{{\"seq\":{seq},\"at\":\"{at}\",\"op\":\"{op}\",\"table\":{},\"id\":{},\"record\":",
        text(&table.name),
        id.as_deref().map_or_else(|| "null".to_owned(), text)
    );
    match &record {
        Some(record) => encode_visible(table, record, &mut json),
        None => json.push_str("null"),
    }
    if record.is_none() && op != Op::Delete.name() {
        json.push_str(",\"record_omitted\":true");
    }
    let _ = write!(json, ",\"actor\":{}}}", text(&actor));
    Ok(Change { seq, json })
}
