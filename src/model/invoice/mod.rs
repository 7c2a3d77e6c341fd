//! Invoices: what was used in a service period, what it costs by the plan, and the lines that say so.
//!
//! The document holds what its lines were drawn from ([`Basis`]) beside them, so that whoever has the usage can draw
//! them again. It is written in one form, over which its digest is made; once it is final it never changes.

mod basis;
mod credit;
mod details;
mod measure;
mod status;
mod tax;

pub use basis::{Basis, MeterUsage, Service};
pub use credit::{Credit, CreditTerms};
pub use details::BillingDetails;
pub use measure::Measure;
pub use status::{InvoiceStatus, LineKind};
pub use tax::TaxRate;

use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::hex::hex;
use crate::model::money::Currency;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The format of the documents that are written now.
pub const FORMAT: &str = "tenantry.invoice.v1";

/// A stretch of time: from its first moment to the one after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its first moment.
    pub from: Timestamp,
    /// The first moment after it.
    pub to: Timestamp,
}

impl Span {
    /// Between two moments, in milliseconds since 1970 UTC.
    pub fn of(from: i64, to: i64) -> Span {
        Span { from: Timestamp(from), to: Timestamp(to) }
    }

    /// Its last moment; of one of no length its first.
    pub fn last(self) -> Timestamp {
        Timestamp((self.to.0 - 1).max(self.from.0))
    }
}

/// Who is invoiced, as it was called then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// The tenant.
    pub id: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// Whom the invoice is addressed to, where the tenant says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<BillingDetails>,
}

/// What stands above the lines.
#[derive(Clone, Debug)]
pub struct Head {
    /// The invoice's id.
    pub id: InvoiceId,
    /// When it is drawn up.
    pub drawn_at: Timestamp,
    /// Who sends it.
    pub issuer: String,
    /// Who is to pay it.
    pub tenant: Customer,
    /// The time zone of its dates.
    pub timezone: String,
    /// What it is in.
    pub currency: String,
    /// What it is for.
    pub period: Span,
}

/// One invoice. Amounts are whole minor units of its currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// [`FORMAT`].
    pub format: String,
    /// Follows from the tenant and the service period: closing it again makes the same one.
    pub id: InvoiceId,
    /// Without gaps in the installation; given as it turns final.
    pub number: Option<String>,
    /// When it was drawn up.
    pub drawn_at: Timestamp,
    /// When it turned final.
    pub issued_at: Option<Timestamp>,
    /// Until when it is to be paid.
    pub due_at: Option<Timestamp>,
    /// Who sends it: name, address, whatever the law asks for.
    pub issuer: String,
    /// Who is to pay it.
    pub tenant: Customer,
    /// The time zone of its dates.
    pub timezone: String,
    /// What all amounts are in.
    pub currency: String,
    /// What it is for.
    pub period: Span,
    /// Its lines. Their amounts add up to `total`.
    pub lines: Vec<InvoiceLine>,
    /// All lines but the tax.
    #[serde(rename = "subtotal_cents")]
    pub subtotal: i64,
    /// The tax on that.
    #[serde(rename = "tax_cents")]
    pub tax: i64,
    /// What is to be paid; never less than nothing.
    #[serde(rename = "total_cents")]
    pub total: i64,
    /// What the lines were drawn from.
    pub basis: Basis,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// Follows from the invoice and the line's place on it.
    pub id: String,
    /// What it stands for.
    pub kind: LineKind,
    /// The number of the service period that it is about.
    pub service_period: Option<i64>,
    /// The meter, of usage and adjustments.
    pub meter: Option<String>,
    /// In words.
    pub description: String,
    /// How many; with the meter's digits after the point.
    pub quantity: String,
    /// What each of them costs, in minor units with up to six digits after the point.
    #[serde(rename = "unit_cents")]
    pub unit: Option<String>,
    /// What it comes to.
    #[serde(rename = "amount_cents")]
    pub amount: i64,
    /// The first usage event of the meter in the service period.
    pub seq_from: Option<i64>,
    /// The last one.
    pub seq_to: Option<i64>,
    /// How many there are.
    pub events: Option<i64>,
    /// SHA-256 over them, in hex.
    pub digest: Option<String>,
}

/// The id of what closing a service period of a tenant makes. `currency` is another one than that of the service
/// period's own invoice where only differences of earlier ones are due in it.
pub fn invoice_id(tenant: TenantId, closes: i64, currency: &str) -> InvoiceId {
    let of = format!("tenantry.invoice.v1\n{tenant}\n{closes}\n{currency}");
    InvoiceId::derived(&Sha256::digest(of.as_bytes()).into())
}

/// The id of the line at that place, from 0.
pub fn line_id(invoice: InvoiceId, position: usize) -> String {
    format!("{invoice}-{position:03}")
}

impl Invoice {
    /// The document in its one form.
    ///
    /// # Errors
    /// None that is known of.
    pub fn canonical(&self) -> Result<String> {
        Ok(serde_json::to_string(self)?)
    }

    /// SHA-256 of that, in hex.
    ///
    /// # Errors
    /// As [`Invoice::canonical`].
    pub fn digest(&self) -> Result<String> {
        Ok(hex(&Sha256::digest(self.canonical()?.as_bytes())))
    }

    /// Reads a document.
    ///
    /// # Errors
    /// A text that no version of this program wrote.
    pub fn read(text: &str) -> Result<Invoice> {
        let broken = |why: String| Error::internal(format!("an invoice cannot be read: {why}"));
        let invoice: Invoice = serde_json::from_str(text).map_err(|error| broken(error.to_string()))?;
        if invoice.format != FORMAT {
            return Err(broken(format!("its format is {}", invoice.format)));
        }
        Ok(invoice)
    }

    /// An amount of it as people write it.
    pub fn write(&self, minor: i64) -> String {
        Currency::parse(&self.currency)
            .map_or_else(|| format!("{minor} {}", self.currency), |currency| currency.write(minor))
    }

    /// A price for one of something, in minor units with digits after the point, in the currency's own unit: `0.002` of a
    /// cent are `0.00002 USD`.
    pub fn write_price(&self, unit: &str) -> String {
        let digits = Currency::parse(&self.currency).map_or(0, Currency::digits) as usize;
        let (sign, unit) = unit.strip_prefix('-').map_or(("", unit), |unit| ("-", unit));
        let (whole, fraction) = unit.split_once('.').unwrap_or((unit, ""));
        let whole = format!("{whole:0>width$}", width = digits + 1);
        let (major, minor) = whole.split_at(whole.len() - digits);
        let fraction = format!("{minor}{fraction}");
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{major}{point}{fraction} {}", self.currency)
    }

    /// The day of a moment by the calendar of its time zone.
    pub fn day(&self, moment: Timestamp) -> Option<String> {
        let zone = jiff::tz::TimeZone::get(&self.timezone).ok()?;
        let moment = jiff::Timestamp::from_millisecond(moment.0).ok()?;
        Some(zone.to_datetime(moment).date().to_string())
    }

    /// Credit of earlier invoices that it took.
    pub fn credit_taken(&self) -> i64 {
        self.credits().filter(|amount| *amount < 0).map(i64::wrapping_neg).sum()
    }

    /// Credit that it leaves for later ones.
    pub fn credit_left(&self) -> i64 {
        self.credits().filter(|amount| *amount > 0).sum()
    }

    fn credits(&self) -> impl Iterator<Item = i64> {
        self.lines.iter().filter(|line| line.kind == LineKind::Credit).map(|line| line.amount)
    }

    /// Whether there is anything on it: an invoice on which every line is nothing is not issued.
    pub fn says_something(&self) -> bool {
        self.lines.iter().any(|line| line.amount != 0)
    }
}
