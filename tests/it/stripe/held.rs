//! Statements that Stripe does not take: each waits for itself, and operators see why and say when it is tried again.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, checkout, post};
use crate::harness::{Client, DAY, MINUTE, Tenant, eventually};

const HELD: &str = "/api/v1/operator/stripe-statements";

fn use_some(client: &Client, tenant: &Tenant, quantity: i64, key: &str) {
    let event = json!({ "meter": "ai_tokens", "quantity": quantity, "idempotency_key": key });
    client.post(&tenant.path("/usage-events"), event).expect(201);
}

fn held(town: &Town) -> Vec<Value> {
    town.operator.client.get(HELD).expect(200).json["items"].as_array().unwrap().clone()
}

/// Amounts of what is on an invoice at Stripe.
fn amounts_on(town: &Town, invoice: &str) -> Vec<i64> {
    let items = town.stripe.all("invoiceitems").into_iter().filter(|item| item["invoice"] == invoice);
    items.map(|item| item["amount"].as_i64().unwrap()).collect()
}

#[test]
fn a_line_that_stripe_refuses_blocks_no_later_statement_and_is_sent_once_it_is_accepted() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    use_some(&town.ann.client, &town.acme, 100, "a");
    town.installation.advance_clock(30 * DAY + MINUTE);
    town.sign_in_again();
    town.stripe.refuse(r#"("amount", "50")"#);
    let first = town.stripe.renew(&id, 4_900);
    let told = town.deliver_one("invoice.created");
    assert_eq!(told["status"], "parked", "{told}");
    assert!(told["reason"].as_str().unwrap().contains("INV-000001 is parked: Stripe refuses"), "{told}");
    assert!(amounts_on(&town, &first).is_empty());
    town.stripe.finalize(&first);
    use_some(&town.ann.client, &town.acme, 300, "b");
    town.installation.advance_clock(30 * DAY + MINUTE);
    town.sign_in_again();
    let second = town.stripe.renew(&id, 4_900);
    town.deliver_one("invoice.created");
    assert_eq!(amounts_on(&town, &second), [150]);
    let waiting = held(&town);
    assert_eq!(waiting.len(), 1, "{waiting:#?}");
    let one = &waiting[0];
    assert_eq!((&one["number"], &one["tenant_id"]), (&json!("INV-000001"), &json!(town.acme.id)));
    assert!(one["parked_at"].is_string() && one["next_attempt_at"].is_null(), "{one}");
    assert!(one["reason"].as_str().unwrap().contains("parameter_invalid"), "{one}");
    assert!(town.installation.log().contains("Stripe does not take a statement"));
    // Nobody else may say so, and nothing is tried as long as nobody does.
    let retry = format!("{HELD}/{}/retry", one["invoice_id"].as_str().unwrap());
    post(&town.ann.client, &retry).expect(403);
    let tried = town.stripe.asked("POST /v1/invoiceitems").len();
    town.stripe.change_invoice(&second, &json!({}), "invoice.updated");
    town.deliver_one("invoice.updated");
    assert_eq!(town.stripe.asked("POST /v1/invoiceitems").len(), tried);
    // Refused once more it is parked once more.
    post(&town.operator.client, &retry).expect(202);
    eventually("another refusal", || {
        (town.stripe.asked("POST /v1/invoiceitems").len() > tried).then_some(())
    });
    eventually("that it is parked", || held(&town)[0]["parked_at"].is_string().then_some(()));
    town.stripe.accept();
    post(&town.operator.client, &retry).expect(202);
    eventually("the line on the draft that there is", || {
        (amounts_on(&town, &second) == [150, 50]).then_some(())
    });
    eventually("that nothing waits", || held(&town).is_empty().then_some(()));
    post(&town.operator.client, &retry).expect(404);
    let log = town.operator.client.get("/api/v1/operator/audit?action=stripe_statement.retried").expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 2);
    town.server.stop();
}

#[test]
fn sixty_tenants_that_stripe_refuses_keep_no_other_waiting() {
    let town = Town::new(Shape::Current);
    let people: Vec<_> = ["bob", "cy", "dan", "eve"].iter().map(|name| town.server.sign_up(name)).collect();
    let tenants: Vec<_> = (0..61)
        .map(|number| (&people[number / 16], people[number / 16].create_tenant(&format!("t{number}"))))
        .collect();
    let mut subscriptions = Vec::new();
    for (person, tenant) in &tenants {
        checkout(&person.client, tenant, "pro").expect(200);
        subscriptions.push(town.stripe.pay_checkout());
    }
    town.deliver();
    for (person, tenant) in &tenants {
        use_some(&person.client, tenant, 300, "some");
    }
    // Of all but the newest.
    let customers = town.rows("SELECT id FROM stripe_customers ORDER BY tenant_id");
    assert_eq!(customers.len(), 61);
    for customer in &customers[..60] {
        town.stripe.refuse(&format!("POST /v1/invoices [(\"customer\", \"{customer}\")"));
    }
    for subscription in &subscriptions {
        town.stripe.cancel(subscription);
    }
    town.deliver();
    town.operator.client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200);
    let sent =
        || town.rows("SELECT id FROM invoices WHERE pushed_at IS NOT NULL AND stripe_invoice_id IS NOT NULL");
    eventually("the one that is not refused", || {
        town.installation.advance_clock(MINUTE);
        (sent().len() == 1).then_some(())
    });
    let parked = || town.rows("SELECT invoice_id FROM stripe_statements WHERE parked_at IS NOT NULL");
    eventually("that the others are parked", || (parked().len() == 60).then_some(()));
    // They are not tried again and again.
    let tried = town.stripe.asked("POST /v1/invoices ").len();
    town.installation.advance_clock(10 * MINUTE);
    let town = Town { operator: town.operator.sign_in_again(), ..town };
    assert_eq!(held(&town).len(), 50, "in pages");
    town.stripe.send_all(&town.server.nobody());
    super::worked_off(&town.operator.client);
    assert_eq!(town.stripe.asked("POST /v1/invoices ").len(), tried);
    town.server.stop();
}

#[test]
fn a_statement_that_only_stripe_is_too_busy_for_waits_longer_each_time_and_keeps_no_other() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let (bob, bolt) = town.server.sign_up_with_tenant("bob", "bolt");
    checkout(&bob.client, &bolt, "pro").expect(200);
    let theirs = town.stripe.pay_checkout();
    town.deliver();
    use_some(&town.ann.client, &town.acme, 300, "a");
    use_some(&bob.client, &bolt, 400, "b");
    town.stripe.cancel(&id);
    town.stripe.cancel(&theirs);
    town.deliver();
    // What acme's subscription was paid with is not told.
    town.stripe.fail_on(Some((&format!("/v1/subscriptions/{id}"), 0)));
    town.operator.client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200);
    eventually("bolt's", || {
        town.installation.advance_clock(MINUTE);
        town.stripe.all("invoiceitems").iter().any(|item| item["amount"] == 200).then_some(())
    });
    let town = Town { operator: town.operator.sign_in_again(), ..town };
    let waiting = eventually("acme's", || held(&town).pop());
    assert!(waiting["next_attempt_at"].is_string() && waiting["parked_at"].is_null(), "{waiting}");
    assert!(waiting["reason"].as_str().unwrap().contains("500"), "{waiting}");
    town.stripe.fail_on(None);
    eventually("acme's too", || {
        town.installation.advance_clock(30 * MINUTE);
        town.stripe.all("invoiceitems").iter().any(|item| item["amount"] == 150).then_some(())
    });
    town.server.stop();
}
