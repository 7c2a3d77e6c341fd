//! The ledger of issued invoices: which number is whose, one signed line each.

use super::signed::Signed;
use crate::id::{InvoiceId, TenantId};
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

/// A line of the ledger.
pub type IssuedLine = Signed<Issued>;
