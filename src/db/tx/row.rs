//! One row of what a statement finds.

use crate::db::constraint::DbError;
use crate::db::value::{FromValue, ValueRef, wrong_type};

/// One row of a query.
pub struct Row<'r>(pub(super) &'r rusqlite::Row<'r>);

impl<'r> Row<'r> {
    pub(in crate::db) fn new(row: &'r rusqlite::Row<'r>) -> Row<'r> {
        Row(row)
    }
}

impl Row<'_> {
    /// How many columns it has.
    pub fn columns(&self) -> usize {
        self.0.as_ref().column_count()
    }

    /// The value in `column` (from 0), read as `T`.
    ///
    /// # Errors
    /// [`DbError::Other`] if there is no such column or it holds another type.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T, DbError> {
        T::from_value(self.value(column)?).ok_or_else(|| wrong_type(column))
    }

    /// The value in `column` (from 0), borrowed.
    ///
    /// # Errors
    /// [`DbError::Other`] if there is no such column.
    pub fn value(&self, column: usize) -> Result<ValueRef<'_>, DbError> {
        use rusqlite::types::ValueRef as Raw;
        Ok(match self.0.get_ref(column)? {
            Raw::Null => ValueRef::Null,
            Raw::Integer(i) => ValueRef::Integer(i),
            Raw::Real(r) => ValueRef::Real(r),
            Raw::Text(t) => ValueRef::Text(t),
            Raw::Blob(b) => ValueRef::Blob(b),
        })
    }
}
