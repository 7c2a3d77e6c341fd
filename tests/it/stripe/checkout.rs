//! Buying: from the button to the plan, and where it leads besides.

use serde_json::json;

use super::simulator::Shape;
use super::{Town, checkout, outcome, owned, post, worked_off};
use crate::harness::{Call, DAY, Installation, MINUTE};

#[test]
fn who_pays_has_the_plan_in_old_shapes_and_in_current_ones() {
    for shape in [Shape::Old, Shape::Current] {
        let town = Town::new(shape);
        let url = checkout(&town.ann.client, &town.acme, "pro").expect(200).string("/url");
        let session = town.stripe.session();
        assert_eq!(session["url"], url.as_str());
        assert_eq!(session["client_reference_id"], town.acme.id.as_str());
        // Whoever only looked at the page has bought nothing.
        assert_eq!(town.stands(), owned("free", "active"));
        let subscription = town.stripe.pay_checkout();
        town.deliver();
        assert_eq!(town.stands(), owned("pro", "active"), "{shape:?}");
        let told = town.ann.client.get(&town.acme.path("/subscription")).expect(200);
        assert_eq!(told.string("/stripe_subscription_id"), subscription);
        let known = town.rows("SELECT id || ' ' || status || ' ' || price FROM stripe_subscriptions");
        assert_eq!(known, [format!("{subscription} active price_pro")]);
        let invoices = town.rows("SELECT status || ' ' || paid || ' ' || subscription FROM stripe_invoices");
        assert_eq!(invoices, [format!("paid 4900 {subscription}")]);
        let log = town.ann.client.get(&town.acme.path("/audit?action=subscription.changed")).expect(200);
        assert_eq!(log.json["items"][0]["actor"], "system", "{}", log.text());
        town.server.stop();
    }
}

#[test]
fn a_checkout_that_is_complete_is_not_paid_unless_it_says_so() {
    let town = Town::new(Shape::Current);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let subscription = town.stripe.complete_checkout_unpaid();
    town.deliver();
    assert_eq!(town.stands(), owned("free", "active"));
    let event = town.stripe.event("checkout.session.completed");
    let told = outcome(&town.operator.client, event["id"].as_str().unwrap());
    assert!(told["reason"].as_str().unwrap().contains("not paid"), "{told}");
    town.stripe.payment_arrives(&subscription);
    town.deliver_one("checkout.session.async_payment_succeeded");
    assert_eq!(town.stands(), owned("pro", "active"));
    town.server.stop();
}

#[test]
fn a_trial_is_as_long_as_stripe_says_and_ends_when_stripe_says() {
    let (mut town, subscription) = Town::subscribed(Shape::Current, "trial");
    assert_eq!(town.stands(), owned("trial", "trialing"));
    let at_stripe = town.stripe.object("subscriptions", &subscription)["trial_end"].as_i64().unwrap();
    let told = town.ann.client.get(&town.acme.path("/subscription")).expect(200);
    assert_eq!(told.string("/trial_end"), told.string("/period_end"));
    let longer = at_stripe + 7 * 86_400;
    town.stripe.change_subscription(
        &subscription,
        &json!({ "trial_end": longer }),
        "customer.subscription.updated",
    );
    town.deliver_one("customer.subscription.updated");
    let later = town.ann.client.get(&town.acme.path("/subscription")).expect(200);
    assert!(later.string("/trial_end") > told.string("/trial_end"), "{}", later.text());
    let told = town.stripe.object("subscriptions", &subscription);
    town.stripe.change_subscription(&subscription, &json!({}), "customer.subscription.trial_will_end");
    assert_eq!(town.deliver_one("customer.subscription.trial_will_end")["status"], "ignored", "{told}");
    let told = format!("SELECT recipient FROM letters WHERE fact LIKE 'trial_ends % {longer}000'");
    assert_eq!(town.rows(&told), ["money"], "who pays is told of it, once");
    town.installation.advance_clock(3 * 86_400_000);
    town.sign_in_again();
    town.stripe.change_subscription(
        &subscription,
        &json!({"status": "active"}),
        "customer.subscription.updated",
    );
    town.deliver_one("customer.subscription.updated");
    assert_eq!(town.stands(), owned("trial", "active"));
    // It was had once.
    let periods = town.rows("SELECT kind FROM service_periods ORDER BY number");
    assert_eq!(periods.iter().filter(|kind| *kind == "trial").count(), 1, "{periods:?}");
    town.server.stop();
}

#[test]
fn what_cannot_be_bought_is_refused_and_nothing_is_made_at_stripe() {
    let town = Town::new(Shape::Current);
    let path = town.acme.path("/billing/checkout");
    let client = &town.ann.client;
    for (body, field) in [
        (json!({}), "plan"),
        (json!({"plan": "gold"}), "plan"),
        (json!({"plan": "free"}), "plan"),
        (json!({"plan": "pro", "success_url": "javascript:alert(1)"}), "success_url"),
        (json!({"plan": "pro", "success_url": "http://example.com/"}), "success_url"),
        (json!({"plan": "pro", "cancel_url": "https://user@example.com/"}), "cancel_url"),
        (json!({"plan": "pro", "cancel_url": "https://example.com/\n"}), "cancel_url"),
        (json!({"plan": "pro", "quantity": 2}), "quantity"),
    ] {
        client.post(&path, body).expect_refused_by_name(field);
    }
    let portal = town.acme.path("/billing/portal");
    post(client, &portal).expect_code(409, "no_customer");
    let admin = town.server.join(&town.ann, &town.acme, "adam", "admin");
    checkout(&admin.client, &town.acme, "pro").expect_code(403, "permission_missing");
    assert!(town.stripe.all("customers").is_empty());
    // Its price is none at Stripe.
    checkout(client, &town.acme, "wrong").expect_code(409, "stripe_refused");
    // A plan that is paid at Stripe is not had without being paid.
    let put = Call::put(town.acme.path("/subscription"), json!({"plan": "pro"}));
    client.send(&put).expect_code(402, "checkout_required");
    let urls = json!({"plan": "pro", "success_url": "https://example.com/?s={CHECKOUT_SESSION_ID}"});
    client.post(&path, urls).expect(200);
    assert_eq!(town.stripe.session()["success_url"], "https://example.com/?s={CHECKOUT_SESSION_ID}");
    town.stripe.pay_checkout();
    town.deliver();
    checkout(client, &town.acme, "team").expect_code(409, "already_subscribed");
    client.send(&put).expect_code(409, "billed_by_stripe");
    let url = post(client, &portal).expect(200).string("/url");
    let customer = town.rows("SELECT id FROM stripe_customers");
    assert_eq!(customer.len(), 1);
    assert!(url.ends_with(&customer[0]), "{url}");
    town.server.stop();
}

#[test]
fn one_tenant_has_one_customer_however_often_it_begins() {
    let town = Town::new(Shape::Current);
    std::thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| checkout(&town.ann.client, &town.acme, "pro").expect_one_of(&[200, 503]));
        }
    });
    checkout(&town.ann.client, &town.acme, "team").expect(200);
    assert_eq!(town.stripe.all("customers").len(), 1);
    let body = json!({"plan": "pro"});
    let again = Call::post(town.acme.path("/billing/checkout"), body).header("idempotency-key", "one");
    let urls = [0, 1].map(|_| town.ann.client.send(&again).expect(200).string("/url"));
    assert_eq!(urls[0], urls[1]);
    town.server.stop();
}

#[test]
fn a_checkout_that_was_not_begun_here_is_nobodys() {
    let town = Town::new(Shape::Current);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let subscription = town.stripe.pay_checkout();
    // As a payment link would: with a reference in its address, which anybody can write.
    for sql in ["DELETE FROM stripe_checkouts", "DELETE FROM stripe_customers"] {
        rusqlite::Connection::open(town.installation.data().join("catalog.db"))
            .unwrap()
            .execute(sql, [])
            .unwrap();
    }
    town.stripe.change_session(&json!({"metadata": {}}));
    town.deliver();
    let all = town.operator.client.get("/api/v1/operator/stripe-events?status=parked").expect(200);
    assert_eq!(all.json["items"].as_array().unwrap().len(), town.stripe.events().len(), "{}", all.text());
    assert_eq!(town.stands(), owned("free", "active"));
    // Whoever has the secret key says whose it is: then what was parked counts.
    let ours = town.rows("SELECT value FROM settings WHERE name = 'installation_id'");
    let metadata = json!({"tenantry_installation": ours[0], "tenantry_tenant": town.acme.id});
    town.stripe.change_session(&json!({ "metadata": metadata }));
    let event = town.stripe.event("checkout.session.completed");
    let id = event["id"].as_str().unwrap();
    let replayed = post(&town.operator.client, &format!("/api/v1/operator/stripe-events/{id}/replay"));
    replayed.expect(202);
    worked_off(&town.operator.client);
    assert_eq!(outcome(&town.operator.client, id)["status"], "applied");
    assert_eq!(town.stands(), owned("pro", "active"), "{subscription}");
    let parked = town.operator.client.get("/api/v1/operator/stripe-events?status=parked").expect(200);
    assert!(parked.json["items"].as_array().unwrap().is_empty(), "{}", parked.text());
    town.server.stop();
}

#[test]
fn without_stripe_billing_is_local() {
    let installation = Installation::with_app_of_tests("sold");
    let server = installation.serve();
    let operator = server.add_operator();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    checkout(&ann.client, &acme, "pro").expect_code(409, "billing_local");
    post(&ann.client, &acme.path("/billing/portal")).expect_code(409, "billing_local");
    operator.client.get("/api/v1/operator/stripe-drift").expect_code(409, "billing_local");
    let events = operator.client.get("/api/v1/operator/stripe-events").expect(200);
    assert_eq!(events.json["items"], json!([]));
    ann.client.send(&Call::put(acme.path("/subscription"), json!({"plan": "pro"}))).expect(200);
    server.stop();
}

#[test]
fn stripe_that_is_away_is_told_as_that() {
    let town = Town::new(Shape::Current);
    for status in [500, 429, 401] {
        town.stripe.fail_with(status);
        checkout(&town.ann.client, &town.acme, "pro").expect_code(503, "stripe_unavailable");
    }
    town.stripe.fail_with(0);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    town.server.stop();
}

#[test]
fn every_act_is_in_a_log() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    let used = json!({ "meter": "ai_tokens", "quantity": 300, "idempotency_key": "some" });
    town.ann.client.post(&town.acme.path("/usage-events"), used).expect(201);
    town.installation.advance_clock(30 * DAY + MINUTE);
    town.sign_in_again();
    town.stripe.refuse("POST /v1/invoiceitems");
    town.stripe.renew(&id, 4_900);
    town.deliver();
    let held = town.rows("SELECT invoice_id FROM stripe_statements").pop().unwrap();
    post(&town.operator.client, &format!("/api/v1/operator/stripe-statements/{held}/retry")).expect(202);
    post(&town.ann.client, &town.acme.path("/billing/portal")).expect(200);
    let event = town.stripe.event("invoice.paid");
    let replay = format!("/api/v1/operator/stripe-events/{}/replay", event["id"].as_str().unwrap());
    post(&town.operator.client, &replay).expect(202);
    post(&town.operator.client, "/api/v1/operator/stripe-drift/repair").expect(200);
    let logs = [
        town.ann.client.get(&town.acme.path("/audit?limit=500")).expect(200),
        town.operator.client.get("/api/v1/operator/audit?limit=500").expect(200),
    ];
    let entries = || logs.iter().flat_map(|log| log.json["items"].as_array().unwrap());
    for (route, action) in crate::audited_routes::AUDITED_WITH_STRIPE {
        assert!(entries().any(|entry| entry["action"] == *action), "no {action} for {route}");
    }
    for entry in entries().filter(|entry| entry["action"] == "billing.checkout_begun") {
        assert_eq!(entry["actor"], format!("identity:{}", town.ann.id).as_str());
    }
    town.server.stop();
}
