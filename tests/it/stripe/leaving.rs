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
