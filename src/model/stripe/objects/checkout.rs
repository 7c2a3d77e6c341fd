//! Checkouts.

use super::{SALE, id_of, labels, moment, text};
use crate::clock::Timestamp;
use serde_json::Value;

/// A checkout session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckoutSession {
    /// Its id.
    pub id: String,
    /// Whose it is, once that is known.
    pub customer: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// subscription, payment or setup.
    pub mode: String,
    /// open, complete or expired.
    pub status: String,
    /// paid, unpaid or `no_payment_required`.
    pub payment: String,
    /// What it began.
    pub subscription: Option<String>,
    /// The installation that its metadata name.
    pub installation: Option<String>,
    /// The tenant that its metadata name.
    pub tenant: Option<String>,
    /// Where it is paid.
    pub url: Option<String>,
    /// What is sold in it, and where it leads to: what its metadata say.
    pub sale: Option<String>,
    /// When it can be paid no longer.
    pub expires: Option<Timestamp>,
}

impl CheckoutSession {
    /// Reads one; nothing for what is none.
    pub fn read(object: &Value) -> Option<CheckoutSession> {
        if object["object"] != "checkout.session" {
            return None;
        }
        let (installation, tenant) = labels(object);
        Some(CheckoutSession {
            id: id_of(object)?,
            customer: id_of(&object["customer"]),
            livemode: object["livemode"].as_bool()?,
            mode: text(&object["mode"], 50)?,
            status: text(&object["status"], 50)?,
            payment: text(&object["payment_status"], 50)?,
            subscription: id_of(&object["subscription"]),
            installation,
            tenant,
            url: text(&object["url"], 2_000),
            sale: text(&object["metadata"][SALE], 100),
            expires: moment(&object["expires_at"]),
        })
    }

    /// Whether what was to be paid is paid. That it is complete does not say so.
    pub fn is_paid(&self) -> bool {
        matches!(self.payment.as_str(), "paid" | "no_payment_required")
    }
}
