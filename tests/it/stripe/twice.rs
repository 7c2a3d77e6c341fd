//! That nobody pays twice: one open checkout, one subscription that counts, and a second one told loudly.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, checkout, outcome, owned, post, worked_off};
use crate::harness::{Call, DAY, MINUTE};

const DRIFT: &str = "/api/v1/operator/stripe-drift";
const REPAIR: &str = "/api/v1/operator/stripe-drift/repair";

fn open_sessions(town: &Town) -> Vec<Value> {
    town.stripe.all("sessions").into_iter().filter(|session| session["status"] == "open").collect()
}

/// Drift of which nothing is repaired: object and field.
fn found(town: &Town, report: &Value) -> Vec<(String, String)> {
    let items = report["items"].as_array().unwrap().iter().filter(|item| item["repaired_at"].is_null());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let found: Vec<_> = items.map(|item| (text(&item["object"]), text(&item["field"]))).collect();
    assert!(found.len() <= 20, "{found:?} of {}", town.acme.id);
    found
}

#[test]
fn one_checkout_of_a_tenant_can_be_paid_and_no_other() {
    let town = Town::new(Shape::Current);
    let first = checkout(&town.ann.client, &town.acme, "pro").expect(200).string("/url");
    let id = town.stripe.session()["id"].as_str().unwrap().to_owned();
    // The same once more is the same page.
    assert_eq!(checkout(&town.ann.client, &town.acme, "pro").expect(200).string("/url"), first);
    assert_eq!(town.stripe.all("sessions").len(), 1);
    // Another plan, another page: the one before takes no money any more.
    let second = checkout(&town.ann.client, &town.acme, "team").expect(200).string("/url");
    assert_ne!(first, second);
    assert_eq!(town.stripe.object("sessions", &id)["status"], "expired");
    // Another way back is another page too.
    let back = json!({"plan": "team", "success_url": "https://example.com/"});
    town.ann.client.post(&town.acme.path("/billing/checkout"), back).expect(200);
    assert_eq!(open_sessions(&town).len(), 1);
    std::thread::scope(|threads| {
        for plan in ["pro", "team", "pro", "team", "trial", "trial"] {
            let (client, acme) = (&town.ann.client, &town.acme);
            threads.spawn(move || checkout(client, acme, plan).expect(200));
        }
    });
    assert_eq!(open_sessions(&town).len(), 1, "{:#?}", town.stripe.all("sessions"));
    let known = town.rows("SELECT id FROM stripe_checkouts WHERE status = 'open'");
    assert_eq!(known, [town.stripe.session()["id"].as_str().unwrap()]);
    town.installation.advance_clock(MINUTE);
    // One that is about to run out is not given out again.
    let before = checkout(&town.ann.client, &town.acme, "pro").expect(200).string("/url");
    town.installation.advance_clock(DAY - 30 * MINUTE);
    let ann = town.ann.sign_in_again();
    assert_ne!(checkout(&ann.client, &town.acme, "pro").expect(200).string("/url"), before);
    town.server.stop();
}

#[test]
fn what_was_paid_a_moment_ago_is_known_before_more_is_sold() {
    let town = Town::new(Shape::Current);
    checkout(&town.ann.client, &town.acme, "team").expect(200);
    town.stripe.pay_checkout();
    // No event of it has come.
    checkout(&town.ann.client, &town.acme, "pro").expect_code(409, "already_subscribed");
    assert_eq!(town.stands(), owned("team", "active"), "what was asked was stored");
    // Another one pays while its page is being closed.
    let (bob, bolt) = town.server.sign_up_with_tenant("bob", "bolt");
    checkout(&bob.client, &bolt, "team").expect(200);
    town.stripe.hold("POST /v1/checkout/sessions/cs");
    std::thread::scope(|threads| {
        let late = threads.spawn(|| checkout(&bob.client, &bolt, "pro"));
        town.stripe.held();
        town.stripe.pay_checkout();
        town.stripe.release();
        late.join().unwrap().expect_code(409, "already_subscribed");
    });
    assert_eq!(super::stands(&bob.client, &bolt), owned("team", "active"));
    // And one whose money is on its way.
    let (cy, crow) = town.server.sign_up_with_tenant("cy", "crow");
    checkout(&cy.client, &crow, "team").expect(200);
    town.stripe.complete_checkout_unpaid();
    checkout(&cy.client, &crow, "pro").expect_code(409, "payment_pending");
    town.deliver();
    checkout(&cy.client, &crow, "pro").expect_code(409, "payment_pending");
    // One that somebody made by hand, of which nothing was heard.
    let customers = town.rows("SELECT id FROM stripe_customers ORDER BY id");
    let (dan, dawn) = town.server.sign_up_with_tenant("dan", "dawn");
    checkout(&dan.client, &dawn, "team").expect(200);
    let customer = town.rows("SELECT id FROM stripe_customers ORDER BY id").pop().unwrap();
    assert!(!customers.contains(&customer));
    town.stripe.subscribe(&customer, "price_pro");
    checkout(&dan.client, &dawn, "team").expect_code(409, "already_subscribed");
    assert_eq!(super::stands(&dan.client, &dawn), owned("pro", "active"));
    town.server.stop();
}

#[test]
fn a_second_live_subscription_is_told_loudly_and_adopted_by_nobody() {
    for ends_first in [true, false] {
        let (mut town, first) = Town::subscribed(Shape::Current, "pro");
        let customer = town.rows("SELECT id FROM stripe_customers").pop().unwrap();
        town.installation.advance_clock(MINUTE);
        let second = town.stripe.subscribe(&customer, "price_team");
        let told = town.deliver_one("customer.subscription.created");
        assert_eq!((&told["status"], &told["tenant_id"]), (&json!("parked"), &json!(town.acme.id)), "{told}");
        let reason = told["reason"].as_str().unwrap();
        assert!(reason.contains(&first) && reason.contains(&second) && reason.contains("refund"), "{reason}");
        assert_eq!(town.stands(), owned("pro", "active"));
        let counts = town.ann.client.get(&town.acme.path("/subscription")).expect(200);
        assert_eq!(counts.string("/stripe_subscription_id"), first);
        let said = town.installation.log();
        let said = said.lines().filter(|line| line.contains("pays for two subscriptions"));
        assert_eq!(said.filter(|line| line.to_lowercase().contains("error")).count(), 1);
        // Operators see it at once, and each day as long as it is so; nothing repairs it.
        let nothing = (second.clone(), "counts for nothing".to_owned());
        let report = town.operator.client.get(DRIFT).expect(200);
        assert_eq!(found(&town, &report.json), std::slice::from_ref(&nothing), "{}", report.text());
        let report = post(&town.operator.client, REPAIR).expect(200);
        assert_eq!(found(&town, &report.json), [nothing], "{}", report.text());
        checkout(&town.ann.client, &town.acme, "team").expect_code(409, "already_subscribed");
        // What was used is on no invoice of it.
        let event = json!({ "meter": "ai_tokens", "quantity": 300, "idempotency_key": "some" });
        town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
        town.installation.advance_clock(30 * DAY + MINUTE);
        town.sign_in_again();
        town.stripe.renew(&second, 9_900);
        assert_eq!(town.deliver_one("invoice.created")["status"], "parked");
        assert!(town.stripe.all("invoiceitems").is_empty());
        let draft = town.stripe.renew(&first, 4_900);
        town.deliver_one("invoice.created");
        let items = town.stripe.all("invoiceitems");
        assert_eq!((items.len(), &items[0]["invoice"]), (1, &json!(draft)));
        // The way out: one of them is cancelled there.
        let (gone, stays, plan) =
            if ends_first { (&first, &second, "team") } else { (&second, &first, "pro") };
        town.stripe.cancel(gone);
        let told = town.deliver_one("customer.subscription.deleted");
        assert_eq!(told["status"], "applied", "{told}");
        assert_eq!(town.stands(), owned(plan, "active"));
        let counts = town.ann.client.get(&town.acme.path("/subscription")).expect(200);
        assert_eq!(counts.string("/stripe_subscription_id"), *stays);
        worked_off(&town.operator.client);
        let parked = town.operator.client.get("/api/v1/operator/stripe-events?status=parked").expect(200);
        assert_eq!(parked.json["items"], json!([]), "what waited for that was worked off");
        let told = found(&town, &town.operator.client.get(DRIFT).expect(200).json);
        assert!(told.iter().all(|(_, field)| field != "counts for nothing"), "{told:?}");
        assert_eq!(found(&town, &post(&town.operator.client, REPAIR).expect(200).json), []);
        town.server.stop();
    }
}

#[test]
fn one_that_took_the_place_of_another_is_no_second_one_in_whichever_order_it_is_heard() {
    let (town, first) = Town::subscribed(Shape::Old, "pro");
    let customer = town.rows("SELECT id FROM stripe_customers").pop().unwrap();
    town.stripe.cancel(&first);
    let second = town.stripe.subscribe(&customer, "price_team");
    let told = town.deliver_one("customer.subscription.created");
    assert_eq!(told["status"], "applied", "{told}");
    assert_eq!(town.stands(), owned("team", "active"));
    town.deliver_one("customer.subscription.deleted");
    assert_eq!(town.stands(), owned("team", "active"), "{second}");
    // And one whose predecessor Stripe does not know at all.
    town.stripe.lose("subscriptions", &second);
    town.stripe.subscribe(&customer, "price_pro");
    assert_eq!(town.deliver_one("customer.subscription.created")["status"], "applied");
    assert_eq!(town.stands(), owned("pro", "active"));
    town.server.stop();
}

#[test]
fn a_second_one_that_was_never_told_is_found_by_looking_and_both_end_with_the_tenant() {
    let (town, first) = Town::subscribed(Shape::Current, "pro");
    let customer = town.rows("SELECT id FROM stripe_customers").pop().unwrap();
    let second = town.stripe.subscribe(&customer, "price_team");
    let report = post(&town.operator.client, REPAIR).expect(200);
    let told = found(&town, &report.json);
    assert_eq!(told, [(second.clone(), "counts for nothing".to_owned())], "{}", report.text());
    assert_eq!(town.stands(), owned("pro", "active"));
    let event = town.stripe.event("customer.subscription.created");
    town.stripe.send(&town.server.nobody(), &event).expect(200);
    worked_off(&town.operator.client);
    assert_eq!(outcome(&town.operator.client, event["id"].as_str().unwrap())["status"], "parked");
    town.ann.client.send(&Call::post(town.acme.path("/close"), json!({"confirm": "acme"}))).expect(202);
    for id in [first, second] {
        crate::harness::eventually("the end of both", || {
            (town.stripe.object("subscriptions", &id)["status"] == "canceled").then_some(())
        });
    }
    town.server.stop();
}

#[test]
fn of_subscriptions_that_were_adopted_before_the_newest_goes_on_counting() {
    let catalog = rusqlite::Connection::open_in_memory().unwrap();
    catalog.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    catalog.execute_batch(include_str!("../../../migrations/catalog/0013_stripe.sql")).unwrap();
    let all = "('a', 't', 'active', 0, 1, 0), ('b', 't', 'past_due', 0, 3, 0), ('c', 't', 'active', 0, 3, 0),
               ('d', 't', 'canceled', 0, 4, 0), ('e', 'u', 'active', 0, 1, 0), ('f', 'v', 'canceled', 0, 1, 0)";
    let insert = "INSERT INTO stripe_subscriptions (id, tenant_id, status, paused, created, seen_at) VALUES";
    catalog.execute_batch(&format!("{insert} {all}")).unwrap();
    catalog.execute_batch(include_str!("../../../migrations/catalog/0017_stripe_parking.sql")).unwrap();
    let parked = "SELECT group_concat(id) FROM (SELECT id FROM stripe_subscriptions WHERE parked IS NOT NULL ORDER BY id)";
    let parked: String = catalog.query_row(parked, [], |row| row.get(0)).unwrap();
    assert_eq!(parked, "a,b");
    let second = format!("{insert} ('g', 'u', 'trialing', 0, 2, 0)");
    assert!(catalog.execute_batch(&second).is_err(), "no second one counts, whoever writes it");
}
