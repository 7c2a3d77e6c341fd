//! Credit where the biller changes: carried once, to Stripe and back.

use serde_json::{Value, json};

use super::simulator::Shape;
use super::{Town, checkout};
use crate::harness::{Call, DAY, MINUTE};

const MONTH: i64 = 30 * DAY + MINUTE;

fn tokens(town: &Town, quantity: i64, key: &str) -> i64 {
    let event = json!({ "meter": "ai_tokens", "quantity": quantity, "idempotency_key": key });
    let sent = town.ann.client.post(&town.acme.path("/usage-events"), event).expect(201);
    sent.json["seq"].as_i64().unwrap()
}

fn take_back(town: &Town, seq: i64) {
    town.ann
        .client
        .send(&Call::new("POST", town.acme.path(&format!("/usage-events/{seq}/void"))))
        .expect(201);
}

fn close(town: &mut Town) {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/sold");
    town.installation.run(&["plan", "close-period", "--final", "--json", "--app", app]).expect_code(0);
    town.sign_in_again();
}

/// Kind and amount of the lines of the newest invoice.
fn newest(town: &Town) -> (Vec<(String, i64)>, Value) {
    let all = town.ann.client.get(&town.acme.path("/invoices")).expect(200);
    let newest = all.json["items"][0].clone();
    let line =
        |line: &Value| (line["kind"].as_str().unwrap().to_owned(), line["amount_cents"].as_i64().unwrap());
    (newest["lines"].as_array().unwrap().iter().map(line).collect(), newest)
}

fn line(kind: &str, amount: i64) -> (String, i64) {
    (kind.to_owned(), amount)
}

fn verify(town: &Town) -> String {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/sold");
    town.installation.run(&["verify", "billing", "--app", app]).stdout
}

/// What is to the tenant's credit: of ours, at Stripe, given here.
fn credit(town: &Town) -> Vec<String> {
    town.rows("SELECT amount || ' ' || at_stripe || ' ' || given_here FROM credit_balances")
}

/// On a plan that is billed here.
fn locally(town: &Town, plan: &str) {
    town.operator
        .client
        .send(&Call::put("/api/v1/operator/tenants/acme/subscription", json!({ "plan": plan })))
        .expect(200);
}

#[test]
fn what_our_invoices_left_goes_to_stripe_once_where_that_bills_next() {
    let mut town = Town::new(Shape::Current);
    locally(&town, "pro");
    let seq = tokens(&town, 60_000, "a");
    town.installation.advance_clock(31 * DAY);
    close(&mut town);
    take_back(&town, seq);
    town.installation.advance_clock(31 * DAY);
    close(&mut town);
    let (lines, _) = newest(&town);
    assert_eq!(lines[1..], [line("adjustment", -30_000), line("credit", 25_100)]);
    assert_eq!(credit(&town), ["25100 0 0"]);
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let id = town.stripe.pay_checkout();
    town.deliver();
    // The period in which it changes is billed here, the next one by Stripe.
    let mut drafts = Vec::new();
    for key in ["b", "c", "d"] {
        tokens(&town, 16_000, key);
        town.installation.advance_clock(MONTH);
        town.sign_in_again();
        drafts.push(town.stripe.renew(&id, 4_900));
        town.deliver();
    }
    let all = town.ann.client.get(&town.acme.path("/invoices")).expect(200);
    let by_stripe: Vec<&Value> = all.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["stripe_invoice_id"].is_string())
        .collect();
    let carried: Vec<i64> = by_stripe
        .iter()
        .flat_map(|one| one["lines"].as_array().unwrap())
        .filter(|line| line["description"] == "Credit of invoices that Stripe did not send")
        .map(|line| line["amount_cents"].as_i64().unwrap())
        .collect();
    assert_eq!(carried.len(), 1, "once: {by_stripe:#?}");
    let ours = all.json["items"].as_array().unwrap().iter().filter(|one| one["stripe_invoice_id"].is_null());
    let ours = ours.flat_map(|one| one["lines"].as_array().unwrap()).filter(|line| line["kind"] == "credit");
    let left: i64 = ours.map(|line| line["amount_cents"].as_i64().unwrap()).sum();
    assert!(left > 0 && carried[0] == -left, "all that our invoices left: {left} {carried:?}");
    let items = town.stripe.all("invoiceitems");
    assert_eq!(items.iter().filter(|item| item["amount"] == carried[0]).count(), 1, "{items:#?}");
    assert!(credit(&town)[0].starts_with("0 "), "{:?}", credit(&town));
    assert!(verify(&town).starts_with("OK: "), "{}", verify(&town));
    town.server.stop();
}

#[test]
fn what_statements_left_is_on_our_next_invoice_and_is_taken_back_where_stripe_bills_again() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    let seq = tokens(&town, 30_000, "a");
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    town.stripe.renew(&id, 4_900);
    town.deliver();
    take_back(&town, seq);
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    town.stripe.renew(&id, 4_900);
    town.deliver();
    assert_eq!(credit(&town), ["0 10100 0"], "{:?}", newest(&town));
    // Stripe bills no more: the rest of its time is still a statement, then it is ours to bill.
    town.stripe.cancel(&id);
    town.deliver();
    locally(&town, "team");
    town.installation.advance_clock(40 * DAY);
    close(&mut town);
    let (lines, invoice) = newest(&town);
    assert_eq!(lines[0], line("fee", 9_900), "{invoice}");
    assert_eq!(lines[1].0, "adjustment", "{invoice}");
    let given = -lines[1].1;
    assert!(
        given > 0 && given <= 10_100,
        "{given} {:?} {:#?}",
        credit(&town),
        town.ann.client.get(&town.acme.path("/invoices")).json
    );
    assert_eq!(credit(&town), [format!("{} 0 {given}", given - 9_900)]);
    assert!(verify(&town).starts_with("OK: "), "{}", verify(&town));
    // Back at Stripe, whose balance still has what was given here.
    checkout(&town.ann.client, &town.acme, "pro").expect(200);
    let id = town.stripe.pay_checkout();
    town.deliver();
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    town.stripe.renew(&id, 4_900);
    town.deliver();
    let taken_back = town.rows(
        "SELECT amount FROM (SELECT CAST(amount AS TEXT) AS amount, description FROM invoice_lines) \
         WHERE description LIKE '%given on other invoices since'",
    );
    assert_eq!(taken_back, [given.to_string()]);
    assert!(credit(&town)[0].ends_with(" 0"), "{:?}", credit(&town));
    assert!(verify(&town).starts_with("OK: "), "{}", verify(&town));
    // A line that says otherwise is found.
    let catalog = rusqlite::Connection::open(town.installation.data().join("catalog.db")).unwrap();
    catalog.execute_batch("DROP TRIGGER invoices_final_stay; UPDATE invoices SET by_stripe = 0").unwrap();
    drop(catalog);
    assert!(verify(&town).contains("it says that Stripe sent it"), "{}", verify(&town));
    town.server.stop();
}
