//! Events that come up to five times, in any order, some of them never: it ends in what Stripe says.

use serde_json::{Value, json};

use super::simulator::{Shape, Shuffle, Stripe};
use super::{Town, checkout, stands, worked_off};
use crate::harness::{Client, HOUR, MINUTE, Person, Tenant};

/// What the catalog holds of Stripe, and what Stripe holds, as lines that must be the same.
fn here(town: &Town) -> Vec<String> {
    let mut all = town.rows(
        "SELECT id || ' ' || status || ' ' || price || ' ' || coalesce(cancel_at, 0) FROM stripe_subscriptions ORDER BY id",
    );
    all.extend(
        town.rows(
            "SELECT id || ' ' || status || ' ' || total || ' ' || paid FROM stripe_invoices ORDER BY id",
        ),
    );
    all
}

fn there(stripe: &Stripe) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let subscription = |one: &Value| {
        let item = &one["items"]["data"][0];
        let end = one["current_period_end"].as_i64().or(item["current_period_end"].as_i64()).unwrap();
        let cancel_at = if one["cancel_at_period_end"] == true { end * 1_000 } else { 0 };
        format!("{} {} {} {cancel_at}", text(&one["id"]), text(&one["status"]), text(&item["price"]["id"]))
    };
    let invoice = |one: &Value| {
        format!("{} {} {} {}", text(&one["id"]), text(&one["status"]), one["total"], one["amount_paid"])
    };
    let mut all: Vec<String> = stripe.all("subscriptions").iter().map(subscription).collect();
    all.extend(stripe.all("invoices").iter().map(invoice));
    all
}

/// A few months of one customer.
fn live(stripe: &Stripe, subscription: &str, dice: &Shuffle) {
    let updated = "customer.subscription.updated";
    for _ in 0..6 {
        match dice.below(7) {
            0 => stripe.change_subscription(subscription, &json!({"status": "past_due"}), updated),
            1 => stripe.change_subscription(subscription, &json!({"status": "active"}), updated),
            2 => stripe.change_price(subscription, ["price_pro", "price_team"][dice.below(2)]),
            3 => {
                let ends = json!({"cancel_at_period_end": dice.below(2) == 0});
                stripe.change_subscription(subscription, &ends, updated);
            }
            4 => {
                let invoice = stripe.bill(subscription, 100 + i64::try_from(dice.below(900)).unwrap());
                stripe.change_invoice(&invoice, &json!({"attempt_count": 1}), "invoice.payment_failed");
            }
            5 => {
                let invoice = stripe.bill(subscription, 100 + i64::try_from(dice.below(900)).unwrap());
                stripe.pay(&invoice);
            }
            _ => {
                let invoice = stripe.draft(subscription, 7);
                stripe.change_invoice(&invoice, &json!({"status": "void"}), "invoice.voided");
            }
        }
    }
}

/// Sends each event one to five times, some never, shuffled, over several connections at once.
fn send_as_a_storm(stripe: &Stripe, nobody: &Client, events: &[Value], dice: &Shuffle) -> usize {
    let (mut sends, mut lost) = (Vec::new(), 0);
    for event in events {
        if dice.below(5) == 0 {
            lost += 1;
            continue;
        }
        sends.extend(std::iter::repeat_n(event, 1 + dice.below(5)));
    }
    dice.shuffle(&mut sends);
    std::thread::scope(|threads| {
        for part in sends.chunks(sends.len().div_ceil(4)) {
            threads.spawn(move || part.iter().for_each(|event| drop(stripe.send(nobody, event).expect(200))));
        }
    });
    lost
}

fn storm(shape: Shape, seed: u64) {
    let mut town = Town::new(shape);
    let dice = Shuffle::new(seed);
    let mut tenants: Vec<(Person, Tenant, &str)> = Vec::new();
    for (name, slug, plan) in [("bob", "bolt", "pro"), ("cem", "cog", "team"), ("dan", "dial", "trial")] {
        let (person, tenant) = town.server.sign_up_with_tenant(name, slug);
        checkout(&person.client, &tenant, plan).expect(200);
        let subscription = town.stripe.pay_checkout();
        live(&town.stripe, &subscription, &dice);
        tenants.push((person, tenant, plan));
    }
    // One leaves.
    let last = town.stripe.all("subscriptions").pop().unwrap()["id"].as_str().unwrap().to_owned();
    town.stripe.cancel(&last);
    let lost = send_as_a_storm(&town.stripe, &town.server.nobody(), &town.stripe.events(), &dice);
    worked_off(&town.operator.client);
    assert!(lost > 0, "a storm that loses nothing proves little; take another seed than {seed}");
    town.installation.advance_clock(HOUR + MINUTE);
    town.sign_in_again();
    let kept = || {
        let all = town.operator.client.get("/api/v1/operator/stripe-events?limit=500").expect(200);
        let items = all.json["items"].as_array().unwrap().clone();
        items.iter().filter(|event| event["source"] == "recovery").count()
    };
    crate::harness::eventually("the recovery of what was lost", || (kept() == lost).then_some(()));
    worked_off(&town.operator.client);
    assert_eq!(here(&town), there(&town.stripe), "{shape:?} {seed}");
    for ((person, tenant, _), subscription) in tenants.iter().zip(town.stripe.all("subscriptions")) {
        let person = person.sign_in_again_at(&town.server);
        let (plan, status) = stands(&person.client, tenant);
        let price = subscription["items"]["data"][0]["price"]["id"].as_str().unwrap();
        let wanted = (price.trim_start_matches("price_"), subscription["status"].as_str().unwrap());
        // One that was over before it was heard of has changed nothing.
        let never_was = wanted.1 == "canceled" && (plan.as_str(), status.as_str()) == ("free", "active");
        assert!((plan.as_str(), status.as_str()) == wanted || never_was, "{plan} {status}, not {wanted:?}");
    }
    let report = super::post(&town.operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
    assert_eq!(report.json["items"], json!([]), "nothing was left to repair");
    town.server.stop();
}

#[test]
fn a_storm_of_old_shapes_ends_in_what_stripe_says() {
    storm(Shape::Old, 4_711);
}

#[test]
fn a_storm_of_current_shapes_ends_in_what_stripe_says() {
    storm(Shape::Current, 815);
}
