//! Reading usage events out of JSON.
//!
//! Of an array each element is read by itself, and a bad one loses none of the others; so nothing is refused while the
//! JSON is parsed, and what is wrong is said afterwards, once, for one event and for many.

use super::element::{Body, Element, fault};
use super::fields::{find_meter, read_cost, read_key, read_properties, read_quantity, read_time};
use super::{NewUsageEvent, UsageFault};
use crate::error::{Error, FieldError, Result};
use crate::model::meter::Meters;

/// Events in one request.
pub const MOST_EVENTS: usize = 1_000;

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
