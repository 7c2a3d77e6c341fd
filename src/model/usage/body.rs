//! Reading usage events out of JSON.
//!
//! Of an array each element is read by itself, and a bad one loses none of the others; so nothing is refused while the
//! JSON is parsed, and what is wrong is said afterwards, once, for one event and for many.

use super::element::{Body, Element, Scalar, fault};
use super::{NewUsageEvent, UsageFault, canonical_json};
use crate::error::{Error, FieldError, Result};
use crate::model::IdempotencyKey;
use crate::model::meter::{Meter, Meters};
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use serde_json::Value;
use std::sync::Arc;

/// Events in one request.
pub const MOST_EVENTS: usize = 1_000;
/// In a meter's smallest unit: so much of it, and so often, that its price can be told.
const MOST_QUANTITY: i64 = 1_000_000_000_000_000;
/// Bytes of the properties of one event, in their canonical spelling.
const MOST_PROPERTIES: usize = 4 << 10;
/// Bytes of a value that is counted by its difference from others.
const MOST_VALUE: usize = 255;

/// What was sent: one event, or several, each with what is wrong with it.
pub enum UsageEventIn {
    /// An object.
    One(NewUsageEvent),
    /// An array.
    Many(Vec<Result<NewUsageEvent, UsageFault>>),
}

/// Reads a body.
///
/// # Errors
/// 400 for what is no JSON, neither an object nor an array of 1 to [`MOST_EVENTS`]; 422 for one event that is not valid,
/// with every field at fault.
pub fn read_usage_events(body: &[u8], meters: &Meters) -> Result<UsageEventIn> {
    let parsed: Body<'_> = serde_json::from_slice(body).map_err(|error| {
        Error::malformed(
            "malformed_json",
            format!("The body is not valid JSON, at line {} column {}.", error.line(), error.column()),
        )
    })?;
    match parsed {
        Body::One(element) => element.event(meters).map(UsageEventIn::One).map_err(|faults| {
            let fields = faults.into_iter();
            Error::invalid(
                fields.map(|fault| FieldError::new(fault.field, fault.code, fault.message)).collect(),
            )
        }),
        Body::Many(elements, 0) if !elements.is_empty() => {
            let first = |mut faults: Vec<UsageFault>| faults.swap_remove(0);
            let each = elements.into_iter().map(|element| element.event(meters).map_err(first));
            Ok(UsageEventIn::Many(each.collect()))
        }
        Body::Many(elements, more) => Err(Error::malformed(
            "bad_event_count",
            format!("Send 1 to {MOST_EVENTS} events at once; these are {}.", elements.len() + more),
        )),
        Body::Other => Err(Error::malformed(
            "object_expected",
            "The body must be one usage event as a JSON object, or an array of them.",
        )),
    }
}

impl Element<'_> {
    fn event(self, meters: &Meters) -> Result<NewUsageEvent, Vec<UsageFault>> {
        if !self.is_object {
            return Err(vec![fault("", "type", "must be an object: one usage event")]);
        }
        let mut faults = self.faults;
        let meter = find_meter(self.meter, meters, &mut faults);
        let quantity = meter.as_deref().map(|meter| read_quantity(meter, self.quantity, &mut faults));
        let cost = read_cost(self.cost_cents, &mut faults);
        let occurred_at = read_time(self.occurred_at, &mut faults);
        let key = read_key(self.idempotency_key, &mut faults);
        let (properties, value) = read_properties(self.properties, meter.as_deref(), &mut faults);
        match (meter, key, faults.is_empty()) {
            (Some(meter), Some(key), true) => {
                let quantity = quantity.unwrap_or_default();
                Ok(NewUsageEvent { meter, quantity, cost, occurred_at, key, properties, value })
            }
            _ => Err(faults),
        }
    }
}

fn find_meter(
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

fn read_quantity(meter: &Meter, sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> i64 {
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

fn read_cost(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Amount {
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

fn read_time(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Option<i64> {
    let time = match sent? {
        Scalar::Text(text) => text.parse::<crate::clock::Timestamp>().ok(),
        _ => None,
    };
    if time.is_none() {
        faults.push(fault("occurred_at", "bad_time", "must be a time like 2026-01-31T12:00:00Z"));
    }
    time.map(|time| time.0)
}

fn read_key(sent: Option<Scalar<'_>>, faults: &mut Vec<UsageFault>) -> Option<String> {
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

fn read_properties(
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

#[cfg(test)]
mod tests {
    use super::*;

    fn meters() -> Meters {
        let section = "[tokens]\n[bytes]\nscale = 3\n[calls]\naggregation = \"count\"\n\
                       [users]\naggregation = \"unique\"\nproperty = \"user\"";
        Meters::read(toml::from_str(section).unwrap()).unwrap()
    }

    fn one(body: &str) -> Result<NewUsageEvent, Vec<(String, String)>> {
        match read_usage_events(body.as_bytes(), &meters()) {
            Ok(UsageEventIn::One(event)) => Ok(event),
            Ok(UsageEventIn::Many(_)) => panic!("many"),
            Err(error) => {
                let fields = error.fields().iter();
                Err(fields.map(|fault| (fault.field.clone(), fault.code.to_string())).collect())
            }
        }
    }

    #[test]
    fn quantities_are_kept_exactly_or_refused() {
        for (quantity, scaled) in [("1", 1_000), ("\"1.5\"", 1_500), ("\"0.001\"", 1), ("0", 0)] {
            let body = format!(r#"{{"meter":"bytes","quantity":{quantity},"idempotency_key":"k"}}"#);
            assert_eq!(one(&body).unwrap().quantity, scaled, "{quantity}");
        }
        for quantity in
            ["1.5", "\"0.0001\"", "-1", "\"-1\"", "1e3", "true", "[]", "\"\"", "99999999999999999"]
        {
            let body = format!(r#"{{"meter":"bytes","quantity":{quantity},"idempotency_key":"k"}}"#);
            let fault = ("quantity".to_owned(), "bad_quantity".to_owned());
            assert_eq!(one(&body).unwrap_err(), [fault], "{quantity}");
        }
    }

    #[test]
    fn every_field_at_fault_is_named_at_once() {
        let faults =
            one(r#"{"meter":"none","cost_cents":-1,"occurred_at":"today","idempotency_key":"_a","x":1,
                             "properties":[]}"#);
        let fields: Vec<String> = faults.unwrap_err().into_iter().map(|(field, _)| field).collect();
        assert_eq!(fields, ["x", "meter", "cost_cents", "occurred_at", "idempotency_key", "properties"]);
        assert_eq!(
            one(r#"{"meter":"seats","quantity":1,"idempotency_key":"k"}"#).unwrap_err()[0].1,
            "built_in_meter"
        );
        assert_eq!(one("{}").unwrap_err().len(), 2);
        assert_eq!(
            one(r#"{"meter":"calls","meter":"calls","idempotency_key":"k"}"#).unwrap_err()[0].1,
            "repeated"
        );
    }

    #[test]
    fn meters_that_count_need_no_quantity_and_values_are_found() {
        assert_eq!(one(r#"{"meter":"calls","idempotency_key":"k"}"#).unwrap().quantity, 1);
        assert!(one(r#"{"meter":"calls","quantity":2,"idempotency_key":"k"}"#).is_err());
        let event =
            one(r#"{"meter":"users","idempotency_key":"k","properties":{"z":1,"user":"ann"}}"#).unwrap();
        assert_eq!(event.value.as_deref(), Some("ann"));
        assert_eq!(event.properties.as_deref(), Some(r#"{"user":"ann","z":1}"#));
        assert_eq!(one(r#"{"meter":"users","idempotency_key":"k"}"#).unwrap_err()[0].0, "properties.user");
    }

    #[test]
    fn one_bad_element_loses_none_of_the_others() {
        let body = r#"[{"meter":"calls","idempotency_key":"a"}, 7, [], null, "x",
                       {"meter":"tokens","quantity":3,"idempotency_key":"\u0062"}]"#;
        let Ok(UsageEventIn::Many(events)) = read_usage_events(body.as_bytes(), &meters()) else { panic!() };
        let keys: Vec<Option<&str>> =
            events.iter().map(|event| event.as_ref().ok().map(|event| event.key.as_str())).collect();
        assert_eq!(keys, [Some("a"), None, None, None, None, Some("b")]);
        for body in ["", "[", "7", "null", "\"x\"", "[]", "true"] {
            assert!(read_usage_events(body.as_bytes(), &meters()).is_err(), "{body}");
        }
    }
}
