//! Meters: what of a tenant's usage is counted, in which unit, and how events add up.

use super::text::is_word;
use crate::error::FieldError;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Meters that one app may declare.
const MOST_METERS: usize = 200;
/// Digits after the point that a meter may keep.
const MOST_DIGITS: u8 = 9;

/// How the events of a stretch of time make one quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Aggregation {
    /// Their quantities added up.
    #[default]
    Sum,
    /// How many there are.
    Count,
    /// The largest quantity.
    Max,
    /// How many different values a property has.
    Unique,
    /// The quantity of the one that occurred last.
    Latest,
}

impl Aggregation {
    /// All of them.
    pub const ALL: [Aggregation; 5] =
        [Aggregation::Sum, Aggregation::Count, Aggregation::Max, Aggregation::Unique, Aggregation::Latest];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Aggregation::Sum => "sum",
            Aggregation::Count => "count",
            Aggregation::Max => "max",
            Aggregation::Unique => "unique",
            Aggregation::Latest => "latest",
        }
    }

    /// The aggregation of that name.
    pub fn parse(name: &str) -> Option<Aggregation> {
        Aggregation::ALL.into_iter().find(|aggregation| aggregation.name() == name)
    }

    /// Whether each event adds to what there is, so that a hard limit can be held without overshooting.
    pub const fn adds_up(self) -> bool {
        matches!(self, Aggregation::Sum | Aggregation::Count)
    }

    /// Whether events carry no quantity of their own: each counts as one.
    pub const fn counts_events(self) -> bool {
        matches!(self, Aggregation::Count | Aggregation::Unique)
    }
}

/// One meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meter {
    /// Its name.
    pub name: String,
    /// What one of it is called.
    pub unit: String,
    /// How events add up.
    pub aggregation: Aggregation,
    /// Digits that it keeps after the point, 0 to 9.
    pub scale: u8,
    /// The property whose different values count; of [`Aggregation::Unique`] alone.
    pub property: Option<String>,
    /// Whether Tenantry itself counts it, so that nobody sends events for it.
    pub is_built_in: bool,
}

/// One meter as it stands in app.toml.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeterToml {
    unit: Option<String>,
    aggregation: Aggregation,
    scale: u8,
    property: Option<String>,
}

/// The meters of an app, those that are built in among them, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meters(BTreeMap<String, Arc<Meter>>);

/// Requests to the API, each once.
pub const API_REQUESTS: &str = "api.requests";
/// Jobs that ran, each attempt once.
pub const JOBS_RUN: &str = "jobs.run";
/// Members with a seat, the most that there were.
pub const SEATS: &str = "seats";
/// Bytes of the tenant's file and uploads, the most that there were.
pub const STORAGE_BYTES: &str = "storage.bytes";

/// Whether a meter that is built in tells how something stands, rather than how often something happened.
pub fn is_level(name: &str) -> bool {
    [SEATS, STORAGE_BYTES].contains(&name)
}

const BUILT_IN: [(&str, &str, Aggregation); 4] = [
    (API_REQUESTS, "request", Aggregation::Sum),
    (JOBS_RUN, "job", Aggregation::Sum),
    (SEATS, "seat", Aggregation::Max),
    (STORAGE_BYTES, "byte", Aggregation::Max),
];

impl Default for Meters {
    fn default() -> Meters {
        let meter = |(name, unit, aggregation): (&str, &str, Aggregation)| Meter {
            name: name.to_owned(),
            unit: unit.to_owned(),
            aggregation,
            scale: 0,
            property: None,
            is_built_in: true,
        };
        Meters(
            BUILT_IN.into_iter().map(|built_in| (built_in.0.to_owned(), Arc::new(meter(built_in)))).collect(),
        )
    }
}

impl Meters {
    /// The meters of a section `[meters]`, and those that are built in.
    ///
    /// # Errors
    /// Every field at fault, with its place.
    pub fn read(section: BTreeMap<String, MeterToml>) -> Result<Meters, Vec<FieldError>> {
        let mut faults = Vec::new();
        if section.len() > MOST_METERS {
            return Err(vec![FieldError::new(
                "meters",
                "too_many",
                format!("must be at most {MOST_METERS} meters"),
            )]);
        }
        let mut meters = Meters::default();
        for (name, toml) in section {
            let mut fault = |field: &str, code: &'static str, message: &str| {
                faults.push(FieldError::new(format!("meters.{name}{field}"), code, message));
            };
            if !is_meter_name(&name) {
                fault(
                    "",
                    "name",
                    "must be named with 1 to 60 characters of a-z, 0-9, _, - and ., beginning with a letter",
                );
                continue;
            }
            if meters.0.contains_key(&name) {
                fault("", "built_in", "is counted by Tenantry itself; name another one");
                continue;
            }
            if toml.scale > MOST_DIGITS {
                fault(".scale", "range", "must be a whole number from 0 to 9: digits after the point");
            }
            if toml.scale > 0 && toml.aggregation.counts_events() {
                fault(".scale", "counts", "must be 0: this meter counts, and there are no parts of one");
            }
            let is_unique = toml.aggregation == Aggregation::Unique;
            match &toml.property {
                None if is_unique => {
                    fault(
                        ".property",
                        "required",
                        "is required for unique: the property whose different values count",
                    );
                }
                Some(_) if !is_unique => {
                    fault(".property", "no_effect", "has no effect without aggregation = \"unique\"");
                }
                Some(property) if property.is_empty() || property.len() > 100 => {
                    fault(".property", "name", "must have 1 to 100 bytes");
                }
                _ => {}
            }
            let unit = toml.unit.unwrap_or_else(|| "unit".to_owned());
            if unit.trim().is_empty() || unit.chars().count() > 40 || unit.chars().any(char::is_control) {
                fault(".unit", "name", "must have 1 to 40 visible characters");
            }
            let meter = Meter {
                name: name.clone(),
                unit,
                aggregation: toml.aggregation,
                scale: toml.scale,
                property: toml.property,
                is_built_in: false,
            };
            meters.0.insert(name, Arc::new(meter));
        }
        if faults.is_empty() { Ok(meters) } else { Err(faults) }
    }

    /// The meter of that name.
    pub fn get(&self, name: &str) -> Option<&Arc<Meter>> {
        self.0.get(name)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Meter>> {
        self.0.values()
    }

    /// Adds a meter that the app does not declare any more, but of which there may be usage.
    pub fn add_former(&mut self, meter: Meter) {
        self.0.entry(meter.name.clone()).or_insert_with(|| Arc::new(meter));
    }
}

/// Whether a meter may be called so.
fn is_meter_name(name: &str) -> bool {
    is_word(&name.replace('.', "_"), 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Meters, Vec<String>> {
        let section = toml::from_str(text).unwrap();
        Meters::read(section).map_err(|faults| {
            faults.into_iter().map(|fault| format!("{} {}", fault.field, fault.code)).collect()
        })
    }

    #[test]
    fn what_is_declared_stands_beside_what_is_built_in() {
        let meters = read("[tokens]\nunit = \"token\"\nscale = 2\n[\"pages.rendered\"]").unwrap();
        let names: Vec<&str> = meters.iter().map(|meter| meter.name.as_str()).collect();
        assert_eq!(names, [API_REQUESTS, JOBS_RUN, "pages.rendered", SEATS, STORAGE_BYTES, "tokens"]);
        assert_eq!(meters.get("tokens").unwrap().scale, 2);
        assert!(meters.get(SEATS).unwrap().is_built_in);
    }

    #[test]
    fn what_no_meter_can_be_is_named_with_its_place() {
        for (text, fault) in [
            ("[Tokens]", "meters.Tokens name"),
            ("[seats]", "meters.seats built_in"),
            ("[a]\nscale = 10", "meters.a.scale range"),
            ("[a]\naggregation = \"count\"\nscale = 1", "meters.a.scale counts"),
            ("[a]\naggregation = \"unique\"", "meters.a.property required"),
            ("[a]\nproperty = \"x\"", "meters.a.property no_effect"),
            ("[a]\nunit = \"\"", "meters.a.unit name"),
        ] {
            assert_eq!(read(text).unwrap_err(), [fault], "{text}");
        }
        assert!(toml::from_str::<BTreeMap<String, MeterToml>>("[a]\naggregation = \"mean\"").is_err());
        assert!(toml::from_str::<BTreeMap<String, MeterToml>>("[a]\nsclae = 1").is_err());
    }
}
