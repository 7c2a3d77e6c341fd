//! Prices of a plan: what the usage of one meter costs.

use super::reader::Reader;
use super::{KnownMeters, MOST_MINOR};
use crate::model::money::Amount;
use crate::model::plan::Decimal;
use serde_json::{Map, Value, json};

/// Tiers of one price.
const MOST_TIERS: usize = 50;

/// What the usage of one meter costs. A plan has at most one for each: what a meter costs in a service period is rounded
/// once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// The meter's name.
    pub meter: String,
    /// What the fee covers of a whole period; only what goes beyond it costs. For a part of a period its share by time.
    pub included: Decimal,
    /// What a whole period costs at least, in minor units, used or not. For a part of a period its share by time.
    pub minimum: i64,
    /// How it is counted.
    pub model: PriceModel,
}

/// How a price is counted. Each looks at what was used beyond `included`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriceModel {
    /// One amount, whatever the quantity, as soon as there is any.
    Flat(Amount),
    /// So much for each unit.
    PerUnit(Amount),
    /// Each tier's price for what lies within it.
    Graduated(Vec<Tier>),
    /// The price of the tier that the whole quantity reaches, for all of it.
    Volume(Vec<Tier>),
    /// So much for each package that was begun.
    Package {
        /// Units of one package.
        size: Decimal,
        /// What it costs.
        amount: Amount,
    },
}

/// A step of a graduated or a volume price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tier {
    /// Its last unit; none of the last tier.
    pub up_to: Option<Decimal>,
    /// For each unit.
    pub unit: Amount,
    /// Once, as soon as the tier is reached.
    pub flat: Amount,
}

impl PriceModel {
    /// Its name in a plan document.
    pub fn name(&self) -> &'static str {
        match self {
            PriceModel::Flat(_) => "flat",
            PriceModel::PerUnit(_) => "per_unit",
            PriceModel::Graduated(_) => "graduated",
            PriceModel::Volume(_) => "volume",
            PriceModel::Package { .. } => "package",
        }
    }
}

impl Price {
    pub(super) fn read(reader: &mut Reader<'_>, meters: &KnownMeters) -> Option<Price> {
        let meter = reader.required_text("meter", 100).unwrap_or_default();
        let scale = meters.require(reader, "meter", &meter).map(|facts| facts.scale);
        let included = reader.quantity("included", scale).unwrap_or_default();
        let minimum = reader.minor("minimum_cents", MOST_MINOR).unwrap_or_default();
        let model = reader.required_text("model", 20)?;
        let model = match model.as_str() {
            "flat" => PriceModel::Flat(reader.required_amount("amount_cents")?),
            "per_unit" => PriceModel::PerUnit(reader.required_amount("unit_cents")?),
            "graduated" => PriceModel::Graduated(read_tiers(reader, scale)?),
            "volume" => PriceModel::Volume(read_tiers(reader, scale)?),
            "package" => {
                let size = reader.quantity("package_size", scale);
                let amount = reader.required_amount("package_cents");
                if size.is_none_or(|size| size == Decimal::ZERO) && !reader.is_at_fault("package_size") {
                    reader.fault(
                        "package_size",
                        "required",
                        "must be more than 0: how many units are a package",
                    );
                }
                PriceModel::Package { size: size?, amount: amount? }
            }
            _ => {
                let message = "must be flat, per_unit, graduated, volume or package";
                reader.fault("model", "unknown", message);
                // Which other fields belong to it nobody can tell.
                reader.ignore_rest();
                return None;
            }
        };
        Some(Price { meter, included, minimum, model })
    }

    pub(super) fn write(&self) -> Value {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
        put("meter", self.meter.clone().into());
        put("model", self.model.name().into());
        if self.included != Decimal::ZERO {
            put("included", self.included.to_string().into());
        }
        match &self.model {
            PriceModel::Flat(amount) => put("amount_cents", amount.to_string().into()),
            PriceModel::PerUnit(unit) => put("unit_cents", unit.to_string().into()),
            PriceModel::Graduated(tiers) | PriceModel::Volume(tiers) => {
                put("tiers", tiers.iter().map(Tier::write).collect());
            }
            PriceModel::Package { size, amount } => {
                put("package_size", size.to_string().into());
                put("package_cents", amount.to_string().into());
            }
        }
        if self.minimum != 0 {
            put("minimum_cents", self.minimum.to_string().into());
        }
        Value::Object(out)
    }
}

impl Tier {
    fn write(&self) -> Value {
        let mut out = json!({ "unit_cents": self.unit.to_string() });
        if let Some(up_to) = self.up_to {
            out["up_to"] = up_to.to_string().into();
        }
        if self.flat != Amount::ZERO {
            out["flat_cents"] = self.flat.to_string().into();
        }
        out
    }
}

fn read_tiers(reader: &mut Reader<'_>, scale: Option<u8>) -> Option<Vec<Tier>> {
    let tiers = reader.objects("tiers", MOST_TIERS, |tier| {
        let up_to = tier.quantity("up_to", scale);
        let unit = tier.amount("unit_cents");
        let flat = tier.amount("flat_cents");
        if unit.is_none() && flat.is_none() && !tier.is_at_fault("unit_cents") {
            tier.fault("unit_cents", "required", "is required, or flat_cents: what the tier costs");
        }
        Some(Tier { up_to, unit: unit.unwrap_or_default(), flat: flat.unwrap_or_default() })
    });
    if tiers.is_empty() {
        if !reader.is_at_fault("tiers") {
            reader.fault("tiers", "required", "is required: at least one tier, the last without up_to");
        }
        return None;
    }
    let last = tiers.len() - 1;
    let mut before = Decimal::ZERO;
    for (index, tier) in tiers.iter().enumerate() {
        let field = format!("tiers[{index}].up_to");
        if reader.is_at_fault(&field) {
            continue;
        }
        match tier.up_to {
            Some(_) if index == last => {
                reader.fault(&field, "last_tier", "must be left out in the last tier, which has no end");
            }
            None if index < last => {
                reader.fault(&field, "required", "is required in every tier but the last");
            }
            Some(up_to) if up_to <= before => {
                let message = format!("must be more than {before}, where the tier before ends");
                reader.fault(&field, "order", message);
            }
            Some(up_to) => before = up_to,
            None => {}
        }
    }
    Some(tiers)
}
