//! Where a page ended, as a token that only we can make.
//!
//! It is signed together with the tenant, the table, the order and the filters, so it works nowhere else: the rowids
//! of all tenants are alike, and a cursor of one must not page through another.

use crate::db::Value;
use crate::error::{Error, Result};
use crate::model::mac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of values in a cursor; beyond that it counts records instead, as it has to fit into a URL.
const MOST_BYTES: usize = 1_200;
const VERSION: u8 = 1;

/// What cursors are signed with, and for whom.
#[derive(Clone)]
pub struct CursorContext {
    key: [u8; 32],
    context: String,
}

impl CursorContext {
    /// Cursors signed with `key` that are valid for `context` (the tenant's id) alone.
    pub fn new(key: [u8; 32], context: impl Into<String>) -> CursorContext {
        CursorContext { key, context: context.into() }
    }

    /// What is signed: each part with its length before it.
    fn signed(&self, subject: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(128 + payload.len());
        for part in [b"cursor".as_slice(), self.context.as_bytes(), subject, payload] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part);
        }
        bytes
    }
}

/// Says nothing of the key.
impl std::fmt::Debug for CursorContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CursorContext").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Where a page ended.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Position {
    /// Records before this place.
    pub(super) seen: u64,
    /// The last record's values in the order's terms; `None` if they are too long, or not text that can be bound.
    pub(super) values: Option<Vec<Value>>,
    /// Records up to here that are alike in all terms.
    pub(super) alike: u64,
}

impl Position {
    /// The token of this position in the list that `subject` describes.
    pub(super) fn seal(&self, context: &CursorContext, subject: &[u8]) -> String {
        let mut payload = vec![VERSION];
        write_number(&mut payload, self.seen);
        write_number(&mut payload, self.alike);
        let start = payload.len();
        if let Some(values) = &self.values {
            for value in values {
                write_value(&mut payload, value);
            }
        }
        if payload.len() - start > MOST_BYTES {
            payload.truncate(start);
        }
        let signature = mac::mark(&context.key, &[&context.signed(subject, &payload)]);
        payload.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(payload)
    }

    /// The position in `token`.
    ///
    /// # Errors
    /// 400 `bad_cursor` if it was not made by [`Position::seal`] for this very list.
    pub(super) fn open(token: &str, context: &CursorContext, subject: &[u8]) -> Result<Position> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Error::bad_cursor())?;
        let split = bytes.len().checked_sub(mac::LENGTH).ok_or_else(Error::bad_cursor)?;
        let (payload, signature) = bytes.split_at(split);
        if !mac::is_mark(&context.key, &[&context.signed(subject, payload)], signature) {
            return Err(Error::bad_cursor());
        }
        read(payload).ok_or_else(Error::bad_cursor)
    }
}

fn read(payload: &[u8]) -> Option<Position> {
    let mut rest = payload.strip_prefix(&[VERSION])?;
    let (seen, alike) = (read_number(&mut rest)?, read_number(&mut rest)?);
    let mut values = Vec::new();
    while !rest.is_empty() {
        values.push(read_value(&mut rest)?);
    }
    Some(Position { seen, alike, values: (!values.is_empty()).then_some(values) })
}

/// Seven bits at a time, the lowest first.
pub(super) fn write_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

fn read_number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

/// A value in a form that no two values share.
pub(super) fn write_value(out: &mut Vec<u8>, value: &Value) {
    let (tag, bytes): (u8, &[u8]) = match value {
        Value::Null => (0, &[]),
        Value::Integer(integer) => (1, &integer.to_le_bytes()),
        Value::Real(real) => (2, &real.to_bits().to_le_bytes()),
        Value::Text(text) => (3, text.as_bytes()),
        Value::Blob(blob) => (4, blob),
    };
    out.push(tag);
    if tag >= 3 {
        write_number(out, bytes.len() as u64);
    }
    out.extend_from_slice(bytes);
}

fn read_value(rest: &mut &[u8]) -> Option<Value> {
    let (tag, after) = rest.split_first()?;
    *rest = after;
    let length = match tag {
        0 => return Some(Value::Null),
        1 | 2 => 8,
        _ => usize::try_from(read_number(rest)?).ok()?,
    };
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    match tag {
        1 => Some(Value::Integer(i64::from_le_bytes(bytes.try_into().ok()?))),
        2 => Some(Value::Real(f64::from_bits(u64::from_le_bytes(bytes.try_into().ok()?)))),
        3 => Some(Value::Text(String::from_utf8(bytes.to_vec()).ok()?)),
        4 => Some(Value::Blob(bytes.to_vec())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzzing::explore;
    use proptest::prelude::*;

    fn position() -> Position {
        let values = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(f64::INFINITY),
            Value::from("ä,\0"),
            Value::Blob(vec![0, 255]),
        ];
        Position { seen: 300, alike: 2, values: Some(values) }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let context = CursorContext::new([7; 32], "tenant");
        let token = position().seal(&context, b"list");
        assert_eq!(Position::open(&token, &context, b"list").unwrap(), position());
    }

    #[test]
    fn a_cursor_of_another_tenant_list_or_key_is_refused() {
        let context = CursorContext::new([7; 32], "tenant");
        let token = position().seal(&context, b"list");
        let changed = format!("{}A", &token[..token.len() - 1]);
        for (token, context, subject) in [
            (token.as_str(), CursorContext::new([7; 32], "other"), b"list".as_slice()),
            (&token, CursorContext::new([8; 32], "tenant"), b"list"),
            (&token, context.clone(), b"tsil"),
            (&changed, context.clone(), b"list"),
            ("", context.clone(), b"list"),
            ("AQ", context.clone(), b"list"),
            ("ä", context.clone(), b"list"),
        ] {
            let error = Position::open(token, &context, subject).unwrap_err();
            assert_eq!(error.code(), "bad_cursor");
        }
    }

    #[test]
    fn any_cursor_is_refused_or_ours() {
        let context = CursorContext::new([7; 32], "tenant");
        let token = position().seal(&context, b"list");
        let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..3);
        let inputs = (changes, proptest::collection::vec(prop_oneof![0..6_u8, any::<u8>()], 0..40));
        explore("any_cursor_is_refused", &inputs, |(changes, payload)| {
            let mut bytes = token.clone().into_bytes();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let text = String::from_utf8_lossy(&bytes);
            match Position::open(&text, &context, b"list") {
                Ok(opened) => assert!(text == token && opened == position()),
                Err(error) => assert_eq!(error.code(), "bad_cursor"),
            }
            // What a signature of ours stands under may still be of another version.
            if let Some(read) = read(&payload) {
                assert!(read.values.is_none_or(|values| values.len() < payload.len()));
            }
        });
    }

    #[test]
    fn long_values_are_left_out_and_counted_instead() {
        let context = CursorContext::new([7; 32], "tenant");
        let long = Position { seen: 9, alike: 1, values: Some(vec![Value::from("x".repeat(5_000))]) };
        let token = long.seal(&context, b"list");
        assert!(token.len() < 100);
        assert_eq!(Position::open(&token, &context, b"list").unwrap().values, None);
    }
}
