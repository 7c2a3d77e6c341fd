//! What was used until a subscription ended, and whose word counts on who owes.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, checkout, owned, post, stands};
use crate::harness::{Call, DAY, HOUR, MINUTE, eventually};

fn use_some(town: &Town, quantity: i64) {
    let event = json!({ "meter": "ai_tokens", "quantity": quantity, "idempotency_key": "some" });
    town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
}

/// The one item at Stripe, and the invoice that it is on.
#[track_caller]
fn the_item(town: &Town) -> (Value, Value) {
    let mut items = town.stripe.all("invoiceitems");
    assert_eq!(items.len(), 1, "{items:#?}");
    let item = items.remove(0);
    let invoice = town.stripe.object("invoices", item["invoice"].as_str().unwrap());
    (item, invoice)
}

#[test]
fn who_leaves_is_billed_before_the_subscription_ends() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.drift("subscriptions", &id, &json!({"default_payment_method": "pm_otter"}));
    use_some(&town, 300);
    town.ann.client.post(&town.acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let status = || town.stripe.object("subscriptions", &id)["status"].clone();
    eventually("the end of the subscription", || (status() == "canceled").then_some(()));
    let (item, invoice) = the_item(&town);
    assert_eq!((&item["amount"], &invoice["total"]), (&json!(150), &json!(150)));
    assert_eq!(
        (&invoice["auto_advance"], &invoice["default_payment_method"]),
        (&json!(true), &json!("pm_otter")),
        "Stripe collects it by itself, as it did the subscription's"
    );
    let linked = town.rows("SELECT stripe_invoice_id FROM invoices");
    assert_eq!(linked, [invoice["id"].as_str().unwrap()]);
    let last = town.stripe.events().pop().unwrap();
    assert_eq!(last["type"], "customer.subscription.deleted", "it ended last");
    town.stripe.finalize(&linked[0]);
    town.stripe.pay(&linked[0]);
    town.deliver();
    assert_eq!(town.rows("SELECT status FROM invoices"), ["paid"]);
    assert_eq!(town.stripe.all("invoiceitems").len(), 1);
    town.server.stop();
}

#[test]
fn what_was_used_before_a_subscription_ended_at_stripe_is_on_an_invoice_of_its_own() {
    let (town, id) = Town::subscribed(Shape::Old, "pro");
    use_some(&town, 300);
    town.stripe.cancel(&id);
    town.deliver();
    assert_eq!(town.stands(), owned("pro", "canceled"));
    let Town { installation, stripe, mut server, operator, ann, acme } = town;
    for hours in [25, 2] {
        server.stop();
        installation.advance_clock(hours * HOUR);
        stripe.fail_with(500);
        server = installation.serve();
        let wanted = if hours == 25 { "draft" } else { "final" };
        eventually(wanted, || {
            (super::rows(&installation, "SELECT status FROM invoices") == [wanted]).then_some(())
        });
    }
    assert!(stripe.all("invoiceitems").is_empty());
    stripe.fail_with(0);
    let town = Town { installation, stripe, server, operator, ann, acme };
    eventually("the item", || {
        town.installation.advance_clock(MINUTE);
        let linked = town.rows("SELECT stripe_invoice_id FROM invoices WHERE pushed_at IS NOT NULL");
        (!linked.is_empty()).then_some(())
    });
    let (item, invoice) = the_item(&town);
    assert_eq!((&item["amount"], &invoice["total"]), (&json!(150), &json!(150)));
    assert_eq!(invoice["auto_advance"], true);
    town.server.stop();
}

#[test]
fn where_stripe_bills_it_says_who_owes_and_who_owes_here_can_go_and_buy_there() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    // Bolt pays by other means.
    let (bob, bolt) = town.server.sign_up_with_tenant("bob", "bolt");
    let plan = Call::put("/api/v1/operator/tenants/bolt/subscription", json!({ "plan": "pro" }));
    town.operator.client.send(&plan).expect(200);
    let mut town = town;
    town.installation.advance_clock(32 * DAY);
    town.sign_in_again();
    let draft = town.stripe.renew(&id, 4_900);
    town.deliver();
    town.operator.client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200);
    town.stripe.finalize(&draft);
    town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    town.deliver();
    assert_eq!(town.stands(), owned("pro", "past_due"));
    let due = |slug: &str| {
        town.rows(&format!(
            "SELECT i.status || ' ' || by_stripe FROM invoices i JOIN tenants t ON t.id = i.tenant_id
             WHERE t.slug = '{slug}' AND i.due_at IS NOT NULL ORDER BY i.closes DESC LIMIT 1"
        ))
    };
    assert_eq!((due("acme"), due("bolt")), (vec!["final 1".to_owned()], vec!["final 0".to_owned()]));
    // Stripe takes it for active again; both invoices are due here, and overdue.
    town.stripe.change_subscription(&id, &json!({"status": "active"}), "customer.subscription.updated");
    town.deliver();
    let Town { installation, stripe, server, operator, ann, acme } = town;
    server.stop();
    installation.advance_clock(29 * DAY);
    let server = installation.serve();
    let (bob, ann) = (bob.sign_in_again_at(&server), ann.sign_in_again_at(&server));
    let event = json!({ "meter": "ai_tokens", "quantity": 1, "idempotency_key": "b" });
    let refused = eventually("who owes here can only read", || {
        let answer = bob.client.post(&bolt.path("/usage-events"), event.clone());
        (answer.status == 402).then_some(answer)
    });
    assert_eq!(refused.code(), "payment_required");
    assert_eq!(stands(&bob.client, &bolt), owned("pro", "past_due"));
    assert_eq!(stands(&ann.client, &acme), owned("pro", "active"));
    ann.client.post(&acme.path("/usage-events"), event).expect(201);
    // Both ways to Stripe are open.
    checkout(&bob.client, &bolt, "team").expect(200);
    post(&bob.client, &bolt.path("/billing/portal")).expect(200);
    // And an answer of Stripe that owes is not undone by what is due here.
    stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    let operator = operator.sign_in_again_at(&server);
    let town = Town { installation, stripe, server, operator, ann, acme };
    town.deliver();
    assert_eq!(town.stands(), owned("pro", "past_due"));
    town.server.stop();
}
