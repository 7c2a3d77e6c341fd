//! A file with plans: app.toml itself, a TOML file with `[plans.<key>]` alone, or the same as JSON.

use super::{KnownMeters, Plan, bad_plan_key};
use crate::error::{Error, FieldError, Result};
use crate::model::meter::{MeterToml, Meters};
use crate::model::text::is_key;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Longest file that is read.
pub(super) const LONGEST_FILE: usize = 256 << 10;
/// Plans of one installation.
const MOST_PLANS: usize = 100;
/// What else an app.toml says; a plans file may be one.
pub const OF_APPS: &[&str] = &[
    "name",
    "public_signup",
    "signup_domains",
    "require_second_factor",
    "default_plan",
    "roles",
    "meters",
    "jobs",
    "tables",
];

/// The plans of a file, by key.
pub type PlansFile = BTreeMap<String, Plan>;

/// Reads a file with plans. What begins with `{` is JSON, everything else TOML. They may name the meters that the file
/// itself declares, or else `meters`.
///
/// # Errors
/// 400 for what is neither, with the place; 422 with every field at fault.
pub fn read_plans_file(name: &str, text: &str, meters: &KnownMeters) -> Result<PlansFile> {
    let wrong = |why: String| Error::malformed("plans_malformed", format!("{name}: {why}"));
    if text.len() > LONGEST_FILE {
        return Err(wrong(format!("a file with plans may have at most {LONGEST_FILE} bytes")));
    }
    let mut document: Map<String, Value> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?
    } else {
        let table: toml::Table = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        object(table)
    };
    let plans = document.remove("plans");
    let declared = document.get("meters").map(|section| read_meters(name, section)).transpose()?;
    let meters = declared.as_ref().unwrap_or(meters);
    let unknown = document.keys().filter(|key| !OF_APPS.contains(&key.as_str()));
    let mut faults: Vec<FieldError> = unknown
        .map(|key| FieldError::new(key, "unknown_field", "is not known here; plans are [plans.<key>]"))
        .collect();
    let plans = match plans {
        None => Map::new(),
        Some(Value::Object(plans)) => plans,
        Some(_) => return Err(wrong("plans must be tables: [plans.<key>]".to_owned())),
    };
    let read = read_plans(plans, meters, &mut faults);
    if !faults.is_empty() {
        return Err(Error::invalid(faults));
    }
    if read.is_empty() {
        return Err(wrong("there are no plans in it; a plan is [plans.<key>]".to_owned()));
    }
    Ok(read)
}

/// The meters that a file declares itself, as an app.toml does.
fn read_meters(name: &str, section: &Value) -> Result<KnownMeters> {
    let section: BTreeMap<String, MeterToml> = serde_json::from_value(section.clone())
        .map_err(|error| Error::malformed("plans_malformed", format!("{name}: meters: {error}")))?;
    Meters::read(section).map(|meters| KnownMeters::of(&meters)).map_err(Error::invalid)
}

/// Reads plans by key. Faults are named `plans.<key>.<field>`.
pub fn read_plans(
    plans: Map<String, Value>,
    meters: &KnownMeters,
    faults: &mut Vec<FieldError>,
) -> PlansFile {
    if plans.len() > MOST_PLANS {
        faults.push(FieldError::new("plans", "too_many", format!("must be at most {MOST_PLANS} plans")));
        return PlansFile::new();
    }
    let mut read = PlansFile::new();
    for (key, plan) in plans {
        let place = format!("plans.{key}");
        match plan {
            _ if !is_key(&key) => faults.push(bad_plan_key(&place)),
            Value::Object(document) => match Plan::read(document, &place, meters) {
                Ok(plan) => drop(read.insert(key, plan)),
                Err(more) => faults.extend(more),
            },
            _ => faults.push(FieldError::new(place, "type", "must be a table")),
        }
    }
    read
}

/// A TOML table as JSON. Dates turn into text, which no field of a plan takes.
pub fn object(table: toml::Table) -> Map<String, Value> {
    table.into_iter().map(|(name, value)| (name, json_of(value))).collect()
}

fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(flag) => flag.into(),
        toml::Value::Datetime(time) => time.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => Value::Object(object(table)),
    }
}
