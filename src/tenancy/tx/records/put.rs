//! PUT: a record that is changed where it exists and created where it does not.

use super::decode::{Fields, Patch, complete, done, fields};
use super::explain::explain_deferred;
use super::insert::Insertion;
use super::json::Raw;
use super::key::RecordKey;
use super::write::update_unsettled;
use crate::clock::Timestamp;
use crate::db::AppTx;
use crate::error::{Error, FieldError, Result};
use crate::tenancy::{TableAccess, Wants};

/// A record that is created or changed, whichever is called for, checked against its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// For a record that exists.
    pub(super) patch: Patch,
    /// For one that does not; `None` where the key cannot be chosen.
    pub(super) new: Option<Fields>,
    /// What is wrong with creating it.
    pub(super) faults: Vec<FieldError>,
}

impl Put {
    /// Reads an object for the record with this key. What only matters for a new record is not yet an error.
    ///
    /// # Errors
    /// 400 for what is no such body, 405 for a view, 422 with every field at fault.
    pub fn parse(table: &TableAccess, key: &RecordKey, body: &[u8], now: Timestamp) -> Result<Put> {
        table.require(Wants::Write)?;
        let mut faults = Vec::new();
        let put = Put::of(table, key, Raw::read(body)?, now, 0, &mut faults);
        done(put, faults)
    }

    /// The same within a larger body, of which it is the element `index`.
    pub(super) fn of(
        table: &TableAccess,
        key: &RecordKey,
        raw: Raw<'_>,
        now: Timestamp,
        index: usize,
        found: &mut Vec<FieldError>,
    ) -> Put {
        let all = fields(table, raw, true, found);
        let (mut new, mut faults) = (all.clone(), Vec::new());
        for (index, value) in table.key.iter().zip(key.values()) {
            if all.get(*index).is_some_and(|given| given != value) {
                let message = "is named otherwise in the address";
                faults.push(FieldError::new(&table.columns[*index].name, "read_only", message));
            }
            new.set(*index, value.clone());
        }
        complete(table, &mut new, now, index, &mut faults);
        let cannot_be_chosen = |index: &usize| {
            let column = &table.columns[*index];
            // The rowid of a table without a key is no column to write to, and chosen all the same.
            column.read_only && table.rowid != Some(column.name.as_str())
        };
        let chosen = !table.key.iter().any(cannot_be_chosen);
        Put { patch: Patch::of(table, all), new: chosen.then_some(new), faults }
    }
}

/// A record that was put.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The whole record.
    pub body: Vec<u8>,
    /// Whether it is new.
    pub created: bool,
    /// Its key as it is stored.
    pub key: RecordKey,
}

/// Changes the given fields of the record with this key, or creates it.
///
/// # Errors
/// As `insert_records` and `update_record`; 404 for a new record whose key cannot be chosen.
pub fn put_record(tx: AppTx<'_>, table: &TableAccess, key: &RecordKey, put: &Put) -> Result<Stored> {
    let stored = put_unsettled(tx, table, key, put)?;
    if tx.has_deferred_violations() {
        return Err(explain_deferred(tx, [(table, key, None)]));
    }
    Ok(stored)
}

/// The same without looking at deferred foreign keys.
///
/// # Errors
/// As [`put_record`].
pub(super) fn put_unsettled(
    tx: AppTx<'_>,
    table: &TableAccess,
    key: &RecordKey,
    put: &Put,
) -> Result<Stored> {
    if let Some(body) = update_unsettled(tx, table, key, &put.patch)? {
        return Ok(Stored { body, created: false, key: key.clone() });
    }
    let new = put.new.as_ref().ok_or_else(Error::not_found)?;
    if !put.faults.is_empty() {
        return Err(Error::invalid(put.faults.clone()));
    }
    let mut body = Vec::with_capacity(256);
    let stored = Insertion::new(tx, table, &new.columns).run(tx, new, &mut body)?;
    Ok(Stored { body, created: true, key: stored.unwrap_or_else(|| key.clone()) })
}
