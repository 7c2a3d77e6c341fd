//! Customers that are deleted with their tenants, or that are not, and what the receipt says of it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, rows};
use crate::harness::{Call, Client, HOUR, Installation, eventually};

const STORE: &str = "Stripe: the customer";

fn close(operator: &Client, body: Value) {
    operator.post("/api/v1/operator/tenants/acme/close", body).expect(202);
}

fn erase(operator: &Client, body: &Value) -> Value {
    let mut asked = json!({ "confirm": "acme" });
    asked.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    operator.post("/api/v1/operator/tenants/acme/erase", asked).expect(200).json
}

fn statement(receipt: &Value) -> Value {
    serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap()
}

fn current(operator: &Client) -> Value {
    operator.get("/api/v1/operator/erasures/acme").expect(200).json
}

/// How many were removed, and why it is kept.
fn told(receipt: &Value) -> (Option<i64>, Option<String>) {
    let statement = statement(receipt);
    let of = |name: &str| {
        statement[name].as_array().unwrap().iter().find(|store| store["store"] == STORE).cloned()
    };
    (
        of("removed").map(|store| store["removed"].as_i64().unwrap()),
        of("kept").map(|store| store["reason"].as_str().unwrap().to_owned()),
    )
}

fn customer(town: &Town) -> String {
    rows(&town.installation, "SELECT id FROM stripe_customers").remove(0)
}

fn ledger(installation: &Installation) -> Vec<Value> {
    let text = std::fs::read_to_string(installation.data().join("backups/erasures.ndjson")).unwrap();
    text.lines().map(|line| statement(&serde_json::from_str(line).unwrap())).collect()
}

fn left(installation: &Installation) -> Vec<String> {
    rows(installation, "SELECT tenant_id FROM stripe_customer_erasures")
}

#[test]
fn a_customer_is_deleted_with_its_tenant_after_its_last_bill_if_that_is_asked() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let customer = customer(&town);
    close(&town.operator.client, json!({}));
    let receipt = erase(&town.operator.client, &json!({ "stripe_customer": true }));
    assert_eq!(told(&receipt), (Some(1), None));
    assert!(receipt["statement"].as_str().unwrap().contains("Stripe: invoices and payments"), "{receipt}");
    let object = town.stripe.object("customers", &customer);
    assert_eq!((&object["deleted"], &object["metadata"]), (&json!(true), &Value::Null));
    assert_eq!(town.stripe.object("subscriptions", &id)["status"], "canceled");
    let ended = town.stripe.asked("DELETE /v1/subscriptions");
    assert!(ended.iter().all(|asked| asked.contains("invoice_now")) && !ended.is_empty(), "{ended:?}");
    assert_eq!(town.stripe.asked("DELETE /v1/customers").len(), 1);
    assert!(left(&town.installation).is_empty());
    // Once more answers that it is over, and nobody is asked.
    let again = json!({ "confirm": "acme", "stripe_customer": true });
    town.operator.client.post("/api/v1/operator/tenants/acme/erase", again).expect_code(409, "not_closing");
    assert_eq!(town.stripe.asked("DELETE /v1/customers").len(), 1);
    assert_eq!(ledger(&town.installation).len(), 1);
    town.server.stop();
}

#[test]
fn what_nobody_asked_for_is_kept_and_said_and_who_reopens_takes_back_what_was_asked() {
    let town = Town::new(Shape::Current);
    super::checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let customer = customer(&town);
    let operator = &town.operator.client;
    operator
        .post("/api/v1/operator/tenants/acme/close", json!({ "stripe": true }))
        .expect_refused_by_name("stripe");
    operator
        .post("/api/v1/operator/tenants/acme/close", json!({ "stripe_customer": "yes" }))
        .expect_refused_by_name("stripe_customer");
    close(operator, json!({ "stripe_customer": true }));
    assert_eq!(left(&town.installation).len(), 1);
    town.ann.client.send(&Call::new("POST", town.acme.path("/reopen"))).expect(200);
    assert!(left(&town.installation).is_empty());
    operator.send(&Call::new("POST", "/api/v1/operator/tenants/acme/close")).expect(202);
    let (removed, kept) = told(&erase(operator, &json!({})));
    assert!(removed.is_none() && kept.unwrap().contains("nobody asked"));
    assert_ne!(town.stripe.object("customers", &customer)["deleted"], true);
    assert!(town.stripe.asked("DELETE /v1/customers").is_empty());
    town.server.stop();
}

#[test]
fn a_customer_that_is_gone_and_a_tenant_without_one_are_told_as_such() {
    let (town, _) = Town::subscribed(Shape::Current, "pro");
    let customer = customer(&town);
    let operator = &town.operator.client;
    let (_, bolt) = town.server.sign_up_with_tenant("bob", "bolt");
    operator.send(&Call::new("POST", format!("/api/v1/operator/tenants/{}/close", bolt.id))).expect(202);
    let body = json!({ "confirm": "bolt", "stripe_customer": true });
    let of_bolt = operator.post(&format!("/api/v1/operator/tenants/{}/erase", bolt.id), body).expect(200);
    assert_eq!(told(&of_bolt.json), (Some(0), None));
    close(operator, json!({}));
    town.stripe.lose("customers", &customer);
    let receipt = erase(operator, &json!({ "stripe_customer": true }));
    assert_eq!(told(&receipt), (Some(0), None));
    assert!(receipt["statement"].as_str().unwrap().contains("not there any more"), "{receipt}");
    assert!(town.stripe.asked("DELETE /v1/customers").is_empty());
    assert!(left(&town.installation).is_empty());
    town.server.stop();
}

#[test]
fn while_stripe_is_away_the_receipt_says_pending_and_is_issued_anew_when_it_is_done() {
    for status in [500, 429, 400] {
        let (town, _) = Town::subscribed(Shape::Current, "pro");
        let customer = customer(&town);
        close(&town.operator.client, json!({}));
        town.stripe.fail_with(status);
        let first = erase(&town.operator.client, &json!({ "stripe_customer": true }));
        let (removed, kept) = told(&first);
        assert!(removed.is_none() && kept.unwrap().starts_with("pending"), "{status}: {first}");
        assert_eq!(current(&town.operator.client), first);
        // It outlives the server, and is tried until it works.
        let Town { installation, stripe, server, operator, .. } = town;
        let server = server.restart();
        stripe.fail_with(0);
        installation.advance_clock(HOUR);
        let operator = operator.sign_in_again_at(&server);
        let second = eventually("the receipt that is issued anew", || {
            let receipt = current(&operator.client);
            (receipt != first).then_some(receipt)
        });
        assert_eq!(told(&second), (Some(1), None), "{second}");
        assert_eq!(stripe.object("customers", &customer)["deleted"], true);
        let anew = statement(&second);
        let digest = <sha2::Sha256 as sha2::Digest>::digest(first["statement"].as_str().unwrap());
        let digest = digest.iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        });
        assert_eq!(anew["amends"], digest);
        assert!(anew["amended_at"].is_string() && anew["erased_at"] == statement(&first)["erased_at"]);
        let file = installation.beside("anew.json");
        std::fs::write(&file, second.to_string()).unwrap();
        installation.run(&["verify", "receipt", file.to_str().unwrap()]).expect_code(0);
        eventually("both in the ledger", || {
            let ledger = ledger(&installation);
            (ledger == [statement(&first), anew.clone()]).then_some(())
        });
        assert!(left(&installation).is_empty());
        let log = operator.client.get("/api/v1/operator/audit?limit=500").expect(200).text();
        assert!(log.contains("tenant.receipt_amended"), "{log}");
        server.stop();
    }
}

#[test]
fn an_erasure_that_is_ended_at_one_step_after_the_other_deletes_the_customer_and_says_so_once() {
    let (town, _) = Town::subscribed(Shape::Current, "pro");
    let customer = customer(&town);
    let Town { installation, stripe, server, .. } = town;
    server.stop();
    let arguments = ["tenant", "erase", "acme", "--confirm", "acme", "--now", "--stripe-customer", "--json"];
    let mut ended = 0;
    for step in 1.. {
        assert!(step < 150, "it never came through");
        let mut command = installation.command(&arguments);
        command.env("TENANTRY_TEST_FAULT", step.to_string());
        let output = installation.with_app(command).output().unwrap();
        if output.status.code().is_some() {
            // It came through, or the one before had when it was ended, and there is nothing left to erase.
            break;
        }
        ended += 1;
    }
    assert!(ended > 5, "{ended}");
    assert_eq!(stripe.object("customers", &customer)["deleted"], true);
    let server = installation.serve();
    let operator = server.add_operator();
    let receipt = current(&operator.client);
    assert_eq!(told(&receipt), (Some(1), None), "{receipt}");
    assert_eq!(ledger(&installation), [statement(&receipt)]);
    assert!(left(&installation).is_empty());
    server.stop();
}

#[test]
fn what_cannot_be_promised_is_refused_before_anything_is_erased() {
    let (town, _) = Town::subscribed(Shape::Current, "pro");
    let Town { installation, server, operator, .. } = town;
    server.stop();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    let server = installation.serve();
    let operator = operator.sign_in_again_at(&server);
    let path = |act: &str| format!("/api/v1/operator/tenants/acme/{act}");
    let wish = json!({ "stripe_customer": true });
    operator.client.post(&path("close"), wish).expect_code(409, "billing_local");
    close(&operator.client, json!({}));
    let erase = json!({ "confirm": "acme", "stripe_customer": true });
    operator.client.post(&path("erase"), erase).expect_code(409, "billing_local");
    let told = operator.client.get("/api/v1/operator/tenants/acme").expect(200);
    assert_eq!(told.string("/status"), "closing");
    assert!(left(&installation).is_empty());
    server.stop();
}
