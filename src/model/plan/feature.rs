//! Features of a plan: what else a tenant has, with typed values.

use super::reader::Reader;
use crate::model::text::is_word;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a plan says of one feature of the product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Whether it is there.
    Flag(bool),
    /// How much of it.
    Number(i64),
    /// Which kind.
    Text(String),
}

impl Feature {
    pub(super) fn write(&self) -> Value {
        match self {
            Feature::Flag(flag) => json!(flag),
            Feature::Number(number) => json!(number),
            Feature::Text(text) => json!(text),
        }
    }
}

pub(super) fn read(reader: &mut Reader<'_>, most: usize) -> BTreeMap<String, Feature> {
    let mut features = BTreeMap::new();
    for (name, value) in reader.entries("features", most) {
        let place = format!("features.{name}");
        if !is_word(&name.replace('.', "_"), 60) {
            reader.fault(&place, "name", "must be named with a-z, 0-9, _, - and ., beginning with a letter");
            continue;
        }
        let feature = match value {
            Value::Bool(flag) => Some(Feature::Flag(flag)),
            Value::Number(number) => number.as_i64().map(Feature::Number),
            Value::String(text) if text.chars().count() <= 200 => Some(Feature::Text(text)),
            _ => None,
        };
        match feature {
            Some(feature) => drop(features.insert(name, feature)),
            None => {
                let message = "must be true or false, a whole number, or a text of at most 200 characters";
                reader.fault(&place, "type", message);
            }
        }
    }
    features
}
