//! What a plan has to know of the meters that it names.

use super::reader::Reader;
use crate::model::meter::{Meter, Meters, STORAGE_BYTES};
use std::collections::BTreeMap;

/// What matters of one meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeterFacts {
    /// Digits that it keeps after the point, 0 to 9.
    pub scale: u8,
    /// Whether a hard limit can be held without overshooting: of what is summed or counted, where each event adds.
    pub takes_hard_limit: bool,
}

/// The meters that a plan may name.
#[derive(Clone, Debug)]
pub enum KnownMeters {
    /// These, by name.
    These(BTreeMap<String, MeterFacts>),
    /// Whatever it names: of what was checked before.
    Any,
}

impl KnownMeters {
    /// Those of an app.
    pub fn of(meters: &Meters) -> KnownMeters {
        let facts = |meter: &Meter| MeterFacts {
            scale: meter.scale,
            takes_hard_limit: meter.aggregation.adds_up() || meter.name == STORAGE_BYTES,
        };
        KnownMeters::These(meters.iter().map(|meter| (meter.name.clone(), facts(meter))).collect())
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
