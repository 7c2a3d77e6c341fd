//! What was not known when it came, what is gone there, and whose word counts on an invoice.

use serde_json::json;

use super::simulator::Shape;
use super::{Town, checkout, outcome, post, worked_off};
use crate::harness::{Call, MINUTE, eventually};

#[test]
fn refunds_and_disputes_of_a_customer_that_becomes_known_are_worked_off_by_themselves() {
    for shape in [Shape::Old, Shape::Current] {
        let town = Town::new(shape);
        let ours = town.rows("SELECT value FROM settings WHERE name = 'installation_id'").pop().unwrap();
        let labels = json!({"tenantry_installation": ours, "tenantry_tenant": town.acme.id});
        let customer = town.stripe.make_customer(labels);
        let subscription = town.stripe.subscribe(&customer, "price_pro");
        let invoice = town.stripe.bill(&subscription, 4_900);
        let charge = town.stripe.pay(&invoice);
        town.stripe.refund(&charge, 1_200);
        town.stripe.dispute(&charge);
        town.deliver();
        let told = outcome(
            &town.operator.client,
            town.stripe.event("charge.dispute.created")["id"].as_str().unwrap(),
        );
        assert_eq!((&told["status"], &told["customer"]), (&json!("parked"), &json!(customer)), "{told}");
        // An operator has what Stripe says of the customer count. No event is replayed by hand.
        post(&town.operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
        worked_off(&town.operator.client);
        let all = town.operator.client.get("/api/v1/operator/stripe-events?status=parked").expect(200);
        assert_eq!(all.json["items"], json!([]), "{shape:?} {}", all.text());
        let known = town.rows("SELECT status || ' ' || refunded || ' ' || disputed FROM stripe_invoices");
        assert_eq!(known, ["paid 1200 1"], "{shape:?}");
        town.server.stop();
    }
}

/// A statement of 150 that is on an invoice of its own, with the id of that.
fn with_own_invoice() -> (Town, String) {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let event = json!({ "meter": "ai_tokens", "quantity": 300, "idempotency_key": "some" });
    town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
    town.stripe.cancel(&id);
    town.deliver();
    town.operator.client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200);
    let on = eventually("the invoice", || {
        town.installation.advance_clock(MINUTE);
        linked(&town).pop()
    });
    (Town { operator: town.operator.sign_in_again(), ..town }, on)
}

fn linked(town: &Town) -> Vec<String> {
    town.rows("SELECT stripe_invoice_id FROM invoices WHERE stripe_invoice_id IS NOT NULL AND pushed_at IS NOT NULL")
}

#[test]
fn a_statement_whose_draft_is_deleted_at_stripe_is_free_of_it_and_goes_on_another_when_somebody_says_so() {
    for items_stay in [true, false] {
        let (town, on) = with_own_invoice();
        town.stripe.delete_draft(&on, items_stay);
        let told = town.deliver_one("invoice.deleted");
        assert_eq!(told["status"], "parked", "{told}");
        assert!(told["reason"].as_str().unwrap().contains("INV-000001"), "{told}");
        assert!(linked(&town).is_empty());
        assert!(town.rows("SELECT id FROM stripe_invoices WHERE status = 'draft'").is_empty());
        // Whoever deleted it may have meant it: nothing is billed anew by itself.
        let held = || {
            town.operator.client.get("/api/v1/operator/stripe-statements").expect(200).json["items"].clone()
        };
        assert!(held()[0]["reason"].as_str().unwrap().contains("deleted at Stripe"), "{}", held());
        let retry = held()[0]["invoice_id"].as_str().unwrap().to_owned();
        post(&town.operator.client, &format!("/api/v1/operator/stripe-statements/{retry}/retry")).expect(202);
        let other = eventually("another one", || linked(&town).pop());
        assert_ne!(other, on);
        let items = town.stripe.all("invoiceitems");
        assert_eq!(items.len(), 1, "{items:#?}");
        assert_eq!((&items[0]["invoice"], &items[0]["amount"]), (&json!(other), &json!(150)));
        assert_eq!(town.stripe.object("invoices", &other)["total"], 150);
        eventually("that it is not held", || (held() == json!([])).then_some(()));
        worked_off(&town.operator.client);
        let parked = town.operator.client.get("/api/v1/operator/stripe-events?status=parked").expect(200);
        assert_eq!(parked.json["items"], json!([]), "what was parked with it is settled with it");
        town.server.stop();
    }
}

#[test]
fn a_draft_that_was_deleted_without_a_word_is_found_by_looking() {
    let (town, on) = with_own_invoice();
    town.stripe.lose("invoices", &on);
    let report = post(&town.operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
    let items = report.json["items"].as_array().unwrap();
    let told = items.iter().find(|item| item["object"] == on.as_str()).unwrap();
    assert!(told["there"].is_null() && told["repaired_at"].is_string(), "{told}");
    assert!(linked(&town).is_empty());
    town.server.stop();
}

#[test]
fn what_stripe_bills_is_ended_there_and_not_here() {
    let (town, on) = with_own_invoice();
    let id = town.rows("SELECT id FROM invoices WHERE stripe_invoice_id IS NOT NULL").pop().unwrap();
    let act = |what: &str| {
        let call = Call::new("POST", format!("/api/v1/operator/invoices/{id}/{what}"));
        town.operator.client.send(&call)
    };
    for what in ["mark-paid", "void", "mark-uncollectible"] {
        let refused = act(what).expect_code(409, "billed_by_stripe");
        assert!(refused.text().contains(&on), "{}", refused.text());
    }
    let note = json!({"amount_cents": 10, "reason": "sorry"});
    let path = format!("/api/v1/operator/invoices/{id}/credit-notes");
    town.operator.client.post(&path, note).expect_code(409, "billed_by_stripe");
    let status = || town.rows(&format!("SELECT status FROM invoices WHERE id = '{id}'"));
    assert_eq!(status(), ["final"]);
    town.stripe.finalize(&on);
    town.stripe.change_invoice(&on, &json!({"status": "void"}), "invoice.voided");
    town.deliver();
    assert_eq!(status(), ["void"]);
    // What it has become already can be said again.
    act("void").expect(200);
    town.server.stop();
}

#[test]
fn what_stripe_refused_can_be_ended_here_since_nothing_of_it_is_there() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let event = json!({ "meter": "ai_tokens", "quantity": 300, "idempotency_key": "some" });
    town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
    town.stripe.cancel(&id);
    town.deliver();
    town.stripe.refuse("POST /v1/invoiceitems");
    town.operator.client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200);
    let held = eventually("that it is parked", || {
        town.installation.advance_clock(MINUTE);
        town.rows("SELECT invoice_id FROM stripe_statements WHERE parked_at IS NOT NULL").pop()
    });
    let operator = town.operator.sign_in_again();
    let void = Call::new("POST", format!("/api/v1/operator/invoices/{held}/void"));
    operator.client.send(&void).expect(200);
    let waiting = operator.client.get("/api/v1/operator/stripe-statements").expect(200);
    assert_eq!(waiting.json["items"], json!([]));
    town.server.stop();
}

#[test]
fn a_tenant_that_is_renamed_between_two_tries_can_buy() {
    let town = Town::new(Shape::Current);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    // The power failed before it was known that the customer was made.
    rusqlite::Connection::open(town.installation.data().join("catalog.db"))
        .unwrap()
        .execute("DELETE FROM stripe_customers", [])
        .unwrap();
    town.ann.client.patch(&town.acme.path(""), json!({"name": "Acme & Sons"})).expect(200);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let customer = town.rows("SELECT id FROM stripe_customers").pop().unwrap();
    assert_eq!(town.stripe.object("customers", &customer)["name"], "Acme & Sons");
    town.stripe.pay_checkout();
    town.deliver();
    assert_eq!(town.stands().0, "pro");
    town.server.stop();
}
