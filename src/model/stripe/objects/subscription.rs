//! Subscriptions.

use super::{id_of, items, moment, text};
use crate::clock::Timestamp;
use crate::model::stripe::SubscriptionState;
use serde_json::Value;

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
}
