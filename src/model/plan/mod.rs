//! Plans: what a tenant pays and what it may use, as one document. A published version never changes.
//!
//! The same document is read from app.toml, from a plans file and from JSON, by one validation that names every field at
//! fault, and written in one canonical form: two documents that mean the same have the same digest.

mod decimal;
mod difference;
mod document;
mod feature;
mod limit;
mod meters;
mod price;
mod reader;
#[cfg(test)]
mod tests;

pub use decimal::Decimal;
pub use difference::{FieldChange, difference};
pub use document::{OF_APPS, PlansFile, object, read_plans, read_plans_file};
pub use feature::Feature;
pub use limit::{Limit, Window};
pub use meters::{KnownMeters, MeterFacts};
pub use price::{Price, PriceModel, Tier};

use crate::error::{FieldError, Result};
use crate::model::hex::hex;
use crate::model::money::Currency;
use crate::model::text::KEY_RULE;
use reader::Reader;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// The most that a fee or a minimum may be, in minor units.
pub(super) const MOST_MINOR: i64 = 1_000_000_000_000;
/// Prices, limits and features of one plan.
const MOST_ENTRIES: usize = 100;

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interval {
    /// A calendar month.
    Month,
    /// A calendar year.
    Year,
}

impl Interval {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Interval::Month => "month",
            Interval::Year => "year",
        }
    }

    /// The interval of that name.
    pub fn parse(name: &str) -> Option<Interval> {
        [Interval::Month, Interval::Year].into_iter().find(|interval| interval.name() == name)
    }

    /// How many months it has.
    pub const fn months(self) -> i64 {
        match self {
            Interval::Month => 1,
            Interval::Year => 12,
        }
    }
}

/// How fast a tenant may ask; what is not said is not bounded by the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second in the long run.
    pub requests_per_second: Option<u32>,
    /// Requests that may come at once.
    pub burst: Option<u32>,
    /// Requests that may be under way at the same time.
    pub concurrency: Option<u32>,
    /// Milliseconds of database time a second in the long run; several statements may run at once.
    pub database_ms_per_second: Option<u32>,
}

/// The tenant's part of the background work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobShare {
    /// How many turns it has for one of a tenant of weight 1.
    pub weight: Option<u32>,
    /// How many of its jobs run at the same time.
    pub concurrency: Option<u32>,
}

/// One plan: the document of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// What people call it.
    pub title: String,
    /// What all its amounts are in.
    pub currency: Currency,
    /// How long a period is.
    pub interval: Interval,
    /// What a period costs before any usage, in minor units.
    pub fee: i64,
    /// How many members a tenant may have; any number where nothing is said.
    pub seats: Option<u32>,
    /// Stripe's price of the fee.
    pub stripe_price: Option<String>,
    /// Days before the first period for which nothing is due. Once for each tenant.
    pub trial_days: u32,
    /// Whether tenants may choose it themselves. One that is not offered is given by an operator.
    pub offered: bool,
    /// What usage costs.
    pub prices: Vec<Price>,
    /// How much of each meter may be used.
    pub limits: BTreeMap<String, Limit>,
    /// How fast it may be asked.
    pub rate: Rate,
    /// Its part of the background work.
    pub jobs: JobShare,
    /// What else it has.
    pub features: BTreeMap<String, Feature>,
}

impl Plan {
    /// A plan of that title without fee, prices and limits.
    pub fn free(title: &str) -> Plan {
        Plan {
            title: title.to_owned(),
            currency: Currency::USD,
            interval: Interval::Month,
            fee: 0,
            seats: None,
            stripe_price: None,
            trial_days: 0,
            offered: true,
            prices: Vec::new(),
            limits: BTreeMap::new(),
            rate: Rate::default(),
            jobs: JobShare::default(),
            features: BTreeMap::new(),
        }
    }

    /// Whether nothing that a tenant does on it costs money.
    pub fn costs_nothing(&self) -> bool {
        self.fee == 0 && self.prices.is_empty()
    }

    /// Reads a document; `prefix` stands before the names of fields at fault.
    ///
    /// # Errors
    /// Every field at fault, unknown ones among them.
    pub fn read(
        document: Map<String, Value>,
        prefix: &str,
        meters: &KnownMeters,
    ) -> Result<Plan, Vec<FieldError>> {
        let mut faults = Vec::new();
        let mut reader = Reader::new(document, prefix.to_owned(), &mut faults);
        let plan = Plan::of_fields(&mut reader, meters);
        reader.finish();
        if faults.is_empty() { Ok(plan) } else { Err(faults) }
    }

    fn of_fields(reader: &mut Reader<'_>, meters: &KnownMeters) -> Plan {
        let currency = reader.text("currency", 3);
        let currency = currency.map(|code| {
            Currency::parse(&code).unwrap_or_else(|| {
                reader.fault("currency", "unknown", "must be a currency of ISO 4217 in capitals, like USD");
                Currency::USD
            })
        });
        let interval = reader.text("interval", 10);
        let interval = interval.map(|name| {
            Interval::parse(&name).unwrap_or_else(|| {
                reader.fault("interval", "unknown", "must be month or year");
                Interval::Month
            })
        });
        let prices = reader.objects("prices", MOST_ENTRIES, |price| Price::read(price, meters));
        for (index, price) in prices.iter().enumerate() {
            if prices[..index].iter().any(|before| before.meter == price.meter) {
                let message = "has a price already; a plan has one price for each meter, with tiers where it needs them";
                reader.fault(&format!("prices[{index}].meter"), "duplicate", message);
            }
        }
        let rate = reader.object("rate", |rate| Rate {
            requests_per_second: rate.count("requests_per_second", 1..=1_000_000),
            burst: rate.count("burst", 1..=1_000_000),
            concurrency: rate.count("concurrency", 1..=100_000),
            database_ms_per_second: rate.count("database_ms_per_second", 1..=1_000_000),
        });
        let jobs = reader.object("jobs", |jobs| JobShare {
            weight: jobs.count("weight", 1..=1_000),
            concurrency: jobs.count("concurrency", 1..=1_000),
        });
        Plan {
            title: reader.required_text("title", 100).unwrap_or_default(),
            currency: currency.unwrap_or(Currency::USD),
            interval: interval.unwrap_or(Interval::Month),
            fee: reader.minor("fee_cents", MOST_MINOR).unwrap_or_default(),
            seats: reader.count("seats", 1..=1_000_000),
            stripe_price: reader.text("stripe_price", 200),
            trial_days: reader.count("trial_days", 0..=730).unwrap_or_default(),
            offered: reader.flag("offered").unwrap_or(true),
            prices,
            limits: limit::read(reader, meters, MOST_ENTRIES),
            rate: rate.unwrap_or_default(),
            jobs: jobs.unwrap_or_default(),
            features: feature::read(reader, MOST_ENTRIES),
        }
    }

    /// The document in its canonical form: fields in one order, numbers in one spelling, nothing that says no more than
    /// its absence.
    pub fn document(&self) -> Map<String, Value> {
        let mut out = Map::new();
        let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
        put("title", self.title.clone().into());
        put("currency", self.currency.code().into());
        put("interval", self.interval.name().into());
        put("fee_cents", self.fee.to_string().into());
        if let Some(seats) = self.seats {
            put("seats", seats.into());
        }
        if let Some(price) = &self.stripe_price {
            put("stripe_price", price.clone().into());
        }
        put("trial_days", self.trial_days.into());
        put("offered", self.offered.into());
        put("prices", self.prices.iter().map(Price::write).collect());
        put("limits", limit::write(&self.limits));
        put(
            "rate",
            numbers(&[
                ("requests_per_second", self.rate.requests_per_second),
                ("burst", self.rate.burst),
                ("concurrency", self.rate.concurrency),
                ("database_ms_per_second", self.rate.database_ms_per_second),
            ]),
        );
        put("jobs", numbers(&[("weight", self.jobs.weight), ("concurrency", self.jobs.concurrency)]));
        let features = self.features.iter().map(|(name, feature)| (name.clone(), feature.write()));
        put("features", Value::Object(features.collect()));
        out
    }

    /// The same as text.
    pub fn canonical(&self) -> String {
        Value::Object(self.document()).to_string()
    }

    /// SHA-256 of the canonical text, in hex.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.canonical().as_bytes()))
    }

    /// A document that was published: it was checked then, and meters may have gone since.
    ///
    /// # Errors
    /// A text that no version of this program wrote.
    pub fn published(canonical: &str) -> Result<Plan> {
        let broken =
            |why: String| crate::error::Error::internal(format!("a published plan cannot be read: {why}"));
        let document = serde_json::from_str(canonical).map_err(|error| broken(error.to_string()))?;
        Plan::read(document, "", &KnownMeters::Any).map_err(|faults| broken(format!("{faults:?}")))
    }
}

fn numbers(numbers: &[(&str, Option<u32>)]) -> Value {
    let said = numbers.iter().filter_map(|(name, number)| Some(((*name).to_owned(), (*number)?.into())));
    Value::Object(said.collect())
}

/// 422 for what no plan may be called.
pub fn bad_plan_key(field: &str) -> FieldError {
    FieldError::new(field, "plan_key", KEY_RULE)
}
