//! What each type of event changes, what it does not, and what operators see of it.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, outcome, owned, post, worked_off};
use crate::harness::{Call, MINUTE, Person, Server};

fn changed(event: &Value) -> String {
    event["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn a_subscription_goes_through_all_that_can_become_of_it() {
    for shape in [Shape::Old, Shape::Current] {
        let (town, id) = Town::subscribed(shape, "pro");
        let step = |change: Value, kind: &str, plan: &str, status: &str| {
            town.stripe.change_subscription(&id, &change, kind);
            let told = town.deliver_one(kind);
            assert_eq!(town.stands(), owned(plan, status), "{kind} {change}: {told}");
            told
        };
        let updated = "customer.subscription.updated";
        let told = step(json!({"status": "past_due"}), updated, "pro", "past_due");
        assert!(changed(&told).contains("tenant status: active -> past_due"), "{told}");
        assert_eq!((&told["status"], &told["tenant_id"]), (&json!("applied"), &json!(town.acme.id)));
        step(json!({"status": "unpaid"}), updated, "pro", "past_due");
        step(json!({"status": "active"}), updated, "pro", "active");
        let paused = json!({"pause_collection": {"behavior": "void"}});
        assert!(changed(&step(paused, updated, "pro", "active")).contains("collection paused"));
        step(json!({"pause_collection": null}), updated, "pro", "active");
        step(json!({"status": "paused"}), "customer.subscription.paused", "pro", "past_due");
        step(json!({"status": "active"}), "customer.subscription.resumed", "pro", "active");
        let ends = step(json!({"cancel_at_period_end": true}), updated, "pro", "active");
        assert!(changed(&ends).contains("cancel at: none -> 20"), "{ends}");
        let known = town.rows("SELECT CAST(cancel_at = period_end AS TEXT) FROM stripe_subscriptions");
        assert_eq!(known, ["1"], "{shape:?}");
        town.stripe.change_price(&id, "price_team");
        let told = town.deliver_one(updated);
        assert!(changed(&told).contains("tenant plan: pro v1 -> team v1"), "{told}");
        assert_eq!(town.stands(), owned("team", "active"));
        let nobody_knows = json!({"status": "sleeping"});
        town.stripe.change_subscription(&id, &nobody_knows, updated);
        assert_eq!(town.deliver_one(updated)["status"], "parked");
        assert_eq!(town.stands(), owned("team", "active"));
        town.stripe.cancel(&id);
        town.deliver_one("customer.subscription.deleted");
        assert_eq!(town.stands(), owned("team", "canceled"));
        // What came before that comes late: it changes nothing any more.
        for event in town.stripe.events() {
            let mut late = event.clone();
            late["id"] = json!(format!("late_{}", event["id"].as_str().unwrap()));
            town.stripe.send(&town.server.nobody(), &late).expect(200);
            worked_off(&town.operator.client);
            let told = outcome(&town.operator.client, late["id"].as_str().unwrap());
            assert_eq!((&told["status"], &told["changed"]), (&json!("ignored"), &json!([])), "{told}");
        }
        assert_eq!(town.stands(), owned("team", "canceled"));
        // It can begin again, and it can go on with what costs nothing.
        let put = |plan: &str| Call::put(town.acme.path("/subscription"), json!({ "plan": plan }));
        town.ann.client.send(&put("team")).expect_code(402, "checkout_required");
        town.ann.client.send(&put("free")).expect(200);
        assert_eq!(town.stands(), owned("free", "active"));
        super::checkout(&town.ann.client, &town.acme, "pro").expect(200);
        town.stripe.pay_checkout();
        town.deliver();
        assert_eq!(town.stands(), owned("pro", "active"));
        town.server.stop();
    }
}

#[test]
fn an_invoice_goes_through_all_that_can_become_of_it() {
    for shape in [Shape::Old, Shape::Current] {
        let (town, subscription) = Town::subscribed(shape, "pro");
        let invoice = town.stripe.draft(&subscription, 5_000);
        let known = || {
            let sql = format!(
                "SELECT status || ' ' || paid || ' ' || attempts || ' ' || coalesce(trouble, 'fine')
                 FROM stripe_invoices WHERE id = '{invoice}'"
            );
            town.rows(&sql).pop().unwrap()
        };
        town.deliver_one("invoice.created");
        assert_eq!(known(), "draft 0 0 fine");
        let failed = json!({"last_finalization_error": {"code": "customer_tax_location_invalid"}});
        town.stripe.change_invoice(&invoice, &failed, "invoice.finalization_failed");
        town.deliver_one("invoice.finalization_failed");
        assert_eq!(known(), "draft 0 0 finalization_failed");
        town.stripe.finalize(&invoice);
        town.deliver_one("invoice.finalized");
        let attempt = json!({"attempt_count": 1});
        town.stripe.change_invoice(&invoice, &attempt, "invoice.payment_failed");
        let told = town.deliver_one("invoice.payment_failed");
        assert_eq!(known(), "open 0 1 payment_failed", "{told}");
        town.stripe.change_invoice(&invoice, &json!({}), "invoice.payment_action_required");
        town.deliver_one("invoice.payment_action_required");
        assert_eq!(known(), "open 0 1 payment_action_required");
        // Who pays is told of each once.
        let facts = format!("SELECT fact FROM letters WHERE fact LIKE 'payment_%{invoice}%' ORDER BY fact");
        let expected =
            ["payment_action_required", "payment_failed"].map(|what| format!("{what} {invoice} 1"));
        assert_eq!(town.rows(&facts), expected);
        let lost = json!({"status": "uncollectible"});
        town.stripe.change_invoice(&invoice, &lost, "invoice.marked_uncollectible");
        town.deliver_one("invoice.marked_uncollectible");
        assert!(known().starts_with("uncollectible"), "{}", known());
        let charge = town.stripe.pay(&invoice);
        let told = town.deliver_one("invoice.paid");
        assert!(changed(&told).contains("status: uncollectible -> paid"), "{told}");
        assert_eq!(known(), "paid 5000 1 fine");
        // That a card failed is told after it was paid.
        let mut late = town.stripe.event("invoice.payment_failed");
        late["id"] = json!("evt_late");
        town.stripe.send(&town.server.nobody(), &late).expect(200);
        worked_off(&town.operator.client);
        assert_eq!(known(), "paid 5000 1 fine");
        town.stripe.refund(&charge, 1_200);
        let told = town.deliver_one("charge.refunded");
        assert_eq!(changed(&told), format!("{invoice} refunded: 0 -> 1200"), "{shape:?} {told}");
        town.stripe.dispute(&charge);
        let told = town.deliver_one("charge.dispute.created");
        assert_eq!(changed(&told), format!("{invoice} disputed: false -> true"), "{shape:?} {told}");
        let void = town.stripe.bill(&subscription, 100);
        town.stripe.change_invoice(&void, &json!({"status": "void"}), "invoice.voided");
        assert!(changed(&town.deliver_one("invoice.voided")).contains("void"));
        town.server.stop();
    }
}

#[test]
fn a_price_of_no_plan_changes_the_status_and_is_parked() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    town.stripe.change_price(&id, "price_of_nothing");
    town.stripe.drift("subscriptions", &id, &json!({"status": "past_due"}));
    let told = town.deliver_one("customer.subscription.updated");
    assert_eq!(told["status"], "parked");
    assert!(told["reason"].as_str().unwrap().contains("price_of_nothing"), "{told}");
    assert_eq!(town.stands(), owned("pro", "past_due"));
    // Once there is such a plan, the same event moves to it.
    let file = town.installation.beside("more.toml");
    let plan = "[plans.gold]\ntitle = \"Gold\"\nfee_cents = 100\nstripe_price = \"price_of_nothing\"\n";
    std::fs::write(&file, plan).unwrap();
    town.installation.run(&["plan", "apply", file.to_str().unwrap(), "--yes"]).expect_code(0);
    let path = format!("/api/v1/operator/stripe-events/{}/replay", told["id"].as_str().unwrap());
    post(&town.operator.client, &path).expect(202);
    worked_off(&town.operator.client);
    assert_eq!(town.stands(), owned("gold", "past_due"));
    let log = town.operator.client.get("/api/v1/operator/audit?action=stripe_event.replayed").expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 1);
    town.server.stop();
}

#[test]
fn an_event_waits_while_stripe_is_away_and_says_why() {
    let (town, id) = Town::subscribed(Shape::Old, "pro");
    town.stripe.fail_with(500);
    town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
    let event = town.stripe.event("customer.subscription.updated");
    let event_id = event["id"].as_str().unwrap();
    town.stripe.send(&town.server.nobody(), &event).expect(200);
    let told = crate::harness::eventually("a try", || {
        let told = outcome(&town.operator.client, event_id);
        (told["attempts"] != 0).then_some(told)
    });
    assert_eq!(told["status"], "pending");
    assert!(
        told["reason"].as_str().unwrap().contains("500") && told["next_attempt_at"].is_string(),
        "{told}"
    );
    assert_eq!(town.stands(), owned("pro", "active"));
    town.stripe.fail_with(0);
    town.installation.advance_clock(MINUTE);
    worked_off(&town.operator.client);
    assert_eq!(town.stands(), owned("pro", "past_due"));
    town.server.stop();
}

#[test]
fn what_stripe_does_not_know_is_parked() {
    let (town, _) = Town::subscribed(Shape::Old, "pro");
    let mut event = town.stripe.event("customer.subscription.created");
    event["id"] = json!("evt_gone");
    event["data"]["object"]["id"] = json!("sub_gone");
    town.stripe.send(&town.server.nobody(), &event).expect(200);
    worked_off(&town.operator.client);
    let told = outcome(&town.operator.client, "evt_gone");
    assert_eq!((&told["status"], &told["reason"]), (&json!("parked"), &json!("Stripe does not know it")));
    town.server.stop();
}

#[test]
fn events_are_listed_newest_first_by_status_and_type_in_pages() {
    let (town, _) = Town::subscribed(Shape::Current, "pro");
    let client = &town.operator.client;
    let ids = |path: &str| {
        let page = client.get(path).expect(200);
        let items = page.json["items"].as_array().unwrap();
        let ids: Vec<String> = items.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
        (ids, page.json["next_cursor"].as_str().map(str::to_owned))
    };
    let (all, _) = ids("/api/v1/operator/stripe-events");
    assert_eq!(all.len(), town.stripe.events().len());
    let (mut paged, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let from = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let (page, next) = ids(&format!("/api/v1/operator/stripe-events?limit=2{from}"));
        paged.extend(page);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let (invoices, _) = ids("/api/v1/operator/stripe-events?type=invoice.");
    assert_eq!(invoices.len(), 3);
    assert_eq!(ids("/api/v1/operator/stripe-events?type=invoice.paid").0.len(), 1);
    assert_eq!(ids("/api/v1/operator/stripe-events?type=invoice.pai").0.len(), 0);
    client.get("/api/v1/operator/stripe-events?status=done").expect_code(400, "bad_status");
    post(client, "/api/v1/operator/stripe-events/evt_none/replay").expect(404);
    town.ann.client.get("/api/v1/operator/stripe-events").expect(403);
    town.ann.client.get("/api/v1/operator/stripe-drift").expect(403);
    post(&town.ann.client, "/api/v1/operator/stripe-drift/repair").expect(403);
    town.server.stop();
}

#[test]
fn two_tenants_follow_their_own_subscriptions() {
    let (town, _) = Town::subscribed(Shape::Current, "pro");
    let (bob, bolt) = town.server.sign_up_with_tenant("bob", "bolt");
    super::checkout(&bob.client, &bolt, "team").expect(200);
    let theirs = town.stripe.pay_checkout();
    town.deliver();
    town.stripe.change_subscription(&theirs, &json!({"status": "past_due"}), "customer.subscription.updated");
    town.deliver_one("customer.subscription.updated");
    assert_eq!(town.stands(), owned("pro", "active"));
    assert_eq!(super::stands(&bob.client, &bolt), owned("team", "past_due"));
    let server: Server = town.server.restart();
    let ann: Person = town.ann.sign_in_again_at(&server);
    assert_eq!(super::stands(&ann.client, &town.acme), owned("pro", "active"));
    server.stop();
}
