//! The body of a batch, read against the tables that it names.

use super::super::NewRecords;
use super::super::decode::{Patch, done, fields, new_record};
use super::super::json::{Raw, Shape};
use super::super::key::RecordKey;
use super::super::put::Put;
use super::super::query::shown;
use super::{Act, Batch, BatchTables, Operation, Unwritable};
use crate::clock::Timestamp;
use crate::error::{Error, FieldError, Result};
use crate::model::Preconditions;
use crate::tenancy::TableAccess;
use std::collections::HashSet;

/// Operations in one batch.
const MOST_OPERATIONS: usize = 1_000;

/// An operation as the body has it.
#[derive(Default)]
struct Draft<'b> {
    op: Option<Raw<'b>>,
    table: Option<Raw<'b>>,
    id: Option<Raw<'b>>,
    record: Option<Raw<'b>>,
    if_match: Option<Raw<'b>>,
}

impl Batch {
    /// The names of the tables that a body asks for, each with the index of the first operation on it.
    ///
    /// # Errors
    /// 400 for what is no such body, 422 for one without `operations`.
    pub fn tables(body: &[u8]) -> Result<Vec<(usize, String)>> {
        let (mut names, mut known) = (Vec::new(), HashSet::new());
        for (index, raw) in operations(body)?.into_iter().enumerate() {
            let is_object = raw.shape() == Shape::Object;
            let fields = if is_object { raw.fields() } else { Vec::new() };
            let named = fields.into_iter().find(|(name, _)| name == "table");
            if let Some(Shape::Text(name)) = named.map(|(_, raw)| raw.shape())
                && known.insert(name.clone())
            {
                names.push((index, name.into_owned()));
            }
        }
        Ok(names)
    }

    /// Reads `{"operations":[..]}`; `tables` holds all that [`Batch::tables`] names.
    ///
    /// # Errors
    /// 400 for what is no such body; 422 with every field at fault, named `operations[3].record.name`.
    pub fn parse(body: &[u8], tables: &BatchTables, now: Timestamp) -> Result<Batch> {
        let mut faults = Vec::new();
        let mut all = Vec::new();
        for (index, raw) in operations(body)?.into_iter().enumerate() {
            let mut own = Vec::new();
            all.extend(operation(raw, tables, now, index, &mut own));
            faults.extend(own.into_iter().map(|mut fault| {
                let dot = if fault.field.is_empty() { "" } else { "." };
                fault.field = format!("operations[{index}]{dot}{}", fault.field);
                fault
            }));
        }
        done(Batch { operations: all }, faults)
    }
}

/// The elements of `operations`.
fn operations(body: &[u8]) -> Result<Vec<Raw<'_>>> {
    let raw = Raw::read(body)?;
    if raw.shape() != Shape::Object {
        return Err(Error::malformed(
            "object_expected",
            "The body must be an object: {\"operations\":[..]}.",
        ));
    }
    let (mut faults, mut list) = (Vec::new(), None);
    for (name, value) in raw.fields() {
        if name != "operations" {
            faults.push(FieldError::new(shown(&name), "unknown_field", "is not a field of this body"));
        } else if list.replace(value).is_some() {
            faults.push(FieldError::new("operations", "repeated_field", "is given twice"));
        }
    }
    match list.map(|list| (list, list.shape())) {
        Some((list, Shape::Array)) if faults.is_empty() => {
            let elements = list.elements();
            if elements.len() > MOST_OPERATIONS {
                return Err(Error::malformed(
                    "too_many_operations",
                    "A batch takes at most 1000 operations.",
                ));
            }
            return Ok(elements);
        }
        Some((_, Shape::Array)) => {}
        Some(_) => faults.push(FieldError::new("operations", "type", "must be an array")),
        None => faults.push(FieldError::new("operations", "required", "is required")),
    }
    done(Vec::new(), faults)
}

/// One element; `None` where `faults` say why. Faults are named from the element on.
fn operation(
    raw: Raw<'_>,
    tables: &BatchTables,
    now: Timestamp,
    index: usize,
    faults: &mut Vec<FieldError>,
) -> Option<Operation> {
    let draft = draft(raw, faults)?;
    let op = draft.op.and_then(|raw| if let Shape::Text(text) = raw.shape() { Some(text) } else { None });
    let op = op.as_deref().filter(|op| ["create", "update", "upsert", "delete"].contains(op));
    let Some(op) = op else {
        if draft.op.is_some() {
            let message = "must be create, update, upsert or delete";
            faults.push(FieldError::new("op", "unknown_operation", message));
        }
        return None;
    };
    let (takes_key, takes_record) = (op != "create", op != "delete");
    for (name, value, is_taken) in [("id", draft.id, takes_key), ("record", draft.record, takes_record)] {
        if value.is_none() && is_taken {
            faults.push(FieldError::new(name, "required", "is required"));
        } else if value.is_some() && !is_taken {
            let message = if takes_key {
                "is not taken by delete"
            } else {
                "is not taken by create; a key that you choose is part of the record"
            };
            faults.push(FieldError::new(name, "unknown_field", message));
        }
    }
    if draft.if_match.is_some() && !takes_key {
        faults.push(FieldError::new("if_match", "unknown_field", "is not taken by create"));
    }
    let conditions = conditions(draft.if_match, faults);
    let table = table(draft.table?, tables, faults)?;
    let key = draft.id.filter(|_| takes_key).and_then(|raw| {
        let key = RecordKey::of_json(&table, raw);
        key.map_err(|message| faults.push(FieldError::new("id", "type", message))).ok()
    });
    let mut of_record = Vec::new();
    let act = match (op, key, draft.record) {
        ("create", _, Some(raw)) => {
            let record = new_record(&table, raw, now, index, &mut of_record);
            Some(Act::Create(NewRecords { records: vec![record], many: false }))
        }
        ("update", key, Some(raw)) => {
            let all = fields(&table, raw, true, &mut of_record);
            key.map(|key| Act::Update(key, Patch::of(&table, all)))
        }
        ("upsert", Some(key), Some(raw)) => {
            let put = Put::of(&table, &key, raw, now, index, &mut of_record);
            Some(Act::Upsert(key, put))
        }
        ("delete", Some(key), _) => Some(Act::Delete(key)),
        _ => None,
    };
    faults.extend(of_record.into_iter().map(|mut fault| {
        let dot = if fault.field.is_empty() { "" } else { "." };
        fault.field = format!("record{dot}{}", fault.field);
        fault
    }));
    act.map(|act| Operation { table, act, conditions })
}

fn draft<'b>(raw: Raw<'b>, faults: &mut Vec<FieldError>) -> Option<Draft<'b>> {
    if raw.shape() != Shape::Object {
        faults.push(FieldError::new("", "type", "must be an object"));
        return None;
    }
    let mut draft = Draft::default();
    for (name, value) in raw.fields() {
        let slot = match &*name {
            "op" => &mut draft.op,
            "table" => &mut draft.table,
            "id" => &mut draft.id,
            "record" => &mut draft.record,
            "if_match" => &mut draft.if_match,
            _ => {
                faults.push(FieldError::new(shown(&name), "unknown_field", "is not a field of an operation"));
                continue;
            }
        };
        if slot.replace(value).is_some() {
            faults.push(FieldError::new(&*name, "repeated_field", "is given twice"));
        }
    }
    for (name, given) in [("op", draft.op.is_some()), ("table", draft.table.is_some())] {
        if !given {
            faults.push(FieldError::new(name, "required", "is required"));
        }
    }
    Some(draft)
}

fn conditions(raw: Option<Raw<'_>>, faults: &mut Vec<FieldError>) -> Preconditions {
    let Some(raw) = raw else { return Preconditions::default() };
    let read = match raw.shape() {
        Shape::Text(text) => Preconditions::parse(Some(&text), None).ok(),
        _ => None,
    };
    read.unwrap_or_else(|| {
        faults.push(FieldError::new(
            "if_match",
            "type",
            "must be *, or ETags with their quotes, between commas",
        ));
        Preconditions::default()
    })
}

fn table(raw: Raw<'_>, tables: &BatchTables, faults: &mut Vec<FieldError>) -> Option<TableAccess> {
    let (code, message) = match raw.shape() {
        Shape::Text(name) => match tables.get(&*name) {
            Some(Ok(table)) => return Some(table.clone()),
            Some(Err(Unwritable::ReadOnly)) => ("read_only_table", "is made of other tables; write to those"),
            Some(Err(Unwritable::Unknown)) | None => {
                ("unknown_table", "is not among those that GET /tables lists")
            }
        },
        _ => ("type", "must be text"),
    };
    faults.push(FieldError::new("table", code, message));
    None
}
