//! The fields of a usage event, each read by itself; what is wrong is added to the faults.

use super::element::{Scalar, fault};
use super::{UsageFault, canonical_json};
use crate::model::IdempotencyKey;
use crate::model::meter::{Meter, Meters};
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use serde_json::Value;
use std::sync::Arc;

/// In a meter's smallest unit: so much of it, and so often, that its price can be told.
const MOST_QUANTITY: i64 = 1_000_000_000_000_000;
/// Bytes of the properties of one event, in their canonical spelling.
const MOST_PROPERTIES: usize = 4 << 10;
/// Bytes of a value that is counted by its difference from others.
const MOST_VALUE: usize = 255;

pub(super) fn find_meter(
    named: Option<Scalar<'_>>,
    meters: &Meters,
    faults: &mut Vec<UsageFault>,
) -> Option<Arc<Meter>> {
    let name = match named {
        Some(Scalar::Text(name)) => name,
        Some(_) => {
            faults.push(fault("meter", "type", "must be a text: the name of a meter"));
            return None;
        }
        None => {
            faults.push(fault("meter", "required", "is required: the name of a meter"));
            return None;
        }
    };
    match meters.get(&name) {
        Some(meter) if !meter.is_built_in => return Some(Arc::clone(meter)),
        Some(_) => {
            let message = "is counted by Tenantry itself: no events are sent for it";
            faults.push(fault("meter", "built_in_meter", message));
        }
        None => {
            let known: Vec<&str> =
                meters.iter().filter(|meter| !meter.is_built_in).map(|meter| meter.name.as_str()).collect();
            let message = match known.as_slice() {
                [] => "there is no such meter: app.toml declares none".to_owned(),
                known => format!("there is no such meter; declared in app.toml are {}", known.join(", ")),
            };
            faults.push(fault("meter", "unknown_meter", message));
        }
    }
    None
}

pub(super) fn read_quantity(meter: &Meter, sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> i64 {
    let counts = meter.aggregation.counts_events();
    let quantity = match &sent {
        None if counts => return 1,
        None => {
            faults.push(fault("quantity", "required", "is required: how much of the meter was used"));
            return 0;
        }
        Some(Scalar::Integer(number)) => scale_integer(*number, meter.scale),
        Some(Scalar::Text(text)) => {
            Decimal::parse(text, u32::from(meter.scale)).and_then(|number| number.scaled(meter.scale))
        }
        Some(Scalar::Other) => None,
    };
    match quantity.filter(|quantity| *quantity <= MOST_QUANTITY) {
        Some(1) if counts => 1,
        Some(_) if counts => {
            let message = "must be 1 or left out: this meter counts events, each once";
            faults.push(fault("quantity", "bad_quantity", message));
            1
        }
        Some(quantity) => quantity,
        None => {
            let digits = match meter.scale {
                0 => "a whole number of 0 or more".to_owned(),
                scale => {
                    format!("a number of 0 or more with at most {scale} digits after the point, as a text")
                }
            };
            let message = format!("must be {digits}, and at most 10^15 of the smallest unit");
            faults.push(fault("quantity", "bad_quantity", message));
            0
        }
    }
}

fn scale_integer(number: i128, scale: u8) -> Option<i64> {
    let scaled = number.checked_mul(10_i128.pow(u32::from(scale)))?;
    i64::try_from(scaled).ok().filter(|scaled| *scaled >= 0)
}

pub(super) fn read_cost(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Amount {
    let cost = match sent {
        None => return Amount::ZERO,
        Some(Scalar::Integer(number)) => Amount::parse(&number.to_string()),
        Some(Scalar::Text(text)) => Amount::parse(&text),
        Some(Scalar::Other) => None,
    };
    cost.unwrap_or_else(|| {
        let message = "must be an amount of 0 to 1000000000 minor units, an integer or a text with at most 6 digits \
                       after the point";
        faults.push(fault("cost_cents", "bad_cost", message));
        Amount::ZERO
    })
}

pub(super) fn read_time(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Option<i64> {
    let time = match sent? {
        Scalar::Text(text) => text.parse::<crate::clock::Timestamp>().ok(),
        _ => None,
    };
    if time.is_none() {
        faults.push(fault("occurred_at", "bad_time", "must be a time like 2026-01-31T12:00:00Z"));
    }
    time.map(|time| time.0)
}

pub(super) fn read_key(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Option<String> {
    match sent {
        Some(Scalar::Text(key)) if !key.starts_with('_') && IdempotencyKey::parse(&key).is_ok() => {
            return Some(key.into_owned());
        }
        Some(_) => {
            let message =
                "must be 1 to 255 visible ASCII characters that do not begin with _, such as a UUID";
            faults.push(fault("idempotency_key", "bad_key", message));
        }
        None => {
            let message =
                "is required: any text that is new for each event, so that sending it again counts once";
            faults.push(fault("idempotency_key", "required", message));
        }
    }
    None
}

pub(super) fn read_properties(
    sent: Option<Value>,
    meter: Option<&Meter>,
    faults: &mut Vec<UsageFault>,
) -> (Option<String>, Option<String>) {
    let counted = meter.and_then(|meter| meter.property.as_deref());
    let mut value = None;
    let properties = match &sent {
        None | Some(Value::Null) => None,
        Some(Value::Object(map)) => {
            value = counted.and_then(|name| map.get(name)).and_then(|value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
                _ => None,
            });
            sent.as_ref().map(canonical_json)
        }
        Some(_) => {
            faults.push(fault("properties", "type", "must be an object"));
            None
        }
    };
    if properties.as_ref().is_some_and(|text| text.len() > MOST_PROPERTIES) {
        let message = format!("must have at most {MOST_PROPERTIES} bytes as JSON");
        faults.push(fault("properties", "too_long", message));
    }
    if let Some(name) = counted
        && !value.as_ref().is_some_and(|value| (1..=MOST_VALUE).contains(&value.len()))
    {
        let field: String = format!("properties.{name}");
        let message = format!(
            "is required: a text of 1 to {MOST_VALUE} bytes, whose different values this meter counts"
        );
        faults.push(fault(&field, "required", message));
    }
    (properties, value)
}
