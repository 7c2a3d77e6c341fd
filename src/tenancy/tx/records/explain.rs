//! What SQLite says in one line about a violated constraint, as an error that names fields.
//!
//! Hidden columns are not named, nor rules that mention them, nor tables that the caller may not read.

use super::decode::Fields;
use super::key::RecordKey;
use super::probe::{Probe, orphans, refuses_delete};
use crate::db::{AppTx, Constraint, ConstraintKind, DbError};
use crate::error::{Error, FieldError, Kind};
use crate::model::table::{Action, Check, Dependent, ForeignKey, Table};
use crate::tenancy::TableAccess;

/// The statement that failed.
#[derive(Clone, Copy)]
pub(super) enum Act<'a> {
    Insert(&'a Fields),
    Update(&'a RecordKey, &'a Fields),
    Delete(&'a RecordKey),
}

/// The error for a statement that failed. The transaction is still open, unless the constraint ended it.
pub(super) fn explain(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>, error: DbError) -> Error {
    let DbError::Constraint(constraint) = &error else { return Error::from(error) };
    let explained = match constraint.kind {
        ConstraintKind::Trigger => Error::new(
            Kind::Invalid,
            "refused",
            format!("Refused by a rule of {}: {}", table.name, constraint.detail),
        ),
        ConstraintKind::Unique => unique(tx, table, act, constraint),
        ConstraintKind::ForeignKey => foreign_key(tx, table, act),
        ConstraintKind::Check => check(tx, table, act, constraint),
        ConstraintKind::NotNull => not_null(tx, table, act, constraint),
        ConstraintKind::DataType => data_type(table, constraint),
    };
    explained.because(error)
}

/// The error for deferred foreign keys that do not hold at the end, after these records were written or deleted.
pub(super) fn explain_deferred<'k>(
    tx: AppTx<'_>,
    written: impl IntoIterator<Item = (&'k TableAccess, &'k RecordKey, Option<usize>)>,
) -> Error {
    let mut fields = Vec::new();
    let mut tables: Vec<&TableAccess> = Vec::new();
    for (table, key, place) in written {
        let broken = reference_faults(table, &Probe::kept(table, key).broken_references(tx));
        fields.extend(broken.into_iter().map(|mut fault| {
            if let Some(index) = place {
                fault.field = format!("[{index}].{}", fault.field);
            }
            fault
        }));
        if tables.iter().all(|known| known.name != table.name) {
            tables.push(table);
        }
    }
    if fields.is_empty() {
        for table in tables {
            fields.extend(dependent_faults(table, &orphans(tx, table)));
        }
    }
    foreign_key_error(fields)
}

fn probe<'a>(table: &'a Table, act: Act<'a>) -> Option<Probe<'a>> {
    match act {
        Act::Insert(fields) => Some(Probe::inserted(table, fields)),
        Act::Update(key, fields) => Some(Probe::updated(table, key, fields)),
        Act::Delete(_) => None,
    }
}

/// The columns of this table that the message names.
fn named(table: &Table, constraint: &Constraint) -> Vec<usize> {
    let known = table.columns.iter().map(|column| column.name.as_str());
    let names = constraint.columns(&table.name, known);
    names.iter().filter_map(|name| table.column_in_sql(name)).collect()
}

/// The names of these columns, or of what they are computed from, as far as a client knows them.
fn names<'t>(table: &'t Table, columns: &[usize]) -> Vec<&'t str> {
    let sources = table.sources(columns).into_iter().map(|index| &table.columns[index]);
    sources.filter(|column| !column.hidden).map(|column| column.name.as_str()).collect()
}

fn is_any_hidden(table: &Table, columns: &[usize]) -> bool {
    columns.iter().chain(&table.sources(columns)).any(|index| table.columns[*index].hidden)
}

fn faults(names: &[&str], code: &'static str, message: &str) -> Vec<FieldError> {
    names.iter().map(|name| FieldError::new(*name, code, message)).collect()
}

fn not_null(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>, constraint: &Constraint) -> Error {
    let columns = named(table, constraint);
    match columns.as_slice() {
        [] => elsewhere(tx, table, act, Kind::Invalid, "refused"),
        _ if matches!(act, Act::Delete(_)) => elsewhere(tx, table, act, Kind::Conflict, "required"),
        _ if names(table, &columns).is_empty() => unnamed(table, Kind::Invalid, "refused"),
        [only] if table.columns[*only].generated => {
            let message = match &table.columns[*only] {
                column if column.hidden => "gives a value that the table refuses".to_owned(),
                column => format!("gives no {}", column.name),
            };
            Error::invalid(faults(&names(table, &columns), "required", &message))
        }
        _ => Error::invalid(faults(&names(table, &columns), "required", "must not be null")),
    }
}

fn unique(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>, constraint: &Constraint) -> Error {
    let mut columns = named(table, constraint);
    if columns.is_empty() {
        // An index over an expression is named itself: index 'products_name_once'.
        let index = constraint.detail.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\''));
        let index = table.unique_expressions.iter().find(|unique| Some(unique.name.as_str()) == index);
        columns = index.map(|index| index.columns.clone()).unwrap_or_default();
    }
    if columns.is_empty() {
        return elsewhere(tx, table, act, Kind::Conflict, "unique");
    }
    let names = names(table, &columns);
    if names.is_empty() {
        return unnamed(table, Kind::Conflict, "unique");
    }
    let detail = format!("Another record of {} has the same {}.", table.name, names.join(" and "));
    let message = if names.len() == 1 { "is taken" } else { "is taken in this combination" };
    Error::conflict("unique", detail).with_fields(faults(&names, "unique", message))
}

fn check(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>, constraint: &Constraint) -> Error {
    let is_reported = |check: &&Check| check.label == constraint.detail;
    let mut broken: Vec<&Check> = table.checks.iter().filter(is_reported).collect();
    let also = probe(table, act).map(|probe| probe.broken_checks(tx)).unwrap_or_default();
    broken.extend(also.into_iter().filter(|check| check.label != constraint.detail));
    if broken.is_empty() {
        return elsewhere(tx, table, act, Kind::Invalid, "check");
    }
    if matches!(act, Act::Delete(_)) {
        return elsewhere(tx, table, act, Kind::Conflict, "check");
    }
    let mut fields = Vec::new();
    for check in &broken {
        // Only a name may be told; an expression is SQL.
        let message = match &check.name {
            Some(name) if !is_any_hidden(table, &check.columns) => format!("breaks the rule {name}"),
            _ => "breaks a rule of this table".to_owned(),
        };
        fields.extend(faults(&names(table, &check.columns), "check", &message));
    }
    let detail = match fields.as_slice() {
        [] => return unnamed(table, Kind::Invalid, "check"),
        [one] => format!("{} {}.", one.field, one.message),
        _ if broken.len() == 1 => format!("The fields in `errors` together break a rule of {}.", table.name),
        _ => format!("This record breaks {} rules of {}; see `errors`.", broken.len(), table.name),
    };
    Error::new(Kind::Invalid, "check", detail).with_fields(fields)
}

/// The message reads: cannot store TEXT value in INTEGER column orders.id
fn data_type(table: &Table, constraint: &Constraint) -> Error {
    let column =
        constraint.detail.split_once(&format!(" column {}.", table.name)).map_or("", |(_, column)| column);
    let Some(index) = table.column_in_sql(column) else {
        return Error::new(Kind::Invalid, "type", "A value is of a type that its column does not take.");
    };
    let column = &table.columns[index];
    let names = names(table, &[index]);
    if names.is_empty() {
        return unnamed(table, Kind::Invalid, "type");
    }
    let message = if column.hidden {
        "makes something else than its table takes".to_owned()
    } else if column.generated {
        format!("makes {} something else than {}", column.name, column.declared.to_lowercase())
    } else {
        format!("must be {}", column.declared.to_lowercase())
    };
    Error::invalid(faults(&names, "type", &message))
}

fn foreign_key(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>) -> Error {
    let own = probe(table, act).map(|probe| reference_faults(table, &probe.broken_references(tx)));
    let own = own.unwrap_or_default();
    if !own.is_empty() {
        return foreign_key_error(own);
    }
    let dependents = match act {
        Act::Insert(_) => Vec::new(),
        Act::Update(key, fields) => Probe::kept(table, key).dependents(tx, |dependent| {
            let changes = |(parent, _): &(String, String)| {
                table.column_in_sql(parent).is_some_and(|index| fields.columns.contains(&index))
            };
            let refuses = matches!(dependent.on_update, Some(Action::Refuse | Action::SetDefault));
            refuses && dependent.steps.iter().take(1).any(|step| step.pairs.iter().any(changes))
        }),
        Act::Delete(key) => {
            let probe = Probe::kept(table, key);
            let refusing = probe.dependents(tx, refuses_delete);
            let is_default = |dependent: &Dependent| dependent.on_delete == Action::SetDefault;
            if refusing.is_empty() { probe.dependents(tx, is_default) } else { refusing }
        }
    };
    foreign_key_error(dependent_faults(table, &dependents))
}

fn reference_faults(table: &TableAccess, broken: &[&ForeignKey]) -> Vec<FieldError> {
    let mut fields: Vec<FieldError> = Vec::new();
    for key in broken {
        for name in names(table, &key.columns) {
            if fields.iter().all(|field| field.field != name) {
                let message = if table.may_read(&key.parent) {
                    format!("refers to a record of {} that does not exist", key.parent)
                } else {
                    "refers to a record that does not exist".to_owned()
                };
                fields.push(FieldError::new(name, "foreign_key", message));
            }
        }
    }
    fields
}

fn dependent_faults(table: &TableAccess, dependents: &[&Dependent]) -> Vec<FieldError> {
    let mut fields: Vec<FieldError> = Vec::new();
    let steps = dependents.iter().filter_map(|dependent| dependent.steps.last());
    for step in steps.filter(|step| table.may_read(&step.child)) {
        let columns = step.pairs.iter().map(|(_, child)| child.as_str()).collect::<Vec<_>>().join(", ");
        let message = if step.is_hidden {
            format!("records of {} refer to it", step.child)
        } else {
            format!("records of {} refer to it by {columns}", step.child)
        };
        if fields.iter().all(|field| field.message != message) {
            fields.push(FieldError::new(&step.child, "foreign_key", message));
        }
    }
    fields
}

fn foreign_key_error(fields: Vec<FieldError>) -> Error {
    let detail = match fields.as_slice() {
        [] => "A foreign key would refer to nothing.".to_owned(),
        [one] => format!("{}: {}.", one.field, one.message),
        many => format!("{} foreign keys would refer to nothing; see `errors`.", many.len()),
    };
    Error::conflict("foreign_key", detail).with_fields(fields)
}

/// A constraint of this table over columns that no client may know of.
fn unnamed(table: &Table, kind: Kind, code: &'static str) -> Error {
    Error::new(kind, code, format!("A rule of {} refuses this record.", table.name))
}

/// A constraint of another row, which a trigger or a cascade of this change wrote to. Where the cause is that this
/// record refers to nothing, that is what helps.
fn elsewhere(tx: AppTx<'_>, table: &TableAccess, act: Act<'_>, kind: Kind, code: &'static str) -> Error {
    let broken = probe(table, act).map(|probe| reference_faults(table, &probe.broken_references(tx)));
    match broken {
        Some(fields) if !fields.is_empty() => foreign_key_error(fields),
        _ => Error::new(
            kind,
            code,
            format!("A change that follows from this one in {} breaks a rule elsewhere.", table.name),
        ),
    }
}
