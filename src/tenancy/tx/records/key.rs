//! The key of a record, as values and as a segment of a path.

use super::encode::encode_value;
use super::json::{Raw, Shape};
use super::literal::{boolean, bytes, number};
use super::value::value;
use crate::db::{Value, ValueRef};
use crate::error::{Error, Result};
use crate::model::column::{Column, ColumnType};
use crate::model::table::Table;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::fmt::Write as _;

/// What stays as it is in a part of a key: the unreserved characters (RFC 3986, section 2.3).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The values of a table's key columns, in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordKey(Vec<Value>);

impl RecordKey {
    /// A key of these values.
    pub fn new(values: Vec<Value>) -> RecordKey {
        RecordKey(values)
    }

    /// The values.
    pub fn values(&self) -> &[Value] {
        &self.0
    }

    /// Reads the segment of a path, still percent-encoded: the parts are split at commas before they are decoded.
    ///
    /// # Errors
    /// 404 where no record can have such a key; 400 `bad_key` for another number of parts; 405 for a table without key.
    pub fn parse(table: &Table, segment: &str) -> Result<RecordKey> {
        if table.key.is_empty() {
            return Err(Error::new(
                crate::error::Kind::NotAllowed,
                "no_key",
                format!("{} has no key: its records are only listed.", table.name),
            ));
        }
        let parts: Vec<&str> = segment.split(',').collect();
        if parts.len() != table.key.len() {
            let names = table.key.iter().map(|index| table.columns[*index].name.as_str());
            let names = names.collect::<Vec<_>>().join(",");
            return Err(Error::malformed(
                "bad_key",
                format!(
                    "The key of {} is {names}; the parts are percent-encoded and joined with commas.",
                    table.name
                ),
            ));
        }
        let columns = table.key.iter().map(|index| &table.columns[*index]);
        let values = columns.zip(parts).map(|(column, part)| {
            let text = percent_decode_str(part).decode_utf8().ok()?;
            part_value(column, table.strict, &text)
        });
        values.collect::<Option<_>>().map(RecordKey).ok_or_else(Error::not_found)
    }

    /// Reads a key out of a body: the value of the key as it stands in the record, and for a key of several parts an
    /// array of them, or the segment of a path.
    ///
    /// # Errors
    /// What it has to be.
    pub(super) fn of_json(table: &Table, raw: Raw<'_>) -> Result<RecordKey, &'static str> {
        const PARTS: &str = "must be an array with a value for each part of the key";
        let parts = match (table.key.len(), raw.shape()) {
            (0, _) => return Err("cannot name a record of a table without a key"),
            (1, Shape::Array) => return Err("must be the value of the key"),
            (1, _) => vec![raw],
            (_, Shape::Array) => raw.elements(),
            (_, Shape::Text(segment)) => return RecordKey::parse(table, &segment).map_err(|_| PARTS),
            _ => return Err(PARTS),
        };
        if parts.len() != table.key.len() {
            return Err(PARTS);
        }
        let part = |(index, raw): (&usize, Raw<'_>)| match value(&table.columns[*index], raw)? {
            Value::Null => Err("must not be null"),
            value => Ok(value),
        };
        table.key.iter().zip(parts).map(part).collect::<Result<_, _>>().map(RecordKey)
    }

    /// Writes it as [`RecordKey::of_json`] reads it; null for a table whose rows have no key that could be told.
    pub(super) fn encode(&self, table: &Table, out: &mut Vec<u8>) {
        let is_composite = self.0.len() > 1;
        if is_composite {
            out.push(b'[');
        }
        for (part, (index, value)) in table.key.iter().zip(&self.0).enumerate() {
            if part > 0 {
                out.push(b',');
            }
            encode_value(table.columns[*index].kind, value.borrowed(), out);
        }
        if is_composite {
            out.push(b']');
        }
    }

    /// The segment of a path that names it; `None` if a part is NULL, which no path can name.
    pub fn to_segment(&self) -> Option<String> {
        let mut segment = String::new();
        let mut parts = self.0.iter().enumerate();
        parts.all(|(part, value)| append_key_part(value.borrowed(), part, &mut segment)).then_some(segment)
    }
}

/// Whether a byte stays as [`PLAIN`] leaves it.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Appends the key's column `part` to the segment of a path; false for NULL, which no path can name.
pub(in crate::tenancy::tx) fn append_key_part(
    value: ValueRef<'_>,
    part: usize,
    segment: &mut String,
) -> bool {
    if part > 0 {
        segment.push(',');
    }
    // A String takes every text, so writing does not fail.
    let _ = match value {
        ValueRef::Null => return false,
        ValueRef::Integer(integer) => write!(segment, "{integer}"),
        ValueRef::Real(real) => write!(segment, "{}", utf8_percent_encode(&real.to_string(), PLAIN)),
        ValueRef::Text(text) => match std::str::from_utf8(text) {
            // As most keys are.
            Ok(text) if text.bytes().all(is_plain) => segment.write_str(text),
            _ => write!(segment, "{}", utf8_percent_encode(&String::from_utf8_lossy(text), PLAIN)),
        },
        ValueRef::Blob(blob) => write!(segment, "{}", URL_SAFE_NO_PAD.encode(blob)),
    };
    true
}

/// The value of one part. Numbers have one spelling, so that a record has one path.
fn part_value(column: &Column, strict: bool, text: &str) -> Option<Value> {
    let plain = |value: Value| match &value {
        Value::Integer(integer) if integer.to_string() == text => Some(value),
        Value::Real(_) => Some(value),
        _ => None,
    };
    match column.kind {
        ColumnType::Blob => {
            bytes(text).filter(|bytes| URL_SAFE_NO_PAD.encode(bytes) == text).map(Value::Blob)
        }
        ColumnType::Text | ColumnType::Json => Some(Value::from(text)),
        ColumnType::Boolean => boolean(text),
        ColumnType::Integer if strict || column.is_rowid => {
            number(text).and_then(plain).filter(|value| matches!(value, Value::Integer(_)))
        }
        ColumnType::Integer
        | ColumnType::Real
        | ColumnType::Number
        | ColumnType::Datetime
        | ColumnType::Any => Some(number(text).and_then(plain).unwrap_or_else(|| Value::from(text))),
    }
}
