//! Rows as JSON, written straight into the answer.

use crate::db::{DbError, Row, ValueRef};
use crate::model::column::ColumnType;
use crate::model::table::Table;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write as _;

/// Integers up to here are exact in a double, and so in every JSON reader (2^53).
const EXACT: i64 = 1 << 53;

/// Writes the first columns of `row`, which are `columns` of the table, as an object.
///
/// # Errors
/// As [`DbError`] says.
pub(super) fn encode_row(
    table: &Table,
    columns: &[usize],
    row: &Row<'_>,
    out: &mut Vec<u8>,
) -> Result<(), DbError> {
    encode_row_from(table, columns, 0, row, out)
}

/// The same for columns that stand in the row from `first` on.
///
/// # Errors
/// As [`DbError`] says.
pub(super) fn encode_row_from(
    table: &Table,
    columns: &[usize],
    first: usize,
    row: &Row<'_>,
    out: &mut Vec<u8>,
) -> Result<(), DbError> {
    out.push(b'{');
    for (position, index) in columns.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let column = &table.columns[*index];
        out.extend_from_slice(&column.json_name);
        encode_value(column.kind, row.value(first + position)?, out);
    }
    out.push(b'}');
    Ok(())
}

/// Writes these columns as an object.
pub(in crate::tenancy::tx) fn encode_values<'v>(
    table: &Table,
    columns: impl IntoIterator<Item = usize>,
    value: impl Fn(usize) -> ValueRef<'v>,
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    for (position, index) in columns.into_iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        let column = &table.columns[index];
        out.extend_from_slice(&column.json_name);
        encode_value(column.kind, value(index), out);
    }
    out.push(b'}');
}

/// Writes one value; its storage class counts, and the declared type where JSON has more to say.
pub(in crate::tenancy::tx) fn encode_value(kind: ColumnType, value: ValueRef<'_>, out: &mut Vec<u8>) {
    match (value, kind) {
        (ValueRef::Null, _) => out.extend_from_slice(b"null"),
        (ValueRef::Integer(0), ColumnType::Boolean) => out.extend_from_slice(b"false"),
        (ValueRef::Integer(1), ColumnType::Boolean) => out.extend_from_slice(b"true"),
        // REAL affinity leaves no integers; SQLite's sorter hands out a computed 3.0 as one all the same.
        #[expect(clippy::cast_precision_loss, reason = "the sorter makes integers of exact doubles only")]
        (ValueRef::Integer(integer), ColumnType::Real) => encode_real(integer as f64, out),
        (ValueRef::Integer(integer), _) => encode_integer(integer, kind, out),
        (ValueRef::Real(real), _) => encode_real(real, out),
        (ValueRef::Text(text), ColumnType::Json) => encode_json(text, out),
        (ValueRef::Text(text), _) => match std::str::from_utf8(text) {
            Ok(text) => encode_text(text, out),
            Err(_) => encode_text(&String::from_utf8_lossy(text), out),
        },
        (ValueRef::Blob(blob), _) => encode_blob(blob, out),
    }
}

/// Writes one value that no column declares: its storage class alone counts.
pub fn encode_plain(value: ValueRef<'_>, out: &mut Vec<u8>) {
    encode_value(ColumnType::Any, value, out);
}

fn encode_integer(integer: i64, kind: ColumnType, out: &mut Vec<u8>) {
    // A Vec takes every byte, so writing does not fail.
    let _ = if kind == ColumnType::Json || (-EXACT..=EXACT).contains(&integer) {
        write!(out, "{integer}")
    } else {
        write!(out, "\"{integer}\"")
    };
}

fn encode_real(real: f64, out: &mut Vec<u8>) {
    if real == f64::INFINITY {
        out.extend_from_slice(b"\"Infinity\"");
    } else if real == f64::NEG_INFINITY {
        out.extend_from_slice(b"\"-Infinity\"");
    } else {
        // The shortest digits that read back as the same double; a Vec takes every byte.
        let _ = serde_json::to_writer(out, &real);
    }
}

/// Stored JSON as it is; what only looks like it, as text.
fn encode_json(text: &[u8], out: &mut Vec<u8>) {
    let text = String::from_utf8_lossy(text);
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => out.extend_from_slice(text.trim_ascii().as_bytes()),
        Err(_) => encode_text(&text, out),
    }
}

/// A string with what JSON wants escaped (RFC 8259, section 7).
pub(super) fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let is_special = |byte: u8| matches!(byte, 0..0x20 | b'"' | b'\\');
    // Most texts need nothing; looking at all of it without breaking off takes many bytes at once.
    if !bytes.iter().fold(false, |found, byte| found | is_special(*byte)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut plain = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        if !is_special(byte) {
            continue;
        }
        out.extend_from_slice(&bytes[plain..at]);
        plain = at + 1;
        let short = match byte {
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x08 => b'b',
            0x0c => b'f',
            b'"' | b'\\' => byte,
            _ => {
                let _ = write!(out, "\\u{byte:04x}");
                continue;
            }
        };
        out.extend_from_slice(&[b'\\', short]);
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

fn encode_blob(blob: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + blob.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(blob, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(kind: ColumnType, value: ValueRef<'_>) -> String {
        let mut out = Vec::new();
        encode_value(kind, value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_keep_their_storage_class() {
        use ColumnType as C;
        for (kind, value, json) in [
            (C::Integer, ValueRef::Integer(EXACT), "9007199254740992"),
            (C::Integer, ValueRef::Integer(EXACT + 1), "\"9007199254740993\""),
            (C::Integer, ValueRef::Integer(i64::MIN), "\"-9223372036854775808\""),
            (C::Integer, ValueRef::Text(b"x"), "\"x\""),
            (C::Boolean, ValueRef::Integer(1), "true"),
            (C::Boolean, ValueRef::Integer(2), "2"),
            (C::Boolean, ValueRef::Null, "null"),
            (C::Real, ValueRef::Real(5.0), "5.0"),
            (C::Real, ValueRef::Real(1e300), "1e+300"),
            (C::Real, ValueRef::Real(f64::NEG_INFINITY), "\"-Infinity\""),
            (
                C::Json,
                ValueRef::Text(b" {\"b\":1,\"a\":12345678901234567890} "),
                "{\"b\":1,\"a\":12345678901234567890}",
            ),
            (C::Json, ValueRef::Text(b"{oops"), "\"{oops\""),
            (C::Json, ValueRef::Integer(i64::MAX), "9223372036854775807"),
            (C::Text, ValueRef::Text(b"{\"a\":1}"), "\"{\\\"a\\\":1}\""),
            (C::Text, ValueRef::Text(b"a\xffb\0\n\x1f"), "\"a\u{fffd}b\\u0000\\n\\u001f\""),
            (C::Blob, ValueRef::Blob(&[255, 254]), "\"//4=\""),
            (C::Blob, ValueRef::Blob(&[]), "\"\""),
        ] {
            assert_eq!(encoded(kind, value), json);
        }
    }
}
