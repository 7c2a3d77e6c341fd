//! Several writes to any tables in one transaction, all or none.

mod body;

use super::NewRecords;
use super::decode::Patch;
use super::encode::encode_text;
use super::insert::insert_unsettled;
use super::key::RecordKey;
use super::put::{Put, put_unsettled};
use super::select::find_record;
use super::write::{delete_unsettled, settle, update_unsettled};
use crate::db::AppTx;
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::table::Table;
use crate::model::{Preconditions, Tagger};
use crate::tenancy::TableAccess;
use std::collections::HashMap;

/// Bytes of one answer: a thousand short operations could ask for as many long records.
const MOST_ANSWERED: usize = 32 << 20;

/// The tables of a batch by name; those that cannot be written to with the reason.
pub type BatchTables = HashMap<String, Result<TableAccess, Unwritable>>;

/// Why a table cannot be written to by anyone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritable {
    /// There is none of this name.
    Unknown,
    /// It is a view or a search index.
    ReadOnly,
}

/// Operations in their order, checked against their tables.
#[derive(Clone)]
pub struct Batch {
    operations: Vec<Operation>,
}

#[derive(Clone)]
struct Operation {
    table: TableAccess,
    act: Act,
    conditions: Preconditions,
}

#[derive(Clone, Debug)]
enum Act {
    Create(NewRecords),
    Update(RecordKey, Patch),
    Upsert(RecordKey, Put),
    Delete(RecordKey),
}

/// What an operation did.
struct Done {
    op: &'static str,
    key: Option<RecordKey>,
    /// The whole record; none after a delete.
    record: Option<Vec<u8>>,
}

impl Batch {
    /// The table of each operation.
    pub fn tables_written(&self) -> impl Iterator<Item = &Table> {
        self.operations.iter().map(|operation| &**operation.table.table())
    }

    /// Runs all of them and answers `{"items":[..]}` in their order.
    ///
    /// # Errors
    /// That of the first operation which fails, with its index in the fields' names; deferred foreign keys are looked
    /// at in the end.
    pub fn run(&self, tx: AppTx<'_>, tagger: &Tagger) -> Result<Vec<u8>> {
        let mut body = b"{\"items\":[".to_vec();
        let mut written: Vec<(usize, &TableAccess, RecordKey)> = Vec::with_capacity(self.operations.len());
        for (index, operation) in self.operations.iter().enumerate() {
            let table = &operation.table;
            let done = operation.run(tx, tagger).map_err(|error| at_operation(error, index, operation))?;
            if index > 0 {
                body.push(b',');
            }
            done.encode(table, tagger, &mut body);
            if body.len() > MOST_ANSWERED {
                return Err(Error::new(
                    Kind::TooLarge,
                    "answer_too_large",
                    "The records of this batch are together more than 32 MiB; nothing was written. Send fewer at once.",
                ));
            }
            written.extend(done.key.map(|key| (index, table, key)));
        }
        body.extend_from_slice(b"]}");
        let places: Vec<_> = written.iter().map(|(index, table, key)| (*index, *table, key)).collect();
        settle(tx, &places).map_err(|error| {
            rename(error, |field| {
                // `[3].name` is a field of that operation's record; others name tables that refer to what is gone.
                if field.starts_with('[') {
                    format!("operations{}", field.replacen("].", "].record.", 1))
                } else {
                    field.to_owned()
                }
            })
        })?;
        Ok(body)
    }
}

impl Operation {
    fn run(&self, tx: AppTx<'_>, tagger: &Tagger) -> Result<Done> {
        let table = &self.table;
        if let (false, Some(key)) = (self.conditions.is_empty(), self.act.key()) {
            let current = find_record(tx, table, key, None)?;
            let tag = current.map(|record| tagger.tag(&table.name, &record));
            if tag.is_some() || matches!(self.act, Act::Upsert(..)) {
                self.conditions.admit_write(tag.as_ref())?;
            }
        }
        Ok(match &self.act {
            Act::Create(new) => {
                let inserted = insert_unsettled(tx, table, new)?;
                Done { op: "create", key: inserted.keys.into_iter().next(), record: Some(inserted.body) }
            }
            Act::Update(key, patch) => {
                let record = update_unsettled(tx, table, key, patch)?.ok_or_else(Error::not_found)?;
                Done { op: "update", key: Some(key.clone()), record: Some(record) }
            }
            Act::Upsert(key, put) => {
                let stored = put_unsettled(tx, table, key, put)?;
                let op = if stored.created { "create" } else { "update" };
                Done { op, key: Some(stored.key), record: Some(stored.body) }
            }
            Act::Delete(key) => {
                if !delete_unsettled(tx, table, key)? {
                    return Err(Error::not_found());
                }
                Done { op: "delete", key: Some(key.clone()), record: None }
            }
        })
    }
}

impl Act {
    fn key(&self) -> Option<&RecordKey> {
        match self {
            Act::Create(_) => None,
            Act::Update(key, _) | Act::Upsert(key, _) | Act::Delete(key) => Some(key),
        }
    }
}

impl Done {
    fn encode(&self, table: &Table, tagger: &Tagger, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"op\":");
        encode_text(self.op, out);
        out.extend_from_slice(b",\"table\":");
        encode_text(&table.name, out);
        out.extend_from_slice(b",\"id\":");
        match &self.key {
            Some(key) => key.encode(table, out),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b",\"etag\":");
        match &self.record {
            Some(record) => {
                encode_text(tagger.tag(&table.name, record).as_str(), out);
                out.extend_from_slice(b",\"record\":");
                out.extend_from_slice(record);
            }
            None => out.extend_from_slice(b"null,\"record\":null"),
        }
        out.push(b'}');
    }
}

/// The error of one operation, with its place in the fields' names.
fn at_operation(error: Error, index: usize, operation: &Operation) -> Error {
    let is_delete = matches!(operation.act, Act::Delete(_));
    let place = match error.kind() {
        Kind::NotFound => "id",
        Kind::Stale => "if_match",
        Kind::Invalid | Kind::Conflict | Kind::Forbidden if is_delete => "id",
        Kind::Invalid | Kind::Conflict | Kind::Forbidden => "record",
        _ => return error,
    };
    let here = format!("operations[{index}].{place}");
    if error.fields().is_empty() {
        let mut field = FieldError::new(here, "", error.detail());
        field.code = error.code().to_owned().into();
        return error.with_fields(vec![field]);
    }
    rename(error, |field| {
        let is_column = place == "record" && operation.table.column(field).is_some();
        if is_column { format!("{here}.{field}") } else { here.clone() }
    })
}

fn rename(error: Error, name: impl Fn(&str) -> String) -> Error {
    let mut fields = error.fields().to_vec();
    for field in &mut fields {
        field.field = name(&field.field);
    }
    error.with_fields(fields)
}
