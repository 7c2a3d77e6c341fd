//! Stripe is told whom the invoices of a tenant are addressed to.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, checkout};
use crate::harness::{Call, HOUR, eventually};

/// The one customer there is.
fn customer(town: &Town) -> Value {
    let all = town.stripe.all("customers");
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[track_caller]
fn until_told(town: &Town, name: &str, address: &Value, tax_id: Option<&str>) {
    let fields = tax_id.map_or(Value::Null, |id| json!([{"name": "Tax ID", "value": id}]));
    eventually("the customer to be told", || {
        let customer = customer(town);
        let is_told = customer["name"] == name
            && customer["address"] == *address
            && customer["invoice_settings"]["custom_fields"] == fields;
        is_told.then_some(())
    });
    let left = || town.rows("SELECT id FROM stripe_customers WHERE to_tell = 1");
    eventually("that to be noted", || left().is_empty().then_some(()));
}

#[test]
fn a_customer_is_told_when_it_is_made_and_with_every_change_by_the_owner_or_an_operator() {
    let mut town = Town::new(Shape::Current);
    let details = |lines: &[&str], id: &str| json!({ "name": "Acme GmbH", "address": lines, "tax_id": id });
    let put = |town: &Town, body: Value| {
        town.ann.client.send(&Call::put(town.acme.path("/billing/details"), body)).expect(200);
    };
    // Said before there is a customer.
    put(&town, details(&["Hauptstr. 1", "10115 Berlin", "Germany"], "DE123"));
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let address = |first: &str, others: &str| json!({ "line1": first, "line2": others });
    until_told(&town, "Acme GmbH", &address("Hauptstr. 1", "10115 Berlin, Germany"), Some("DE123"));
    let path = "/api/v1/operator/tenants/acme/billing/details";
    let said = town.operator.client.get(path).expect(200);
    assert_eq!(said.json, details(&["Hauptstr. 1", "10115 Berlin", "Germany"], "DE123"));
    town.operator.client.send(&Call::put(path, details(&["Ring 2"], "DE456"))).expect(200);
    until_told(&town, "Acme GmbH", &address("Ring 2", ""), Some("DE456"));
    // Said while Stripe is away, it is told later; and what was said last is what counts.
    town.stripe.fail_with(500);
    put(&town, details(&["Ring 3"], "DE7"));
    eventually("a try", || {
        let postponed = town.rows("SELECT id FROM stripe_customers WHERE tell_at > 0");
        (!postponed.is_empty()).then_some(())
    });
    town.stripe.fail_with(0);
    town.installation.advance_clock(HOUR);
    town.sign_in_again();
    until_told(&town, "Acme GmbH", &address("Ring 3", ""), Some("DE7"));
    put(&town, json!({}));
    let name = town.ann.client.get(&town.acme.path("")).expect(200).string("/name");
    until_told(&town, &name, &Value::Null, None);
    town.operator
        .client
        .send(&Call::put("/api/v1/operator/tenants/nobody/billing/details", json!({})))
        .expect(404);
    town.operator.client.send(&Call::put(path, json!({ "tax_id": "a\u{7}b" }))).expect(422);
    town.ann.client.send(&Call::put(path, json!({}))).expect(403);
    town.server.stop();
}

#[test]
fn what_was_said_is_told_after_the_power_failed_and_what_stripe_does_not_take_keeps_nobody() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.fail_with(500);
    let body = json!({ "address": ["Ring 9"] });
    town.ann.client.send(&Call::put(town.acme.path("/billing/details"), body)).expect(200);
    let Town { server, installation, .. } = town;
    server.kill();
    town = Town { server: installation.serve(), installation, ..town };
    town.stripe.fail_with(0);
    town.installation.advance_clock(HOUR);
    town.sign_in_again();
    let name = town.ann.client.get(&town.acme.path("")).expect(200).string("/name");
    until_told(&town, &name, &json!({ "line1": "Ring 9", "line2": "" }), None);
    // Refused: events are worked off all the same.
    town.stripe.refuse("/v1/customers/");
    let body = json!({ "address": ["Ring 10"] });
    town.ann.client.send(&Call::put(town.acme.path("/billing/details"), body)).expect(200);
    town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    town.deliver();
    assert_eq!(town.stands().1, "past_due");
    assert_eq!(customer(&town)["address"]["line1"], "Ring 9");
    town.server.stop();
}
