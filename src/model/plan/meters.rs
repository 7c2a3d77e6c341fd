//! What a plan has to know of the meters that it names.

use super::reader::Reader;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What matters of one meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterFacts {
    /// Digits that it keeps after the point, 0 to 9.
    pub scale: u8,
    /// Whether a hard limit can be held without overshooting: of what is summed or counted, where each event adds.
    pub takes_hard_limit: bool,
}

/// Meters that are there without being declared, and whether they take a hard limit. None keeps digits after the point.
const BUILT_IN: [(&str, bool); 4] =
    [("api.requests", true), ("jobs.run", true), ("seats", false), ("storage.bytes", true)];

/// The meters that a plan may name.
#[derive(Clone, Debug)]
pub enum KnownMeters {
    /// These, by name.
    These(BTreeMap<String, MeterFacts>),
    /// Whatever it names: of what was checked before.
    Any,
}

impl KnownMeters {
    /// Those that are built in.
    pub fn built_in() -> KnownMeters {
        let facts = |takes_hard_limit| MeterFacts { scale: 0, takes_hard_limit };
        KnownMeters::These(BUILT_IN.iter().map(|(name, hard)| ((*name).to_owned(), facts(*hard))).collect())
    }

    /// With those of a section `[meters]` too, which count instead of any of the same name.
    #[must_use]
    pub fn with_declared(self, section: &Map<String, Value>) -> KnownMeters {
        let KnownMeters::These(mut known) = self else { return self };
        for (name, meter) in section {
            let scale = meter.get("scale").and_then(Value::as_u64).and_then(|scale| u8::try_from(scale).ok());
            let aggregation = meter.get("aggregation").and_then(Value::as_str).unwrap_or("sum");
            let facts = MeterFacts {
                scale: scale.unwrap_or_default().min(9),
                takes_hard_limit: ["sum", "count"].contains(&aggregation),
            };
            known.insert(name.clone(), facts);
        }
        KnownMeters::These(known)
    }

    /// What is said of a meter that a field names; nothing where it is unknown, which is a fault of that field.
    pub(super) fn require(&self, reader: &mut Reader<'_>, field: &str, meter: &str) -> Option<MeterFacts> {
        let KnownMeters::These(known) = self else { return None };
        let facts = known.get(meter).copied();
        if facts.is_none() && !meter.is_empty() {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let message =
                format!("there is no such meter; declared in app.toml or built in are {}", names.join(", "));
            reader.fault(field, "unknown_meter", message);
        }
        facts
    }
}
