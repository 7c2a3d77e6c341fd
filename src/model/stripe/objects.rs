//! Objects in the shapes of old and current API versions. From 2025-03-31 on, the period stands at a subscription's items
//! instead of the subscription, and an invoice's subscription below `parent`.

use super::states::{InvoiceState, SubscriptionState};
use crate::clock::{SECOND, Timestamp};
use crate::model::money::Currency;
use serde_json::Value;

/// Metadata that say of which installation and tenant an object is.
pub const INSTALLATION: &str = "tenantry_installation";
/// See [`INSTALLATION`].
pub const TENANT: &str = "tenantry_tenant";

/// Whether a text could be an id of Stripe's: it becomes part of a path.
pub(super) fn is_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An id, whether the object itself stands there or only its id.
pub(super) fn id_of(value: &Value) -> Option<String> {
    let id = value.as_str().or_else(|| value["id"].as_str())?;
    is_id(id).then(|| id.to_owned())
}

/// Seconds since 1970.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
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

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub customer: String,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// Stripe's word: incomplete, trialing, active, `past_due`, unpaid, canceled, ...
    pub status: String,
    /// Prices of its items; licensed ones before metered ones.
    pub prices: Vec<String>,
    /// From when to when what is paid for reaches.
    pub period: Option<(Timestamp, Timestamp)>,
    /// When its trial ends or ended.
    pub trial_end: Option<Timestamp>,
    /// When it is going to end.
    pub cancel_at: Option<Timestamp>,
    /// Whether nothing is collected for now.
    pub paused: bool,
    /// When it was made.
    pub created: Timestamp,
}

impl Subscription {
    /// Reads one; nothing for what is none.
    pub fn read(object: &Value) -> Option<Subscription> {
        if object["object"] != "subscription" {
            return None;
        }
        let mut sold: Vec<&Value> = items(&object["items"]).collect();
        sold.sort_by_key(|item| item["price"]["recurring"]["usage_type"] == "metered");
        let price = |item: &&Value| id_of(&item["price"]).or_else(|| id_of(&item["plan"]));
        let mut prices: Vec<String> = sold.iter().filter_map(price).collect();
        if prices.is_empty() {
            prices.extend(id_of(&object["plan"]));
        }
        let period =
            |at: &Value| Some((moment(&at["current_period_start"])?, moment(&at["current_period_end"])?));
        let period = period(object).or_else(|| sold.iter().find_map(|item| period(item)));
        let ends = object["cancel_at_period_end"] == true;
        let paused = object["pause_collection"].is_object() || object["status"] == "paused";
        Some(Subscription {
            id: id_of(object)?,
            customer: id_of(&object["customer"])?,
            livemode: object["livemode"].as_bool()?,
            status: text(&object["status"], 50)?,
            prices,
            period,
            trial_end: moment(&object["trial_end"]),
            cancel_at: moment(&object["cancel_at"]).or(period.filter(|_| ends).map(|(_, end)| end)),
            paused,
            created: moment(&object["created"]).unwrap_or_default(),
        })
    }

    /// What is kept of it.
    pub fn state(&self) -> SubscriptionState {
        SubscriptionState {
            status: self.status.clone(),
            price: self.prices.first().cloned(),
            period: self.period,
            trial_end: self.trial_end,
            cancel_at: self.cancel_at,
            paused: self.paused,
            created: self.created,
        }
    }
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub customer: String,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// The subscription that it is of.
    pub subscription: Option<String>,
    /// Its number, once it has one.
    pub number: Option<String>,
    /// Stripe's word: draft, open, paid, void, uncollectible.
    pub status: String,
    /// The currency.
    pub currency: Currency,
    /// The total, as Stripe counts.
    pub total: i64,
    /// What was paid of it.
    pub paid: i64,
    /// How often it was tried to collect it.
    pub attempts: i64,
    /// The time whose usage it bills.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Where it can be paid.
    pub url: Option<String>,
    /// Whether the last try to finalize it went wrong.
    pub finalization_failed: bool,
    /// When it was made.
    pub created: Timestamp,
}

impl Invoice {
    /// Reads one; nothing for what is none.
    pub fn read(object: &Value) -> Option<Invoice> {
        if object["object"] != "invoice" {
            return None;
        }
        let subscription = id_of(&object["subscription"])
            .or_else(|| id_of(object.pointer("/parent/subscription_details/subscription")?))
            // Of lines in between those versions.
            .or_else(|| items(&object["lines"]).find_map(|line| id_of(&line["subscription"])));
        Some(Invoice {
            id: id_of(object)?,
            customer: id_of(&object["customer"])?,
            livemode: object["livemode"].as_bool()?,
            subscription,
            number: text(&object["number"], 100),
            status: text(&object["status"], 50)?,
            currency: Currency::parse(&object["currency"].as_str()?.to_ascii_uppercase())?,
            total: object["total"].as_i64()?,
            paid: object["amount_paid"].as_i64().unwrap_or(0),
            attempts: object["attempt_count"].as_i64().unwrap_or(0),
            period: moment(&object["period_start"]).zip(moment(&object["period_end"])),
            url: text(&object["hosted_invoice_url"], 2_000),
            finalization_failed: object["status"] == "draft" && object["last_finalization_error"].is_object(),
            created: moment(&object["created"]).unwrap_or_default(),
        })
    }

    /// What is kept of it.
    pub fn state(&self) -> InvoiceState {
        InvoiceState {
            subscription: self.subscription.clone(),
            number: self.number.clone(),
            status: self.status.clone(),
            currency: self.currency.code().to_owned(),
            total: self.total,
            paid: self.paid,
            attempts: self.attempts,
            period: self.period,
            url: self.url.clone(),
            created: self.created,
        }
    }
}

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
        })
    }

    /// Whether what was to be paid is paid. That it is complete does not say so.
    pub fn is_paid(&self) -> bool {
        matches!(self.payment.as_str(), "paid" | "no_payment_required")
    }
}

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

/// What the metadata of a customer say: its installation and tenant.
pub fn labels_of(customer: &Value) -> Option<(String, String, String)> {
    let (installation, tenant) = labels(customer);
    Some((id_of(customer)?, installation?, tenant?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn item(usage: &str, price: &str, more: Value) -> Value {
        let mut item = json!({"price": {"id": price, "recurring": {"usage_type": usage}}});
        item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        item
    }

    fn subscription(items: Value, more: Value) -> Value {
        let mut object = json!({
            "object": "subscription", "id": "sub_1", "customer": "cus_1", "livemode": false, "status": "active",
            "created": 1, "items": {"data": items},
        });
        object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        object
    }

    #[test]
    fn a_period_is_found_at_the_subscription_or_at_its_items() {
        let times = json!({"current_period_start": 10, "current_period_end": 20});
        let expected = Some((Timestamp(10_000), Timestamp(20_000)));
        let old = subscription(json!([item("licensed", "price_1", json!({}))]), times.clone());
        assert_eq!(Subscription::read(&old).unwrap().period, expected);
        let other = json!({"current_period_start": 1, "current_period_end": 2});
        let items = json!([item("metered", "price_2", other), item("licensed", "price_1", times)]);
        let current =
            Subscription::read(&subscription(items, json!({"cancel_at_period_end": true}))).unwrap();
        assert_eq!((current.period, current.cancel_at), (expected, Some(Timestamp(20_000))));
        assert_eq!(current.prices, ["price_1", "price_2"]);
        let ancient = subscription(json!([]), json!({"plan": {"id": "gold"}, "pause_collection": {}}));
        let ancient = Subscription::read(&ancient).unwrap();
        assert_eq!((ancient.prices.as_slice(), ancient.paused), (&["gold".to_owned()][..], true));
        let no_customer = subscription(json!([]), json!({"customer": null}));
        assert_eq!(Subscription::read(&no_customer), None);
    }

    #[test]
    fn an_invoice_names_its_subscription_in_either_place() {
        let invoice = |more: Value| {
            let mut object = json!({
                "object": "invoice", "id": "in_1", "customer": "cus_1", "livemode": false, "status": "open",
                "currency": "usd", "total": 5,
            });
            object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Invoice::read(&object).unwrap()
        };
        let expected = Some("sub_1".to_owned());
        assert_eq!(invoice(json!({"subscription": "sub_1"})).subscription, expected);
        assert_eq!(invoice(json!({"subscription": {"id": "sub_1"}})).subscription, expected);
        let parent =
            json!({"type": "subscription_details", "subscription_details": {"subscription": "sub_1"}});
        assert_eq!(invoice(json!({"subscription": null, "parent": parent})).subscription, expected);
        let lines = json!({"data": [{"subscription": null}, {"subscription": "sub_1"}]});
        assert_eq!(invoice(json!({"lines": lines})).subscription, expected);
        assert_eq!(invoice(json!({})).subscription, None);
    }
}
