//! Where Stripe and the catalog differ: found once a day, put right when an operator says so.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, owned, post};
use crate::harness::{DAY, HOUR, MINUTE, eventually};

const DRIFT: &str = "/api/v1/operator/stripe-drift";
const REPAIR: &str = "/api/v1/operator/stripe-drift/repair";

/// Kind and field of each item, with whether it was repaired.
fn items(report: &Value) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let items = report["items"].as_array().unwrap().iter();
    items.map(|item| (text(&item["kind"]), text(&item["field"]), item["repaired_at"].is_string())).collect()
}

fn item(kind: &str, field: &str, is_repaired: bool) -> (String, String, bool) {
    (kind.to_owned(), field.to_owned(), is_repaired)
}

#[test]
fn drift_is_reported_each_day_and_repaired_on_demand() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    let invoice = town.stripe.newest_invoice();
    town.stripe.drift("subscriptions", &id, &json!({"status": "past_due"}));
    town.stripe.drift("invoices", &invoice, &json!({"status": "void"}));
    let before = town.operator.client.get(DRIFT).expect(200);
    assert!(before.json["items"].as_array().unwrap().is_empty() && before.json["as_of"].is_string());
    town.installation.advance_clock(DAY + MINUTE);
    town.sign_in_again();
    let report = eventually("the report", || {
        let report = town.operator.client.get(DRIFT).expect(200);
        (report.json["as_of"] != before.json["as_of"]).then_some(report)
    });
    let expected =
        |is_repaired| [item("invoice", "status", is_repaired), item("subscription", "status", is_repaired)];
    assert_eq!(items(&report.json), expected(false), "{}", report.text());
    assert_eq!(report.json["items"][1]["here"], "active");
    assert_eq!(report.json["items"][1]["there"], "past_due");
    assert_eq!(town.stands(), owned("pro", "active"), "looking changes nothing");
    let repaired = post(&town.operator.client, REPAIR).expect(200);
    assert_eq!(items(&repaired.json), expected(true), "{}", repaired.text());
    assert_eq!(town.stands(), owned("pro", "past_due"));
    assert_eq!(items(&post(&town.operator.client, REPAIR).expect(200).json), []);
    let log = town.operator.client.get("/api/v1/operator/audit?action=stripe_drift.repaired").expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 2);
    town.server.stop();
}

#[test]
fn what_was_never_heard_of_is_found_and_what_the_tenant_lacks_too() {
    let town = Town::new(Shape::Old);
    let installation_id =
        town.rows("SELECT value FROM settings WHERE name = 'installation_id'").pop().unwrap();
    let metadata =
        |tenant: &str| json!({"tenantry_installation": installation_id, "tenantry_tenant": tenant});
    let ours = town.stripe.make_customer(metadata(&town.acme.id));
    // Of another installation, of no tenant, of nobody: none of it is touched.
    for metadata in [
        json!({"tenantry_installation": "another", "tenantry_tenant": town.acme.id}),
        metadata("018f4d3c-7c1a-7000-8000-000000000000"),
        json!({}),
    ] {
        let customer = town.stripe.make_customer(metadata);
        town.stripe.subscribe(&customer, "price_pro");
    }
    let subscription = town.stripe.subscribe(&ours, "price_team");
    let first = post(&town.operator.client, REPAIR).expect(200);
    assert_eq!(
        items(&first.json),
        [
            item("customer", "customer", true),
            item("subscription", "period end", false),
            item("subscription", "period start", false),
            item("subscription", "price", false),
            item("subscription", "status", false)
        ],
        "{}",
        first.text()
    );
    let second = post(&town.operator.client, REPAIR).expect(200);
    assert!(items(&second.json).iter().all(|(_, _, is_repaired)| *is_repaired), "{}", second.text());
    assert_eq!(town.stands(), owned("team", "active"), "{subscription}");
    // Somebody moved the tenant by hand.
    let catalog = rusqlite::Connection::open(town.installation.data().join("catalog.db")).unwrap();
    catalog.execute("UPDATE subscriptions SET status = 'past_due'", []).unwrap();
    let third = post(&town.operator.client, REPAIR).expect(200);
    assert_eq!(items(&third.json), [item("subscription", "tenant status", true)], "{}", third.text());
    assert_eq!(town.stands(), owned("team", "active"));
    town.server.stop();
}

#[test]
fn events_that_never_came_are_recovered_within_the_hour() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    // More than one page of them.
    for status in
        ["past_due", "active", "past_due", "active", "past_due", "active", "past_due", "active", "past_due"]
    {
        town.stripe.change_subscription(&id, &json!({ "status": status }), "customer.subscription.updated");
    }
    assert_eq!(town.stands(), owned("pro", "active"));
    // Not while Stripe is away; soon after.
    town.stripe.fail_with(503);
    town.installation.advance_clock(HOUR + MINUTE);
    let asked = town.stripe.requests();
    eventually("a try", || (town.stripe.requests() > asked).then_some(()));
    town.stripe.fail_with(0);
    town.installation.advance_clock(6 * MINUTE);
    town.sign_in_again();
    eventually("the recovery", || (town.stands() == owned("pro", "past_due")).then_some(()));
    let kept = town.rows("SELECT source FROM stripe_events WHERE type = 'customer.subscription.updated'");
    assert_eq!(kept, ["recovery"; 9]);
    town.server.stop();
}

#[test]
fn a_subscription_that_stripe_forgot_is_told_and_nothing_is_guessed() {
    let (town, id) = Town::subscribed(Shape::Old, "pro");
    town.stripe.lose("subscriptions", &id);
    let report = post(&town.operator.client, REPAIR).expect(200);
    let left: Vec<_> = items(&report.json).into_iter().filter(|(kind, ..)| kind == "subscription").collect();
    assert_eq!(left, [item("subscription", "status", false)], "{}", report.text());
    assert_eq!(town.stands(), owned("pro", "active"));
    town.server.stop();
}
