//! Rows that belong to an identity: whose they become, and who may change them.

use super::key::RecordKey;
use crate::db::{AppTx, Value};
use crate::error::{Error, FieldError, Kind, Result};
use crate::tenancy::TableAccess;
use std::ops::ControlFlow;

/// What is wrong with giving a column this value, where it says to whom the row belongs.
pub(super) fn owner_fault(access: &TableAccess, column: usize, value: &Value) -> Option<FieldError> {
    let is_fine =
        access.owner != Some(column) || !access.only_own_rows() || Some(value) == access.me().as_ref();
    (!is_fine).then(|| {
        let message = "can only be your own id; leave it out";
        FieldError::new(&access.columns[column].name, "not_you", message)
    })
}

/// To whom a new row belongs that does not say it itself.
pub(super) fn owner_of_new(access: &TableAccess, column: usize) -> Option<Value> {
    if access.owner == Some(column) { access.me() } else { None }
}

/// Whether the record with this key may be changed: false if there is none. It is asked in the transaction that
/// changes it.
///
/// # Errors
/// 403 `not_your_record` for another's; 404 where the caller may not know of it.
pub(super) fn may_change(tx: AppTx<'_>, access: &TableAccess, key: &RecordKey) -> Result<bool> {
    let Some(owner) = access.owner.filter(|_| access.only_own_rows()) else { return Ok(true) };
    let (column, me) = (&access.columns[owner].quoted, access.me());
    let sql = format!("SELECT {column} FROM {} WHERE {}", access.quoted, access.key_match);
    let (mut exists, mut is_mine) = (false, true);
    tx.each(&sql, key.values(), |row| {
        exists = true;
        is_mine &= me.is_some() && Some(row.get::<Value>(0)?) == me;
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

/// What goes between INSERT or UPDATE and the table: a constraint that replaces would take away another's row. Not
/// for every table, as it holds for what triggers write too.
pub(super) fn on_conflict(access: &TableAccess) -> &'static str {
    if access.replaces && access.only_own_rows() { "OR ABORT " } else { "" }
}
