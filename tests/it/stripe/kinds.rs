//! Each type of event that means something, as old versions and as current ones put it: what it changes, in the order of a
//! subscription's life.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tenantry::model::stripe::Hint;

use super::simulator::Shape;
use super::{Town, checkout, outcome, owned, post, worked_off};

/// A town, and what its events came to.
struct Life {
    town: Town,
    seen: BTreeSet<String>,
}

impl Life {
    /// Sends the newest event of a type, which has to change that.
    #[track_caller]
    fn changes(&mut self, kind: &str, words: &[&str]) {
        let told = self.deliver(kind);
        assert_eq!(
            (&told["status"], &told["tenant_id"]),
            (&json!("applied"), &json!(self.town.acme.id)),
            "{told}"
        );
        let changed = told["changed"].to_string();
        for word in words {
            assert!(changed.contains(word), "{kind}: {word}: {told}");
        }
    }

    /// Sends the newest event of a type, which has to say why it changes nothing.
    #[track_caller]
    fn says(&mut self, kind: &str, status: &str, reason: &str) {
        let told = self.deliver(kind);
        assert_eq!((&told["status"], &told["changed"]), (&json!(status), &json!([])), "{kind}: {told}");
        assert!(told["reason"].as_str().unwrap().contains(reason), "{kind}: {told}");
    }

    #[track_caller]
    fn deliver(&mut self, kind: &str) -> Value {
        self.seen.insert(kind.to_owned());
        self.town.deliver_one(kind)
    }

    fn subscription(&self, id: &str, change: Value, kind: &str) {
        self.town.stripe.change_subscription(id, &change, kind);
    }

    fn invoice(&self, id: &str, change: Value, kind: &str) {
        self.town.stripe.change_invoice(id, &change, kind);
    }
}

#[test]
fn every_type_of_event_changes_something_or_says_why_not_in_either_shape() {
    for shape in [Shape::Old, Shape::Current] {
        let mut life = Life { town: Town::new(shape), seen: BTreeSet::new() };
        let id = buy(&mut life);
        follow_subscription(&mut life, &id);
        follow_invoices(&mut life, &id);
        life.town.stripe.cancel(&id);
        life.changes("customer.subscription.deleted", &["status: active -> canceled"]);
        assert_eq!(life.town.stands(), owned("pro", "canceled"));
        // A type that nobody here needs, and one that is not known yet.
        for kind in ["customer.created", "invoice.dreamt_of"] {
            life.invoice(&life.town.stripe.newest_invoice(), json!({}), kind);
            life.says(kind, "ignored", "change nothing here");
            life.seen.remove(kind);
        }
        let all: BTreeSet<String> = Hint::types().map(str::to_owned).collect();
        let left: Vec<&String> = all.difference(&life.seen).collect();
        assert!(left.is_empty(), "{shape:?}: nothing shows what these do: {left:?}");
        life.town.server.stop();
    }
}

/// A checkout of which nothing came, and one whose payment takes days.
fn buy(life: &mut Life) -> String {
    let sell = |life: &Life| {
        checkout(&life.town.ann.client, &life.town.acme, "pro").expect(200);
        life.town.stripe.session()["id"].as_str().unwrap().to_owned()
    };
    let session = sell(life);
    life.town.stripe.update_session(&session, &json!({"status": "expired"}), "checkout.session.expired");
    life.changes("checkout.session.expired", &[&session, "status: open -> expired"]);
    let session = sell(life);
    let id = life.town.stripe.complete_checkout_unpaid();
    life.changes("customer.subscription.created", &["status: none -> incomplete"]);
    life.changes("checkout.session.completed", &[&session, "status: open -> complete"]);
    life.town.stripe.update_session(&session, &json!({}), "checkout.session.async_payment_failed");
    life.says("checkout.session.async_payment_failed", "ignored", "complete, but not paid yet");
    assert_eq!(life.town.stands(), owned("free", "active"));
    life.town.stripe.payment_arrives(&id);
    let words = ["payment: unpaid -> paid", "status: incomplete -> active", "tenant plan: free v1 -> pro v1"];
    life.changes("checkout.session.async_payment_succeeded", &words);
    assert_eq!(life.town.stands(), owned("pro", "active"));
    id
}

fn follow_subscription(life: &mut Life, id: &str) {
    let updated = "customer.subscription.updated";
    life.subscription(id, json!({"status": "past_due"}), updated);
    life.changes(updated, &["status: active -> past_due", "tenant status: active -> past_due"]);
    life.subscription(id, json!({"status": "paused"}), "customer.subscription.paused");
    life.changes("customer.subscription.paused", &["status: past_due -> paused"]);
    life.subscription(id, json!({"status": "active"}), "customer.subscription.resumed");
    life.changes("customer.subscription.resumed", &["tenant status: past_due -> active"]);
    // Of one that is in no trial there is nothing to tell.
    life.subscription(id, json!({}), "customer.subscription.trial_will_end");
    life.says("customer.subscription.trial_will_end", "ignored", "what Stripe says was known");
    assert!(life.town.rows("SELECT fact FROM letters WHERE fact LIKE 'trial_ends%'").is_empty());
}

fn follow_invoices(life: &mut Life, id: &str) {
    let invoice = life.town.stripe.draft(id, 5_000);
    life.changes("invoice.created", &["status: none -> draft", "total: none -> 5000"]);
    life.invoice(&invoice, json!({"total": 6_000}), "invoice.updated");
    life.changes("invoice.updated", &["total: 5000 USD -> 6000 USD"]);
    let failed = json!({"last_finalization_error": {"code": "customer_tax_location_invalid"}});
    life.invoice(&invoice, failed, "invoice.finalization_failed");
    life.changes("invoice.finalization_failed", &["trouble: none -> finalization_failed"]);
    life.invoice(&invoice, json!({"last_finalization_error": null}), "invoice.updated");
    life.town.stripe.finalize(&invoice);
    life.changes("invoice.finalized", &["status: draft -> open", "trouble: finalization_failed -> none"]);
    life.invoice(&invoice, json!({"attempt_count": 1}), "invoice.payment_failed");
    life.changes("invoice.payment_failed", &["attempts: 0 -> 1", "trouble: none -> payment_failed"]);
    life.invoice(&invoice, json!({}), "invoice.payment_action_required");
    life.changes("invoice.payment_action_required", &["trouble: payment_failed -> payment_action_required"]);
    life.invoice(&invoice, json!({"status": "uncollectible"}), "invoice.marked_uncollectible");
    life.changes("invoice.marked_uncollectible", &["status: open -> uncollectible"]);
    let charge = life.town.stripe.pay(&invoice);
    life.changes("invoice.paid", &["status: uncollectible -> paid", "paid: 0 -> 6000"]);
    life.town.stripe.refund(&charge, 1_200);
    life.changes("charge.refunded", &["refunded: 0 -> 1200"]);
    life.town.stripe.dispute(&charge);
    life.changes("charge.dispute.created", &["disputed: false -> true"]);
    life.town.stripe.close_dispute();
    // That it was disputed stays true, however that ended.
    life.says("charge.dispute.closed", "ignored", "what Stripe says was known");
    let void = life.town.stripe.bill(id, 100);
    life.changes("invoice.finalized", &["status: none -> open"]);
    life.invoice(&void, json!({"status": "void"}), "invoice.voided");
    life.changes("invoice.voided", &["status: open -> void"]);
    let deleted = life.town.stripe.draft(id, 70);
    life.changes("invoice.created", &["status: none -> draft"]);
    life.town.stripe.delete_draft(&deleted, false);
    life.changes("invoice.deleted", &["was deleted at Stripe"]);
}

#[test]
fn that_a_trial_is_about_to_end_is_told_once_and_the_event_says_so_in_either_shape() {
    let kind = "customer.subscription.trial_will_end";
    for shape in [Shape::Old, Shape::Current] {
        let (town, id) = Town::subscribed(shape, "trial");
        assert_eq!(town.stands(), owned("trial", "trialing"));
        for _ in 0..2 {
            town.stripe.change_subscription(&id, &json!({}), kind);
            let told = town.deliver_one(kind);
            assert_eq!((&told["status"], &told["changed"]), (&json!("ignored"), &json!([])), "{told}");
            assert_eq!(told["reason"], "whoever pays is told that the trial ends, once");
        }
        let letters = town.rows("SELECT recipient FROM letters WHERE fact LIKE 'trial_ends %'");
        assert_eq!(letters, ["money"], "{shape:?}");
        town.server.stop();
    }
}

/// What was done by hand: nothing is done twice by it, and the desk says what came of it now.
#[test]
fn an_event_that_is_replayed_says_anew_what_it_changes() {
    for shape in [Shape::Old, Shape::Current] {
        let (town, id) = Town::subscribed(shape, "pro");
        town.stripe.change_subscription(&id, &json!({"status": "past_due"}), "customer.subscription.updated");
        let told = town.deliver_one("customer.subscription.updated");
        assert_eq!(town.stands(), owned("pro", "past_due"));
        let event = told["id"].as_str().unwrap();
        let replay = || {
            let path = format!("/api/v1/operator/stripe-events/{event}/replay");
            post(&town.operator.client, &path).expect(202);
            worked_off(&town.operator.client);
            outcome(&town.operator.client, event)
        };
        let again = replay();
        assert_eq!((&again["status"], &again["changed"]), (&json!("ignored"), &json!([])), "{again}");
        // Stripe is asked, not the event: it does not lead back to what it said.
        town.stripe.drift("subscriptions", &id, &json!({"status": "active"}));
        let again = replay();
        assert_eq!(again["status"], "applied", "{again}");
        assert!(again["changed"].to_string().contains("tenant status: past_due -> active"), "{again}");
        assert_eq!(town.stands(), owned("pro", "active"));
        post(&town.ann.client, &format!("/api/v1/operator/stripe-events/{event}/replay")).expect(403);
        town.server.stop();
    }
}
