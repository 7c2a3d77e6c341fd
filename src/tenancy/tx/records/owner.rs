//! Rows that belong to an identity: whose they become, and who may change them.

use super::key::RecordKey;
use crate::db::{AppTx, Value};
use crate::error::{Error, FieldError, Kind, Result};
use crate::tenancy::TableAccess;
use std::ops::ControlFlow;

/// What is wrong with giving a column this value, where it says to whom the row belongs.
pub(super) fn owner_fault(access: &TableAccess, column: usize, value: &Value) -> Option<FieldError> {
    let ownership = access.ownership().filter(|rule| rule.only_mine && rule.column == column)?;
    (Some(value) != ownership.me.as_ref()).then(|| {
        let message = "can only be your own id; leave it out";
        FieldError::new(&access.columns[column].name, "not_you", message)
    })
}

/// To whom a new row belongs that does not say it itself.
pub(super) fn owner_of_new(access: &TableAccess, column: usize) -> Option<&Value> {
    access.ownership().filter(|rule| rule.column == column)?.me.as_ref()
}

/// Whether the record with this key may be changed: false if there is none. It is asked in the transaction that
/// changes it.
///
/// # Errors
/// 403 `not_your_record` for another's; 404 where the caller may not know of it.
pub(super) fn may_change(tx: AppTx<'_>, access: &TableAccess, key: &RecordKey) -> Result<bool> {
    let Some(ownership) = access.ownership().filter(|rule| rule.only_mine) else { return Ok(true) };
    let column = &access.columns[ownership.column].quoted;
    let sql = format!("SELECT {column} FROM {} WHERE {}", access.quoted, access.key_match);
    let (mut exists, mut is_mine) = (false, true);
    tx.each(&sql, key.values(), |row| {
        exists = true;
        is_mine &= ownership.me.is_some() && Some(row.get::<Value>(0)?) == ownership.me;
        Ok(ControlFlow::Continue(()))
    })?;
    match (exists && !is_mine, access.rights().read) {
        (false, _) => Ok(exists),
        (true, false) => Err(Error::not_found()),
        (true, true) => Err(Error::new(
            Kind::Forbidden,
            "not_your_record",
            "This record belongs to somebody else. Its owner may change it, or an owner or admin of the tenant.",
        )),
    }
}

/// What goes between INSERT or UPDATE and the table. A constraint may be declared ON CONFLICT REPLACE, and would then
/// take away another's row.
pub(super) fn on_conflict(access: &TableAccess) -> &'static str {
    if access.ownership().is_some_and(|rule| rule.only_mine) { "OR ABORT " } else { "" }
}
