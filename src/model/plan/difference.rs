//! What is different between two plans, field by field.

use super::Plan;
use serde_json::{Map, Value};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct FieldChange {
    /// Its place: `fee_cents`, `limits.ai_tokens.hard`, `prices.ai_tokens.tiers[0].unit_cents`.
    pub field: String,
    /// What it was; null where it was not there.
    pub from: Value,
    /// What it is; null where it is gone.
    pub to: Value,
}

/// The fields in which `after` differs from `before`, in the order of the document.
pub fn difference(before: Option<&Plan>, after: &Plan) -> Vec<FieldChange> {
    let (before, after) = (before.map(fields).unwrap_or_default(), fields(after));
    let mut changes = Vec::new();
    for (field, to) in &after {
        let from = before.get(field).cloned().unwrap_or_default();
        if from != *to {
            changes.push(FieldChange { field: field.clone(), from, to: to.clone() });
        }
    }
    for (field, from) in before {
        if !after.contains_key(&field) {
            changes.push(FieldChange { field, from, to: Value::Null });
        }
    }
    changes
}

/// All values of a document by their places. Prices are named by their meters: one that moves is no other one.
fn fields(plan: &Plan) -> Map<String, Value> {
    let mut document = plan.document();
    let prices = document.get("prices").and_then(Value::as_array).cloned().unwrap_or_default();
    let by_meter = prices.into_iter().filter_map(|mut price| {
        let meter = price.as_object_mut()?.remove("meter")?;
        Some((meter.as_str()?.to_owned(), price))
    });
    document.insert("prices".to_owned(), Value::Object(by_meter.collect()));
    let order: Vec<&str> = plan.prices.iter().map(|price| price.meter.as_str()).collect();
    let mut all = Map::new();
    flatten(String::new(), &Value::Object(document), &mut all);
    if order.len() > 1 {
        // Invoices list them in that order.
        all.insert("prices (order)".to_owned(), order.join(", ").into());
    }
    all
}

fn flatten(place: String, value: &Value, all: &mut Map<String, Value>) {
    match value {
        Value::Object(map) => {
            for (name, inner) in map {
                let place = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                flatten(place, inner, all);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                flatten(format!("{place}[{index}]"), inner, all);
            }
        }
        other => drop(all.insert(place, other.clone())),
    }
}
