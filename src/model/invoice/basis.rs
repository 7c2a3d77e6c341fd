//! What the lines of an invoice are drawn from: the service periods, their plans, and what was used in them.

use super::{Span, TaxRate};
use crate::model::usage_head::UsageHead;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the lines of an invoice were drawn from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basis {
    /// The number of the service period that was closed.
    pub closes: i64,
    /// The last usage event that counted.
    pub watermark: i64,
    /// That it was the last one, signed; nothing where no events count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage_head: Option<UsageHead>,
    /// The service period that is invoiced, and earlier ones with usage that came late.
    pub services: Vec<Service>,
    /// What tax is levied.
    pub tax_rate: Option<TaxRate>,
    /// Whether Stripe sends it: ours is the statement to that then.
    #[serde(default, skip_serializing_if = "is_default")]
    pub by_stripe: bool,
    /// Credit that earlier documents of the same biller left; of Stripe what is in the balance there.
    #[serde(rename = "credit_cents")]
    pub credit: i64,
    /// Credit that documents of the other biller left, carried onto this one.
    #[serde(rename = "carried_cents", default, skip_serializing_if = "is_default")]
    pub carried: i64,
    /// Credit in the balance at Stripe that was given on our invoices, taken back with this one.
    #[serde(rename = "taken_back_cents", default, skip_serializing_if = "is_default")]
    pub taken_back: i64,
}

/// What says nothing is not in the document: those of before read as they were written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A service period and what was used in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its number.
    pub number: i64,
    /// Whether it was invoiced before, and only differences are due.
    pub was_billed: bool,
    /// Whether it was a trial, for which nothing is due.
    pub is_trial: bool,
    /// From when to when.
    pub part: Span,
    /// The period that it is all or a part of.
    pub whole: Span,
    /// The plan.
    pub plan: String,
    /// Its version.
    pub version: i64,
    /// What the plan says of money.
    pub terms: Map<String, Value>,
    /// What was used of its meters.
    pub usage: Vec<MeterUsage>,
}

/// What was used of one meter in a service period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeterUsage {
    /// The meter.
    pub meter: String,
    /// What one of it is called.
    pub unit: String,
    /// Digits after the point that it keeps.
    pub scale: u8,
    /// How its events add up.
    pub aggregation: String,
    /// The property whose different values count, of `unique`.
    pub property: Option<String>,
    /// Whether Tenantry counted it itself: there are no events then.
    pub is_built_in: bool,
    /// How much, in the meter's smallest unit.
    pub quantity: i64,
    /// The first event.
    pub seq_from: Option<i64>,
    /// The last one.
    pub seq_to: Option<i64>,
    /// How many there are.
    pub events: i64,
    /// SHA-256 over them, in hex.
    pub digest: String,
    /// What earlier invoices said was used.
    pub booked_quantity: i64,
    /// What earlier invoices said that costs.
    #[serde(rename = "booked_cents")]
    pub booked: i64,
}
