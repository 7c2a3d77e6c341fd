//! Lines of JSON in an export that comes from anywhere: each is read into what it has to be, and no more is kept of it.

use crate::error::{Error, Result};
use crate::tenancy::import_refused;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::fmt::Formatter;
use std::io::{BufRead as _, BufReader, ErrorKind, Read};

/// An error while an entry is read: a file that does not hold what it says, or a disk of ours that refuses.
pub(super) fn read_fault(name: &str, error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof | ErrorKind::Other => {
            import_refused(format!("{name} cannot be unpacked: {error}"))
        }
        _ => error.into(),
    }
}

/// Hands each line to `act`, none longer than `longest` bytes.
///
/// # Errors
/// 422 `import_refused`; what `act` returns.
pub(super) fn each_line<T: DeserializeOwned>(
    from: impl Read,
    name: &str,
    longest: u64,
    act: &mut dyn FnMut(T) -> Result<()>,
) -> Result<()> {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = from.by_ref().take(longest).read_until(b'\n', &mut line);
        if read.map_err(|error| read_fault(name, error))? == 0 {
            return Ok(());
        }
        if !line.trim_ascii().is_empty() {
            let object = serde_json::from_slice(&line).map_err(|error| {
                import_refused(format!("a line of {name} is not as exports have it: {error}"))
            })?;
            act(object)?;
        }
    }
}

/// A line of files.ndjson.
#[derive(Deserialize)]
pub(super) struct NamedFile {
    pub(super) path: String,
    pub(super) sha256: String,
}

/// A row of a search index: an object of plain values. One within it would take many times its own bytes.
pub(super) struct FlatRow(pub(super) Map<String, Value>);

impl<'de> Deserialize<'de> for FlatRow {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<FlatRow, D::Error> {
        struct Row;
        impl<'de> Visitor<'de> for Row {
            type Value = FlatRow;

            fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
                out.write_str("an object of plain values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<FlatRow, A::Error> {
                let mut row = Map::new();
                while let Some((name, Plain(value))) = fields.next_entry::<String, Plain>()? {
                    row.insert(name, value);
                }
                Ok(FlatRow(row))
            }
        }
        from.deserialize_map(Row)
    }
}

/// A value that is neither an object nor an array.
struct Plain(Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Plain, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Plain;

            fn expecting(&self, out: &mut Formatter<'_>) -> std::fmt::Result {
                out.write_str("a text, a number, a boolean or null")
            }

            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
                Ok(Plain(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Plain, E> {
                Ok(Plain(value.into()))
            }
        }
        from.deserialize_any(One)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_a_search_index_is_flat() {
        let row: FlatRow =
            serde_json::from_str(r#"{"a":"x","b":1,"c":-2,"d":1.5,"e":null,"f":true}"#).unwrap();
        assert_eq!(Value::Object(row.0), serde_json::json!({"a":"x","b":1,"c":-2,"d":1.5,"e":null,"f":true}));
        for nested in [r#"{"a":[0,0]}"#, r#"{"a":{"b":1}}"#, "[1]", "1"] {
            assert!(serde_json::from_str::<FlatRow>(nested).is_err(), "{nested}");
        }
    }
}
