//! The ledgers of issued documents: which number is whose, one signed line each.

use crate::clock::Timestamp;
use crate::id::{CreditNoteId, InvoiceId, TenantId};
use serde::{Deserialize, Serialize};

/// What a line says it is.
pub const FORMAT: &str = "tenantry.issued-invoice.v1";

/// The same of a line by which an operator declared the number lost: its invoice is not to be had any more.
pub const LOST: &str = "tenantry.lost-invoice.v1";

/// The statement that is signed: this invoice has that number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Issued {
    /// [`FORMAT`] or [`LOST`].
    pub format: String,
    /// The number in its series.
    pub number: i64,
    /// The invoice.
    pub invoice: InvoiceId,
    /// Whose it is.
    pub tenant: TenantId,
    /// SHA-256 of its document, in hex.
    pub digest: String,
}

/// What a line of the ledger of credit notes says it is.
pub const CREDIT_NOTE: &str = "tenantry.issued-credit-note.v1";

/// The statement that is signed: a credit note, whole. Nothing else keeps it beside the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuedCreditNote {
    /// [`CREDIT_NOTE`].
    pub format: String,
    /// The number in its series.
    pub number: i64,
    /// The credit note.
    pub credit_note: CreditNoteId,
    /// The invoice that it takes something back of.
    pub invoice: InvoiceId,
    /// Whose both are.
    pub tenant: TenantId,
    /// How much, in minor units of the invoice's currency.
    pub amount: i64,
    /// Why.
    pub reason: String,
    /// When.
    pub issued_at: Timestamp,
}

/// A line of a ledger of numbers.
pub trait NumberLine {
    /// The number that it says was issued; nothing where it says something else.
    fn issued(&self) -> Option<i64>;
}

impl NumberLine for Issued {
    fn issued(&self) -> Option<i64> {
        (self.format == FORMAT).then_some(self.number)
    }
}

impl NumberLine for IssuedCreditNote {
    fn issued(&self) -> Option<i64> {
        (self.format == CREDIT_NOTE).then_some(self.number)
    }
}
