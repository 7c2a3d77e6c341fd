//! A body as it came: its parts, as far as they are what an event has, and nothing refused yet.

use super::UsageFault;
use super::body::MOST_EVENTS;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Faults of one event that are told at once.
const MOST_FAULTS: usize = 20;

/// What was sent.
pub(super) enum Body<'b> {
    One(Box<Element<'b>>),
    /// Those that are looked at, and how many more came.
    Many(Vec<Element<'b>>, usize),
    Other,
}

/// An element as it came.
#[derive(Default)]
pub(super) struct Element<'b> {
    pub(super) is_object: bool,
    pub(super) meter: Option<Scalar<'b>>,
    pub(super) quantity: Option<Scalar<'b>>,
    pub(super) cost_cents: Option<Scalar<'b>>,
    pub(super) occurred_at: Option<Scalar<'b>>,
    pub(super) idempotency_key: Option<Scalar<'b>>,
    pub(super) properties: Option<Value>,
    pub(super) faults: Vec<UsageFault>,
}

/// A value that is no object and no array.
pub(super) enum Scalar<'b> {
    Text(Cow<'b, str>),
    /// As it was written, without a point.
    Integer(i128),
    Other,
}

pub(super) fn fault(field: &str, code: &'static str, message: impl Into<String>) -> UsageFault {
    UsageFault { field: field.to_owned(), code, message: message.into() }
}

impl<'de> Deserialize<'de> for Body<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Body<'de>, D::Error> {
        struct OfBody;
        impl<'de> Visitor<'de> for OfBody {
            type Value = Body<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object or an array")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Body<'de>, A::Error> {
                OfElement.visit_map(map).map(|element| Body::One(Box::new(element)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Body<'de>, A::Error> {
                let mut elements = Vec::with_capacity(MOST_EVENTS / 2);
                while elements.len() < MOST_EVENTS {
                    let Some(element) = seq.next_element::<Element<'de>>()? else { break };
                    elements.push(element);
                }
                // What is too many is counted and not kept.
                let mut more = 0;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    more += 1;
                }
                Ok(Body::Many(elements, more))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }

            fn visit_unit<E>(self) -> Result<Body<'de>, E> {
                Ok(Body::Other)
            }
        }
        deserializer.deserialize_any(OfBody)
    }
}

impl<'de> Deserialize<'de> for Element<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Element<'de>, D::Error> {
        deserializer.deserialize_any(OfElement)
    }
}

struct OfElement;

impl<'de> Visitor<'de> for OfElement {
    type Value = Element<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a usage event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Element<'de>, A::Error> {
        let mut element = Element { is_object: true, ..Element::default() };
        while let Some(Name(name)) = map.next_key()? {
            let place = match name.as_ref() {
                "meter" => &mut element.meter,
                "quantity" => &mut element.quantity,
                "cost_cents" => &mut element.cost_cents,
                "occurred_at" => &mut element.occurred_at,
                "idempotency_key" => &mut element.idempotency_key,
                "properties" => {
                    element.properties = Some(map.next_value()?);
                    continue;
                }
                unknown => {
                    if element.faults.len() < MOST_FAULTS {
                        let unknown: String = unknown.chars().take(100).collect();
                        element.faults.push(fault(&unknown, "unknown_field", "is not known here"));
                    }
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            let value: Option<Scalar<'de>> = map.next_value()?;
            if place.is_some() && element.faults.len() < MOST_FAULTS {
                element.faults.push(fault(&name, "repeated", "stands here twice"));
            }
            *place = value;
        }
        Ok(element)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Element<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }

    fn visit_unit<E>(self) -> Result<Element<'de>, E> {
        Ok(Element::default())
    }
}

/// A name of a field, borrowed where it has no escapes.
struct Name<'b>(Cow<'b, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        match deserializer.deserialize_str(OfScalar)? {
            Scalar::Text(text) => Ok(Name(text)),
            _ => Ok(Name(Cow::Borrowed(""))),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(OfScalar)
    }
}

struct OfScalar;

impl<'de> Visitor<'de> for OfScalar {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Integer(number.into()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
}
