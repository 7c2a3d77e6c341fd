//! Reads an object of a plan document and remembers every fault with its place, so that one answer names them all.

use crate::error::FieldError;
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use crate::model::text::{is_invisible, shapes_neighbours};
use serde_json::{Map, Value};

/// Faults that are told at once; who has more begins with these.
const MOST_FAULTS: usize = 100;

/// An object that is being read.
pub(super) struct Reader<'f> {
    map: Map<String, Value>,
    prefix: String,
    faults: &'f mut Vec<FieldError>,
}

impl<'f> Reader<'f> {
    pub(super) fn new(
        map: Map<String, Value>,
        prefix: String,
        faults: &'f mut Vec<FieldError>,
    ) -> Reader<'f> {
        Reader { map, prefix, faults }
    }

    fn place(&self, name: &str) -> String {
        let dot = if self.prefix.is_empty() || self.prefix.ends_with('.') { "" } else { "." };
        format!("{}{dot}{name}", self.prefix)
    }

    pub(super) fn fault(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(FieldError::new(self.place(name), code, message));
        }
    }

    /// Whether something was said against that field already.
    pub(super) fn is_at_fault(&self, name: &str) -> bool {
        let place = self.place(name);
        self.faults.iter().any(|fault| fault.field == place)
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to `most` characters, none of them invisible.
    pub(super) fn text(&mut self, name: &str, most: usize) -> Option<String> {
        match self.take(name)? {
            Value::String(text) if is_plain(&text, most) => Some(text),
            Value::String(_) => {
                self.fault(name, "invalid", format!("must have 1 to {most} characters, all of them visible"));
                None
            }
            _ => {
                self.fault(name, "type", "must be a text");
                None
            }
        }
    }

    pub(super) fn required_text(&mut self, name: &str, most: usize) -> Option<String> {
        if !self.map.contains_key(name) {
            self.fault(name, "required", "is required");
        }
        self.text(name, most)
    }

    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => {
                self.fault(name, "type", "must be true or false");
                None
            }
        }
    }

    /// A whole number within `range`.
    pub(super) fn count(&mut self, name: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let value = self.take(name)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let fits = number.filter(|number| range.contains(number));
        if fits.is_none() {
            let message = format!("must be a whole number from {} to {}", range.start(), range.end());
            self.fault(name, "range", message);
        }
        fits
    }

    /// The digits of a number: an integer, or a text. A number with a point that is no text was a float on its way here.
    fn digits(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            Value::Number(number) if number.is_u64() => Some(number.to_string()),
            Value::Number(number) if number.is_f64() => {
                self.fault(
                    name,
                    "type",
                    format!("must be written as a text, to be kept exactly: \"{number}\""),
                );
                None
            }
            _ => {
                self.fault(name, "type", "must be a number of 0 or more, as a text or an integer");
                None
            }
        }
    }

    /// A quantity of a meter that keeps that many digits after the point, if it is known.
    pub(super) fn quantity(&mut self, name: &str, scale: Option<u8>) -> Option<Decimal> {
        let text = self.digits(name)?;
        let Some(scale) = scale else {
            let quantity = Decimal::parse(&text, 9);
            if quantity.is_none() {
                self.fault(name, "quantity", "must be a number with at most 9 digits after the point");
            }
            return quantity;
        };
        let quantity =
            Decimal::parse(&text, u32::from(scale)).filter(|number| number.scaled(scale).is_some());
        if quantity.is_none() {
            let digits = match scale {
                0 => "a whole number".to_owned(),
                _ => format!("a number with at most {scale} digits after the point"),
            };
            self.fault(
                name,
                "quantity",
                format!("must be {digits}, as its meter counts, and not beyond what fits"),
            );
        }
        quantity
    }

    /// A price in minor units.
    pub(super) fn amount(&mut self, name: &str) -> Option<Amount> {
        let text = self.digits(name)?;
        let amount = Amount::parse(&text);
        if amount.is_none() {
            let message = "must be an amount of at most 1000000000 with at most 6 digits after the point";
            self.fault(name, "amount", message);
        }
        amount
    }

    pub(super) fn required_amount(&mut self, name: &str) -> Option<Amount> {
        if !self.map.contains_key(name) {
            self.fault(name, "required", "is required with this model");
        }
        self.amount(name)
    }

    /// Whole minor units up to `most`.
    pub(super) fn minor(&mut self, name: &str, most: i64) -> Option<i64> {
        let text = self.digits(name)?;
        let minor =
            Decimal::parse(&text, 0).and_then(|number| number.scaled(0)).filter(|minor| *minor <= most);
        if minor.is_none() {
            self.fault(name, "amount", format!("must be a whole number of minor units, at most {most}"));
        }
        minor
    }

    /// A field that is an object: read by `read`, which takes what it knows; the rest is refused.
    pub(super) fn object<T>(&mut self, name: &str, read: impl FnOnce(&mut Reader<'_>) -> T) -> Option<T> {
        match self.take(name)? {
            Value::Object(map) => Some(self.inner(map, name, read)),
            _ => {
                self.fault(name, "type", "must be an object");
                None
            }
        }
    }

    /// A field that is an object of any names: each with its value.
    pub(super) fn entries(&mut self, name: &str, most: usize) -> Vec<(String, Value)> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Object(map)) if map.len() <= most => map.into_iter().collect(),
            Some(Value::Object(_)) => {
                self.fault(name, "too_many", format!("must have at most {most} entries"));
                Vec::new()
            }
            Some(_) => {
                self.fault(name, "type", "must be an object");
                Vec::new()
            }
        }
    }

    /// One entry of [`Reader::entries`], which is an object.
    pub(super) fn entry<T>(
        &mut self,
        name: &str,
        value: Value,
        read: impl FnOnce(&mut Reader<'_>) -> Option<T>,
    ) -> Option<T> {
        match value {
            Value::Object(map) => self.inner(map, name, read),
            _ => {
                self.fault(name, "type", "must be an object");
                None
            }
        }
    }

    /// A field that is an array of objects. What cannot be read is left out, and something was said against it.
    pub(super) fn objects<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Reader<'_>) -> Option<T>,
    ) -> Vec<T> {
        match self.take(name) {
            None => Vec::new(),
            Some(Value::Array(items)) if items.len() <= most => {
                let each = items.into_iter().enumerate();
                each.filter_map(|(index, item)| self.entry(&format!("{name}[{index}]"), item, &mut read))
                    .collect()
            }
            Some(Value::Array(_)) => {
                self.fault(name, "too_many", format!("must have at most {most} elements"));
                Vec::new()
            }
            Some(_) => {
                self.fault(name, "type", "must be an array of objects");
                Vec::new()
            }
        }
    }

    fn inner<T>(
        &mut self,
        map: Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let prefix = self.place(name);
        let mut inner = Reader::new(map, prefix, self.faults);
        let value = read(&mut inner);
        inner.finish();
        value
    }

    /// Says nothing against what is left.
    pub(super) fn ignore_rest(&mut self) {
        self.map.clear();
    }

    /// Refuses by name what nobody took.
    pub(super) fn finish(&mut self) {
        let rest: Vec<String> = std::mem::take(&mut self.map).into_iter().map(|(name, _)| name).collect();
        for name in rest {
            let name: String = name.chars().take(100).collect();
            self.fault(&name, "unknown_field", "is not known here");
        }
    }
}

fn is_plain(text: &str, most: usize) -> bool {
    !text.trim().is_empty()
        && text.chars().count() <= most
        && !text.chars().any(|c| is_invisible(c) && !shapes_neighbours(c))
}
