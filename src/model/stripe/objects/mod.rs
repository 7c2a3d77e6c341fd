//! Objects in the shapes of old and current API versions. From 2025-03-31 on, the period stands at a subscription's items
//! instead of the subscription, and an invoice's subscription below `parent`.

mod charge;
mod checkout;
mod invoice;
mod subscription;

pub use charge::Payment;
pub use checkout::CheckoutSession;
pub use invoice::Invoice;
pub use subscription::Subscription;

use crate::clock::{SECOND, Timestamp};
use serde_json::Value;

/// Metadata that say of which installation and tenant an object is.
pub const INSTALLATION: &str = "tenantry_installation";
/// See [`INSTALLATION`].
pub const TENANT: &str = "tenantry_tenant";
/// Metadata that say what a checkout sells: the same for the same.
pub const SALE: &str = "tenantry_sale";

/// Whether a text could be an id of Stripe's: it becomes part of a path.
pub(in crate::model::stripe) fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An id, whether the object itself stands there or only its id.
pub(in crate::model::stripe) fn id_of(value: &Value) -> Option<String> {
    let id = value.as_str().or_else(|| value["id"].as_str())?;
    is_id(id).then(|| id.to_owned())
}

/// Seconds since 1970.
pub(in crate::model::stripe) fn moment(value: &Value) -> Option<Timestamp> {
    value.as_i64().filter(|seconds| (0..1 << 40).contains(seconds)).map(|seconds| Timestamp(seconds * SECOND))
}

fn text(value: &Value, most: usize) -> Option<String> {
    value.as_str().map(|text| text.chars().take(most).collect())
}

/// The installation and tenant that an object's metadata name.
fn labels(object: &Value) -> (Option<String>, Option<String>) {
    let label = |name: &str| text(&object["metadata"][name], 100);
    (label(INSTALLATION), label(TENANT))
}

/// Reads a list's items.
fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["data"].as_array().into_iter().flatten()
}

/// What the metadata of a customer say: its installation and tenant.
pub fn labels_of(customer: &Value) -> Option<(String, String, String)> {
    let (installation, tenant) = labels(customer);
    Some((id_of(customer)?, installation?, tenant?))
}
