//! Who may post to the webhook, and what is taken from whom.

use serde_json::{Value, json};

use super::simulator::{SECRET, Shape, Stripe, signature, signed};
use super::{Town, outcome, worked_off};
use crate::harness::{Call, Case, Client, Installation, Server, run_cases};

fn hook(body: &str, signature: &str) -> Call {
    Call::new("POST", "/webhooks/stripe")
        .bytes("application/json", body)
        .header("stripe-signature", signature)
}

fn event(id: &str) -> String {
    json!({
        "id": id, "object": "event", "type": "product.created", "livemode": false, "created": 1,
        "data": {"object": {"id": "prod_1", "object": "product"}},
    })
    .to_string()
}

#[test]
fn only_what_is_signed_by_a_secret_over_these_bytes_now_is_taken() {
    let installation = Installation::new();
    let stripe = Stripe::start(&installation, Shape::Current);
    let old = "whsec_the_one_before_4711";
    installation.plant_secret(old);
    stripe.settings(&format!("stripe_webhook_secrets = [\"{SECRET}\", \"{old}\"]"));
    let server = installation.serve();
    let (now, zeros) = (stripe.now(), "0".repeat(64));
    let of = |id: &str, secret: &str, time: i64| hook(&event(id), &signed(secret, time, &event(id)));
    let good = |id: &str| signature(SECRET, now, &event(id));
    let spaced = event("evt_spaced").replace(':', " : ");
    let cases = [
        Case::new(
            "no signature",
            Call::new("POST", "/webhooks/stripe").bytes("application/json", event("evt_0")),
            400,
        )
        .has("signature_missing"),
        Case::new("two headers", of("evt_1", SECRET, now).header("stripe-signature", "t=1,v1=00"), 400),
        Case::new("signed now", of("evt_2", SECRET, now), 200).has("received"),
        Case::new("by the secret before", of("evt_3", old, now), 200),
        Case::new("by nobody's secret", of("evt_4", "whsec_other", now), 401).has("bad_signature"),
        Case::new("by an empty secret", of("evt_5", "", now), 401),
        Case::new("4 minutes ago", of("evt_6", SECRET, now - 290), 200),
        Case::new("6 minutes ago", of("evt_7", SECRET, now - 310), 401),
        Case::new("in 4 minutes", of("evt_8", SECRET, now + 290), 200),
        Case::new("in 6 minutes", of("evt_9", SECRET, now + 320), 401),
        Case::new("other bytes", hook(&event("evt_10"), &signed(SECRET, now, &event("evt_11"))), 401),
        Case::new("the bytes as they came", hook(&spaced, &signed(SECRET, now, &spaced)), 200),
        Case::new("written anew", hook(&event("evt_spaced"), &signed(SECRET, now, &spaced)), 401),
        Case::new(
            "one of several",
            hook(&event("evt_12"), &format!("t={now},v1={zeros},v1={}", good("evt_12"))),
            200,
        ),
        Case::new("of an old scheme", hook(&event("evt_13"), &format!("t={now},v0={}", good("evt_13"))), 401),
        Case::new("without a time", hook(&event("evt_14"), &format!("v1={}", good("evt_14"))), 401),
        Case::new(
            "half of it",
            hook(&event("evt_15"), &format!("t={now},v1={}", &good("evt_15")[..32])),
            401,
        ),
        Case::new("nonsense", hook(&event("evt_16"), "nonsense"), 401),
        Case::new("by GET", Call::get("/webhooks/stripe"), 405),
    ];
    run_cases(&server.nobody(), &cases);
    let taken = super::rows(&installation, "SELECT id FROM stripe_events ORDER BY id");
    assert_eq!(taken, ["evt_12", "evt_2", "evt_3", "evt_6", "evt_8", "evt_spaced"]);
    server.stop();
}

#[test]
fn without_a_secret_there_is_no_webhook() {
    let installation = Installation::new();
    let stripe = Stripe::start(&installation, Shape::Current);
    let body = event("evt_1");
    for setting in ["", "stripe_webhook_secrets = []", "stripe_webhook_secrets = [\"\"]"] {
        stripe.settings(setting);
        let server = installation.serve();
        for secret in ["", SECRET] {
            let signature = signed(secret, stripe.now(), &body);
            server.nobody().send(&hook(&body, &signature)).expect_code(404, "stripe_not_configured");
        }
        server.stop();
    }
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_STRIPE_WEBHOOK_SECRETS", "");
    let server = Server::spawn(&installation, command).unwrap();
    server.nobody().send(&hook(&body, &signed("", stripe.now(), &body))).expect(404);
    server.stop();
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_STRIPE_WEBHOOK_SECRETS", format!("whsec_first,{SECRET}"));
    let server = Server::spawn(&installation, command).unwrap();
    server.nobody().send(&hook(&body, &signed(SECRET, stripe.now(), &body))).expect(200);
    server.stop();
}

#[test]
fn what_has_a_good_signature_is_kept_whatever_it_is() {
    let town = Town::new(Shape::Current);
    let send = |body: &str| {
        let call = hook(body, &signed(SECRET, town.stripe.now(), body));
        town.server.nobody().send(&call).expect(200);
    };
    let customer = town.stripe.make_customer(json!({}));
    let subscription = town.stripe.subscribe(&customer, "price_pro");
    let of_nobody = town.stripe.event("customer.subscription.created");
    let changed = |path: &str, value: Value| {
        let mut event = of_nobody.clone();
        event["id"] = json!(format!("evt{}", path.replace('/', "_")));
        *event.pointer_mut(path).unwrap() = value;
        event.to_string()
    };
    send(&of_nobody.to_string());
    send(&changed("/livemode", json!(true)));
    send(&changed("/data/object/id", json!("sub_1/../../v1/customers/cus_1")));
    send(&changed("/data/object/object", json!(null)));
    send(&changed("/data/object", json!("sub_unknown")));
    send(&changed("/type", json!("product.updated")));
    send("no JSON at all");
    send("[]");
    send(&json!({"id": 5}).to_string());
    worked_off(&town.operator.client);
    let told = |id: &str| {
        let event = outcome(&town.operator.client, id);
        (
            event["status"].as_str().unwrap().to_owned(),
            event["reason"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let (status, reason) = told(of_nobody["id"].as_str().unwrap());
    assert_eq!((status.as_str(), reason.contains(&customer)), ("parked", true), "{reason}");
    assert_eq!(told("evt_livemode").0, "parked");
    assert!(told("evt_livemode").1.contains("live mode"));
    assert_eq!(told("evt_data_object_id").0, "parked");
    assert_eq!(told("evt_data_object").0, "parked");
    assert_eq!(told("evt_type").0, "ignored");
    let unreadable =
        town.operator.client.get("/api/v1/operator/stripe-events?type=unreadable&status=parked").expect(200);
    assert_eq!(unreadable.json["items"].as_array().unwrap().len(), 3, "{}", unreadable.text());
    // None of it made a tenant anything.
    assert_eq!(town.stands(), super::owned("free", "active"));
    assert!(town.rows("SELECT id FROM stripe_subscriptions").is_empty(), "{subscription}");
    town.server.stop();
}

#[test]
fn an_event_counts_once_whatever_it_says_the_second_time() {
    let (town, _) = Town::subscribed(Shape::Old, "pro");
    let event = town.stripe.event("invoice.paid");
    let id = event["id"].as_str().unwrap();
    let before = outcome(&town.operator.client, id);
    let requests = town.stripe.requests();
    let mut other = event.clone();
    other["type"] = json!("customer.subscription.deleted");
    for event in [&event, &other] {
        town.stripe.send(&town.server.nobody(), event).expect(200);
    }
    worked_off(&town.operator.client);
    assert_eq!(outcome(&town.operator.client, id), before);
    assert_eq!(town.stripe.requests(), requests, "nothing was asked");
    town.server.stop();
}

#[test]
fn a_live_installation_takes_nothing_of_test_mode() {
    let installation = Installation::new();
    let stripe = Stripe::start(&installation, Shape::Current);
    let data = installation.data().join("tenantry.toml");
    let settings = std::fs::read_to_string(&data).unwrap();
    std::fs::write(&data, format!("{settings}\nstripe_livemode = true\n")).unwrap();
    let refused = installation.serve_refused();
    assert!(refused.stderr.contains("stripe_livemode"), "{refused:#?}");
    // A key that says no mode.
    std::fs::write(&data, format!("{settings}\nstripe_livemode = true\n").replace("sk_test_", "other_"))
        .unwrap();
    installation.plant_secret("other_otter4711juggles");
    let server = installation.serve();
    let body = event("evt_1");
    server.nobody().send(&hook(&body, &signed(SECRET, stripe.now(), &body))).expect(200);
    let operator: Client = server.add_operator().client;
    let told = outcome(&operator, "evt_1");
    assert_eq!(told["status"], "parked");
    assert!(told["reason"].as_str().unwrap().contains("test mode"), "{told}");
    server.stop();
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let installation = Installation::new();
    let _stripe = Stripe::start(&installation, Shape::Current);
    for arguments in [&["config", "show"][..], &["config", "show", "--json"]] {
        let shown = installation.run(arguments).expect_code(0);
        assert!(shown.stdout.contains("stripe_webhook_secrets") && shown.stdout.contains("(set)"));
        assert!(!shown.stdout.contains("otter4711"), "{}", shown.stdout);
    }
    let file = installation.data().join("tenantry.toml");
    for broken in ["stripe_secret_key = sk_otter4711", "stripe_webhook_secrets = [\n  otter4711whsec_\n]"] {
        std::fs::write(&file, broken).unwrap();
        let refused = installation.run(&["config", "check"]);
        assert_ne!(refused.code, Some(0));
        assert!(!refused.stderr.contains("otter4711") && refused.stderr.contains("Stripe"), "{refused:#?}");
    }
}
