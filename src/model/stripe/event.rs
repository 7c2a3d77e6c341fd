//! An event: that something became of an object. What became of it says the object itself.

use super::objects::{id_of, is_id, moment};
use crate::clock::Timestamp;
use serde_json::Value;

/// Something of Stripe's that is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A checkout session.
    Checkout,
    /// A subscription.
    Subscription,
    /// An invoice.
    Invoice,
    /// A charge.
    Charge,
    /// A dispute of a charge.
    Dispute,
}

impl ObjectKind {
    /// Its word in the field `object`.
    pub const fn name(self) -> &'static str {
        match self {
            ObjectKind::Checkout => "checkout.session",
            ObjectKind::Subscription => "subscription",
            ObjectKind::Invoice => "invoice",
            ObjectKind::Charge => "charge",
            ObjectKind::Dispute => "dispute",
        }
    }
}

/// What an event gives reason to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The object.
    pub kind: ObjectKind,
    /// What went wrong, where the event says something that the object does not.
    pub trouble: Option<&'static str>,
    /// Whether it says that a trial is about to end.
    pub trial_ends: bool,
}

/// That a trial ends in three days, or ended at once.
const TRIAL_ENDS: &str = "customer.subscription.trial_will_end";

/// Types that mean something here. The first word of a pair is the type.
const TYPES: &[(&str, ObjectKind, Option<&str>)] = &[
    ("checkout.session.completed", ObjectKind::Checkout, None),
    ("checkout.session.async_payment_succeeded", ObjectKind::Checkout, None),
    ("checkout.session.async_payment_failed", ObjectKind::Checkout, None),
    ("checkout.session.expired", ObjectKind::Checkout, None),
    ("customer.subscription.created", ObjectKind::Subscription, None),
    ("customer.subscription.updated", ObjectKind::Subscription, None),
    ("customer.subscription.deleted", ObjectKind::Subscription, None),
    ("customer.subscription.paused", ObjectKind::Subscription, None),
    ("customer.subscription.resumed", ObjectKind::Subscription, None),
    (TRIAL_ENDS, ObjectKind::Subscription, None),
    ("invoice.created", ObjectKind::Invoice, None),
    ("invoice.updated", ObjectKind::Invoice, None),
    ("invoice.finalized", ObjectKind::Invoice, None),
    ("invoice.paid", ObjectKind::Invoice, None),
    ("invoice.deleted", ObjectKind::Invoice, None),
    ("invoice.voided", ObjectKind::Invoice, None),
    ("invoice.marked_uncollectible", ObjectKind::Invoice, None),
    ("invoice.payment_failed", ObjectKind::Invoice, Some("payment_failed")),
    ("invoice.payment_action_required", ObjectKind::Invoice, Some("payment_action_required")),
    ("invoice.finalization_failed", ObjectKind::Invoice, Some("finalization_failed")),
    ("charge.refunded", ObjectKind::Charge, None),
    ("charge.dispute.created", ObjectKind::Dispute, None),
    ("charge.dispute.closed", ObjectKind::Dispute, None),
];

/// An event as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Id of the object that it is about; empty where that has none that can be asked for.
    pub object: String,
    /// What the object says that it is.
    pub object_kind: String,
    /// The customer that it names.
    pub customer: Option<String>,
    /// Whether it is of live mode.
    pub livemode: bool,
    /// When it arose, to the second.
    pub created: Timestamp,
}

/// Why a body is no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreadable(pub &'static str);

impl Event {
    /// Reads a body, of whatever API version.
    ///
    /// # Errors
    /// What it lacks.
    pub fn read(body: &[u8]) -> Result<Event, Unreadable> {
        let event: Value = serde_json::from_slice(body).map_err(|_| Unreadable("the body is no JSON"))?;
        Event::of(&event)
    }

    /// The same of JSON.
    ///
    /// # Errors
    /// What it lacks.
    pub fn of(event: &Value) -> Result<Event, Unreadable> {
        let text = |name: &str| event.get(name).and_then(Value::as_str);
        let id = text("id").filter(|id| is_id(id)).ok_or(Unreadable("it has no id that could be one"))?;
        let kind = text("type")
            .filter(|kind| {
                kind.len() <= 100 && kind.bytes().all(|b| b.is_ascii_alphanumeric() || b"._".contains(&b))
            })
            .ok_or(Unreadable("it has no type that could be one"))?;
        let livemode = event
            .get("livemode")
            .and_then(Value::as_bool)
            .ok_or(Unreadable("it does not say whether it is of live mode"))?;
        let object = event.pointer("/data/object").unwrap_or(&Value::Null);
        let is_customer = object["object"] == "customer";
        Ok(Event {
            id: id.to_owned(),
            kind: kind.to_owned(),
            object: id_of(object).unwrap_or_default(),
            object_kind: object["object"].as_str().unwrap_or_default().chars().take(100).collect(),
            customer: id_of(if is_customer { object } else { &object["customer"] }),
            livemode,
            created: moment(&event["created"]).unwrap_or_default(),
        })
    }

    /// What it gives reason to look at; nothing for a type that changes nothing here.
    pub fn hint(&self) -> Option<Hint> {
        hint_of(&self.kind)
    }
}

/// The same of a type.
fn hint_of(kind: &str) -> Option<Hint> {
    let (name, kind, trouble) = TYPES.iter().find(|(name, ..)| *name == kind)?;
    Some(Hint { kind: *kind, trouble: *trouble, trial_ends: *name == TRIAL_ENDS })
}

impl Hint {
    /// What an event of that type gives reason to look at.
    pub fn of_type(kind: &str) -> Option<Hint> {
        hint_of(kind)
    }

    /// All types that mean something.
    pub fn types() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(name, ..)| *name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_is_read_and_what_is_none_says_why() {
        let event = json!({
            "id": "evt_1", "type": "invoice.paid", "livemode": false, "created": 1_700_000_000,
            "data": {"object": {"object": "invoice", "id": "in_1", "customer": {"id": "cus_1"}}},
        });
        let read = Event::read(event.to_string().as_bytes()).unwrap();
        assert_eq!((read.object.as_str(), read.customer.as_deref()), ("in_1", Some("cus_1")));
        assert_eq!(read.created, Timestamp(1_700_000_000_000));
        assert_eq!(read.hint(), Some(Hint { kind: ObjectKind::Invoice, trouble: None, trial_ends: false }));
        for (change, word) in [
            (json!({"id": 5}), "id"),
            (json!({"id": "../v1/customers"}), "id"),
            (json!({"id": ""}), "id"),
            (json!({"type": "a b"}), "type"),
            (json!({"livemode": null}), "live"),
        ] {
            let mut wrong = event.clone();
            wrong.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            assert!(Event::of(&wrong).unwrap_err().0.contains(word), "{wrong}");
        }
        assert!(Event::read(b"{").is_err() && Event::read(b"[]").is_err());
        let mut odd = event.clone();
        odd["data"] = json!({"object": {"id": "in_1/../../v1/customers/cus_2"}});
        assert_eq!(Event::of(&odd).unwrap().object, "");
    }
}
