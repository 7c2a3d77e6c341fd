//! Charges, and disputes of them.

use super::id_of;
use serde_json::Value;

/// A charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub customer: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// The invoice that it paid, where it says so: not in current versions.
    pub invoice: Option<String>,
    /// The payment intent that it belongs to.
    pub intent: Option<String>,
    /// How much of it was given back, as Stripe counts.
    pub refunded: i64,
    /// Whether it is disputed.
    pub disputed: bool,
}

impl Payment {
    /// Reads a charge; nothing for what is none.
    pub fn read(object: &Value) -> Option<Payment> {
        if object["object"] != "charge" {
            return None;
        }
        Some(Payment {
            id: id_of(object)?,
            customer: id_of(&object["customer"]),
            livemode: object["livemode"].as_bool()?,
            invoice: id_of(&object["invoice"]),
            intent: id_of(&object["payment_intent"]),
            refunded: object["amount_refunded"].as_i64().unwrap_or(0),
            disputed: object["disputed"].as_bool().unwrap_or(false),
        })
    }

    /// The charge that a dispute is about.
    pub fn disputed_by(dispute: &Value) -> Option<String> {
        id_of(&dispute["charge"])
    }
}
