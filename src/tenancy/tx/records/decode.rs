//! JSON bodies as values for columns, with every field at fault named at once.

use super::json::{Raw, Shape};
use super::owner::{owner_fault, owner_of_new};
use super::query::shown;
use super::value::{refuses_null, value};
use crate::clock::Timestamp;
use crate::db::Value;
use crate::error::{Error, FieldError, Result};
use crate::id::uuid_v7;
use crate::model::column::AutoId;
use crate::model::table::Table;
use crate::tenancy::{TableAccess, Wants};

/// Records in one array.
const MOST_RECORDS: usize = 1_000;
/// Faults that one answer lists.
const MOST_FAULTS: usize = 100;

/// Values for some columns of one record, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fields {
    pub(super) columns: Vec<usize>,
    pub(super) values: Vec<Value>,
}

impl Fields {
    /// Gives `column` this value, in its place in the order of the table.
    pub(super) fn set(&mut self, column: usize, value: Value) {
        match self.columns.binary_search(&column) {
            Ok(place) => self.values[place] = value,
            Err(place) => {
                self.columns.insert(place, column);
                self.values.insert(place, value);
            }
        }
    }

    pub(super) fn get(&self, column: usize) -> Option<&Value> {
        self.columns.binary_search(&column).ok().map(|place| &self.values[place])
    }
}

/// New records, checked against their table.
#[derive(Clone, Debug, PartialEq)]
pub struct NewRecords {
    pub(super) records: Vec<Fields>,
    /// Whether the body was an array, and the answer is one.
    pub(super) many: bool,
}

/// A change of one record, checked against its table.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    pub(super) fields: Fields,
    /// Key columns that the body repeats; they must be what they are.
    pub(super) key: Fields,
}

impl NewRecords {
    /// Reads an object, or an array of up to 1,000.
    ///
    /// # Errors
    /// 400 for what is no such body, 405 for a view, 422 with every field at fault.
    pub fn parse(table: &TableAccess, body: &[u8], now: Timestamp) -> Result<NewRecords> {
        table.require(Wants::Write)?;
        let raw = Raw::read(body)?;
        if raw.shape() != Shape::Array {
            let mut faults = Vec::new();
            let fields = new_record(table, raw, now, 0, &mut faults);
            return done(NewRecords { records: vec![fields], many: false }, faults);
        }
        let elements = raw.elements();
        if elements.len() > MOST_RECORDS {
            return Err(Error::malformed("too_many_records", "An array takes at most 1000 records."));
        }
        let mut faults = Vec::new();
        let mut records = Vec::with_capacity(elements.len());
        for (index, element) in elements.into_iter().enumerate() {
            let mut own = Vec::new();
            records.push(new_record(table, element, now, index, &mut own));
            faults.extend(own.into_iter().map(|mut fault| {
                let dot = if fault.field.is_empty() { "" } else { "." };
                fault.field = format!("[{index}]{dot}{}", fault.field);
                fault
            }));
        }
        done(NewRecords { records, many: true }, faults)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the body was an array.
    pub fn is_array(&self) -> bool {
        self.many
    }

    /// Whether the array was empty.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }
}

impl Patch {
    /// Reads an object with the fields that change.
    ///
    /// # Errors
    /// 400 for what is no such body, 405 for a view, 422 with every field at fault.
    pub fn parse(table: &TableAccess, body: &[u8]) -> Result<Patch> {
        table.require(Wants::Write)?;
        let mut faults = Vec::new();
        let all = fields(table, Raw::read(body)?, true, &mut faults);
        done(Patch::of(table, all), faults)
    }

    pub(super) fn of(table: &Table, all: Fields) -> Patch {
        let mut patch = Patch { fields: Fields::default(), key: Fields::default() };
        for (column, value) in all.columns.into_iter().zip(all.values) {
            let part = if table.key.contains(&column) { &mut patch.key } else { &mut patch.fields };
            part.set(column, value);
        }
        patch
    }
}

pub(super) fn done<T>(value: T, mut faults: Vec<FieldError>) -> Result<T> {
    faults.truncate(MOST_FAULTS);
    if faults.is_empty() { Ok(value) } else { Err(Error::invalid(faults)) }
}

pub(super) fn new_record(
    table: &TableAccess,
    raw: Raw<'_>,
    now: Timestamp,
    index: usize,
    faults: &mut Vec<FieldError>,
) -> Fields {
    let mut found = fields(table, raw, false, faults);
    if raw.shape() == Shape::Object {
        complete(table, &mut found, now, index, faults);
    }
    found
}

/// Makes up the ids that are not given, enters the caller as the owner, and names what else is missing.
pub(super) fn complete(
    table: &TableAccess,
    found: &mut Fields,
    now: Timestamp,
    index: usize,
    faults: &mut Vec<FieldError>,
) {
    for (at, column) in table.columns.iter().enumerate() {
        let place = match found.columns.binary_search(&at) {
            // NULL for a key that is made up means "make it up".
            Ok(place)
                if found.values[place] == Value::Null && (column.is_rowid || column.auto_id.is_some()) =>
            {
                found.columns.remove(place);
                found.values.remove(place);
                place
            }
            Ok(_) => continue,
            Err(place) => place,
        };
        if let Some(owner) = owner_of_new(table, at) {
            found.columns.insert(place, at);
            found.values.insert(place, owner);
        } else if let Some(kind) = column.auto_id {
            found.columns.insert(place, at);
            found.values.insert(place, new_id(kind, now, index));
        } else if column.required && faults.iter().all(|fault| fault.field != column.name) {
            faults.push(FieldError::new(&column.name, "required", "must be given"));
        }
    }
}

/// A UUIDv7 whose 12 bits after the time count the records of one body, so that they stay in its order
/// (RFC 9562, section 6.2, method 1).
fn new_id(kind: AutoId, now: Timestamp, index: usize) -> Value {
    let mut bytes = uuid_v7(now).into_bytes();
    let [.., high, low] = index.to_be_bytes();
    bytes[6] = 0x70 | (high & 0x0f);
    bytes[7] = low;
    match kind {
        AutoId::Text => Value::Text(uuid::Uuid::from_bytes(bytes).to_string()),
        AutoId::Blob => Value::Blob(bytes.to_vec()),
    }
}

/// The fields of an object as values of columns, in the order of the table.
pub(super) fn fields(
    table: &TableAccess,
    raw: Raw<'_>,
    is_patch: bool,
    faults: &mut Vec<FieldError>,
) -> Fields {
    if raw.shape() != Shape::Object {
        faults.push(FieldError::new("", "type", "must be an object"));
        return Fields::default();
    }
    let mut found: Vec<(usize, Value)> = Vec::new();
    for (name, raw) in raw.fields() {
        let mut fault = |code, message: &str| faults.push(FieldError::new(shown(&name), code, message));
        let Some(index) = table.column(&name) else {
            fault("unknown_field", "is not a column of this table");
            continue;
        };
        let column = &table.columns[index];
        let repeats_key = is_patch && table.key.contains(&index);
        if column.generated {
            fault("read_only", "is computed and cannot be written");
        } else if column.read_only && !repeats_key {
            fault("read_only", "cannot be written");
        } else if found.iter().any(|(other, _)| *other == index) {
            fault("repeated_field", "is given twice");
        } else {
            match value(column, raw) {
                Ok(Value::Null) if refuses_null(column, is_patch) => fault("required", "must not be null"),
                Ok(value) => match owner_fault(table, index, &value) {
                    Some(not_you) => faults.push(not_you),
                    None => found.push((index, value)),
                },
                Err(message) => fault("type", message),
            }
        }
    }
    found.sort_by_key(|(index, _)| *index);
    let (columns, values) = found.into_iter().unzip();
    Fields { columns, values }
}
