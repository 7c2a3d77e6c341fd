//! Invoices.

use super::{id_of, items, moment, text};
use crate::clock::Timestamp;
use crate::model::money::Currency;
use crate::model::stripe::InvoiceState;
use serde_json::Value;

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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
