//! Who leaves pays no longer.

use serde_json::json;

use super::simulator::Shape;
use super::{Town, worked_off};
use crate::harness::{Call, MINUTE, eventually};

#[test]
fn a_tenant_that_closes_ends_at_stripe_too() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let status = || town.stripe.object("subscriptions", &id)["status"].clone();
    eventually("the end of the subscription", || (status() == "canceled").then_some(()));
    town.deliver_one("customer.subscription.deleted");
    assert_eq!(town.stands().1, "canceled");
    town.server.stop();
}

#[test]
fn a_tenant_that_stays_after_all_goes_on_paying() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.fail_with(500);
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    eventually("a try to end it", || {
        let tried = town.rows("SELECT subscription FROM stripe_cancellations WHERE attempts > 0");
        (tried == [id.as_str()]).then_some(())
    });
    town.ann.client.send(&Call::new("POST", town.acme.path("/reopen"))).expect(200);
    // Its service goes on to the end of its period.
    let ends = |table: &str, column: &str| {
        town.rows(&format!(
            "SELECT CAST(max({column}) AS TEXT) FROM {table} WHERE tenant_id = '{}'",
            town.acme.id
        ))
    };
    assert_eq!(ends("service_periods", "ends_at"), ends("subscriptions", "period_end"));
    town.stripe.fail_with(0);
    town.installation.advance_clock(10 * MINUTE);
    // Whatever is due then comes before the answer to this.
    town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    let operator = town.operator.sign_in_again();
    for _ in 0..2 {
        town.stripe.send_all(&town.server.nobody());
        worked_off(&operator.client);
    }
    assert_eq!(town.stripe.object("subscriptions", &id)["status"], "past_due");
    let done = town.rows("SELECT subscription FROM stripe_cancellations WHERE done_at IS NOT NULL");
    assert!(done.is_empty(), "{done:?}");
    town.server.stop();
}

#[test]
fn a_tenant_that_reopens_while_its_last_usage_is_billed_keeps_its_subscription() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let event = json!({ "meter": "ai_tokens", "quantity": 300, "idempotency_key": "some" });
    town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
    town.stripe.hold("POST /v1/invoiceitems");
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    // It was on the list of those that end, and what comes before the end takes its time.
    town.stripe.held();
    town.ann.client.send(&Call::new("POST", town.acme.path("/reopen"))).expect(200);
    town.stripe.release();
    let billed = || town.rows("SELECT stripe_invoice_id FROM invoices WHERE pushed_at IS NOT NULL").len();
    eventually("the end of billing", || (billed() == 1).then_some(()));
    town.installation.advance_clock(10 * MINUTE);
    let town = Town { operator: town.operator.sign_in_again(), ann: town.ann.sign_in_again(), ..town };
    // Whatever is due then comes before the answers to these.
    town.stripe.change_subscription(&id, &json!({}), "customer.subscription.updated");
    town.deliver_one("customer.subscription.updated");
    town.deliver_one("customer.subscription.created");
    assert_eq!(town.stripe.object("subscriptions", &id)["status"], "active");
    assert!(town.stripe.asked("DELETE /v1/subscriptions").is_empty());
    assert!(town.rows("SELECT subscription FROM stripe_cancellations").is_empty(), "it was taken back");
    // Whoever goes after all ends there too.
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let status = || town.stripe.object("subscriptions", &id)["status"].clone();
    eventually("the end of the subscription", || (status() == "canceled").then_some(()));
    town.server.stop();
}

#[test]
fn while_the_end_is_on_its_way_to_stripe_a_tenant_is_not_reopened_and_after_that_it_is() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.hold("DELETE /v1/subscriptions");
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    town.stripe.held();
    let reopen = Call::new("POST", town.acme.path("/reopen"));
    town.ann.client.send(&reopen).expect_code(409, "subscription_ending");
    assert_eq!(town.ann.client.get(&town.acme.path("")).expect(200).string("/status"), "closing");
    town.stripe.release();
    eventually("that it is known to have ended", || {
        let done = town.rows("SELECT subscription FROM stripe_cancellations WHERE done_at IS NOT NULL");
        (done == [id.as_str()]).then_some(())
    });
    town.ann.client.send(&reopen).expect(200);
    assert_eq!(town.stripe.object("subscriptions", &id)["status"], "canceled");
    town.deliver_one("customer.subscription.deleted");
    assert_eq!(town.stands().1, "canceled");
    super::checkout(&town.ann.client, &town.acme, "pro").expect(200);
    town.server.stop();
}

#[test]
fn a_tenant_that_is_erased_ends_at_stripe_even_if_stripe_was_away_and_nothing_personal_stays() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.fail_with(500);
    let operator = &town.operator.client;
    operator.send(&Call::new("POST", "/api/v1/operator/tenants/acme/close")).expect(202);
    let erase = Call::post("/api/v1/operator/tenants/acme/erase", json!({"confirm": "acme"}));
    let receipt = operator.send(&erase).expect(200);
    assert!(receipt.text().contains("events of Stripe"), "{}", receipt.text());
    for table in ["events", "customers", "checkouts", "subscriptions", "invoices"] {
        assert!(town.rows(&format!("SELECT id FROM stripe_{table}")).is_empty(), "{table}");
    }
    town.stripe.fail_with(0);
    town.installation.advance_clock(10 * MINUTE);
    let status = || town.stripe.object("subscriptions", &id)["status"].clone();
    eventually("the end of the subscription", || (status() == "canceled").then_some(()));
    let operator = town.operator.sign_in_again();
    town.stripe.send(&town.server.nobody(), &town.stripe.event("customer.subscription.deleted")).expect(200);
    worked_off(&operator.client);
    town.server.stop();
}
