//! Values as they cross the seam: owned as parameters, borrowed in rows.

use super::DbError;
use crate::clock::Timestamp;

/// A parameter or a stored value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// UTF-8 text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// A stored value, borrowed from the row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'r> {
    /// SQL NULL.
    Null,
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Real(f64),
    /// Text; SQLite does not promise that it is UTF-8.
    Text(&'r [u8]),
    /// Bytes.
    Blob(&'r [u8]),
}

impl<'r> ValueRef<'r> {
    fn as_sql(self) -> rusqlite::types::ToSqlOutput<'r> {
        use rusqlite::types::{ToSqlOutput, ValueRef as Raw};
        ToSqlOutput::Borrowed(match self {
            ValueRef::Null => Raw::Null,
            ValueRef::Integer(i) => Raw::Integer(i),
            ValueRef::Real(r) => Raw::Real(r),
            ValueRef::Text(t) => Raw::Text(t),
            ValueRef::Blob(b) => Raw::Blob(b),
        })
    }

    /// The owned value; text that is not UTF-8 is repaired with U+FFFD.
    pub fn to_owned(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(i) => Value::Integer(i),
            ValueRef::Real(r) => Value::Real(r),
            ValueRef::Text(t) => Value::Text(String::from_utf8_lossy(t).into_owned()),
            ValueRef::Blob(b) => Value::Blob(b.to_vec()),
        }
    }
}

impl Value {
    /// The same, borrowed as a row lends it.
    pub fn borrowed(&self) -> ValueRef<'_> {
        match self {
            Value::Null => ValueRef::Null,
            Value::Integer(i) => ValueRef::Integer(*i),
            Value::Real(r) => ValueRef::Real(*r),
            Value::Text(t) => ValueRef::Text(t.as_bytes()),
            Value::Blob(b) => ValueRef::Blob(b),
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.borrowed().as_sql())
    }
}

impl rusqlite::ToSql for ValueRef<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(self.as_sql())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}
impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Integer(i64::from(value))
    }
}
impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Integer(i64::from(value))
    }
}
impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Real(value)
    }
}
impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}
impl From<&String> for Value {
    fn from(value: &String) -> Value {
        Value::Text(value.clone())
    }
}
impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}
impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Blob(value)
    }
}
impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::Blob(value.to_vec())
    }
}
impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Value {
        Value::Integer(value.0)
    }
}
impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

macro_rules! ids_are_text {
    ($($id:ident),*) => {$(
        impl From<crate::id::$id> for Value {
            fn from(id: crate::id::$id) -> Value {
                Value::Text(id.to_string())
            }
        }
        impl FromValue for crate::id::$id {
            fn from_value(value: ValueRef<'_>) -> Option<Self> {
                match value {
                    ValueRef::Text(text) => crate::id::$id::parse(std::str::from_utf8(text).ok()?),
                    _ => None,
                }
            }
        }
    )*};
}
ids_are_text!(
    TenantId,
    IdentityId,
    SessionId,
    ApiKeyId,
    InvitationId,
    ExportId,
    ImportId,
    ContentId,
    InvoiceId,
    CreditNoteId,
    JobId,
    ScheduleId,
    WebhookEndpointId,
    DeliveryId,
    EventId,
    MigrationRunId,
    BackupId,
    BackupRunId
);

/// A Rust type that a stored value can be read as.
pub trait FromValue: Sized {
    /// The value, or `None` if it is of another type.
    fn from_value(value: ValueRef<'_>) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: ValueRef<'_>) -> Option<i64> {
        match value {
            ValueRef::Integer(i) => Some(i),
            _ => None,
        }
    }
}
impl FromValue for bool {
    fn from_value(value: ValueRef<'_>) -> Option<bool> {
        i64::from_value(value).map(|i| i != 0)
    }
}
impl FromValue for String {
    fn from_value(value: ValueRef<'_>) -> Option<String> {
        match value {
            ValueRef::Text(t) => Some(String::from_utf8_lossy(t).into_owned()),
            _ => None,
        }
    }
}
impl FromValue for Vec<u8> {
    fn from_value(value: ValueRef<'_>) -> Option<Vec<u8>> {
        match value {
            ValueRef::Blob(b) => Some(b.to_vec()),
            _ => None,
        }
    }
}
impl FromValue for Timestamp {
    fn from_value(value: ValueRef<'_>) -> Option<Timestamp> {
        i64::from_value(value).map(Timestamp)
    }
}
impl FromValue for Value {
    fn from_value(value: ValueRef<'_>) -> Option<Value> {
        Some(value.to_owned())
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: ValueRef<'_>) -> Option<Option<T>> {
        match value {
            ValueRef::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// Makes a parameter list out of anything that turns into [`Value`].
#[macro_export]
#[doc(hidden)]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::db::Value::from($value)),*] };
}

/// The failure to read a column as the type that was asked for.
pub(super) fn wrong_type(column: usize) -> DbError {
    DbError::Other(rusqlite::Error::InvalidColumnType(
        column,
        "column".to_owned(),
        rusqlite::types::Type::Null,
    ))
}
