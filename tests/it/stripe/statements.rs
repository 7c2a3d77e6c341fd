//! What was used is on Stripe's invoice, once and to the cent, and what becomes of that becomes of ours.

use std::time::Duration;

use serde_json::{Value, json};

use super::simulator::{Shape, Shuffle, Stripe};
use super::{Town, post, rows, worked_off};
use crate::harness::{Client, DAY, Installation, MINUTE, Tenant};

/// Until Stripe's period is over.
pub(super) const MONTH: i64 = 30 * DAY + MINUTE;

#[track_caller]
pub(super) fn tokens(client: &Client, tenant: &Tenant, quantity: i64, key: &str) {
    let event = json!({ "meter": "ai_tokens", "quantity": quantity, "idempotency_key": key });
    client.post(&tenant.path("/usage-events"), event).expect(201);
}

/// Our invoices, the oldest first.
#[track_caller]
pub(super) fn statements(client: &Client, tenant: &Tenant) -> Vec<Value> {
    let mut all = client.get(&tenant.path("/invoices")).expect(200).json["items"].as_array().unwrap().clone();
    all.reverse();
    all
}

/// What of an invoice is Stripe's to bill: id and amount of each line.
fn to_bill(statement: &Value) -> Vec<(String, i64)> {
    let lines = statement["lines"].as_array().unwrap().iter();
    let lines = lines.filter(|line| ["usage", "adjustment"].contains(&line["kind"].as_str().unwrap()));
    let lines =
        lines.map(|line| (line["id"].as_str().unwrap().to_owned(), line["amount_cents"].as_i64().unwrap()));
    lines.filter(|(_, amount)| *amount != 0).collect()
}

/// What is there: the same of all items on an invoice.
fn billed(stripe: &Stripe, invoice: &str) -> Vec<(String, i64)> {
    let items = stripe.all("invoiceitems").into_iter().filter(|item| item["invoice"] == invoice);
    let line = |item: &Value| item["metadata"]["tenantry_line"].as_str().unwrap().to_owned();
    items.map(|item| (line(&item), item["amount"].as_i64().unwrap())).collect()
}

/// Every line of every statement is at Stripe once, on the invoice that the statement names, and nothing else is.
#[track_caller]
pub(super) fn agrees(stripe: &Stripe, statements: &[Value]) {
    let mut expected = 0;
    for statement in statements {
        let lines = to_bill(statement);
        expected += lines.len();
        let there =
            statement["stripe_invoice_id"].as_str().unwrap_or_else(|| panic!("not there: {statement}"));
        assert_eq!(lines, billed(stripe, there), "{statement}");
    }
    assert_eq!(stripe.all("invoiceitems").len(), expected);
}

pub(super) fn verify(installation: &Installation) -> String {
    let app = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/sold");
    installation.run(&["verify", "billing", "--app", app]).expect_code(0).stdout
}

#[test]
fn usage_is_on_stripes_invoice_once_and_what_is_paid_there_is_paid_here() {
    for shape in [Shape::Old, Shape::Current] {
        let (mut town, id) = Town::subscribed(shape, "pro");
        tokens(&town.ann.client, &town.acme, 1_001, "a");
        town.installation.advance_clock(MONTH);
        town.sign_in_again();
        let draft = town.stripe.renew(&id, 4_900);
        town.deliver();
        let all = statements(&town.ann.client, &town.acme);
        assert_eq!(all.len(), 1, "{all:#?}");
        assert_eq!((&all[0]["status"], &all[0]["stripe_invoice_id"]), (&json!("final"), &json!(draft)));
        assert_eq!(all[0]["subtotal_cents"], 4_900 + 501, "a whole fee, and half a cent rounds up");
        assert_eq!(to_bill(&all[0]).iter().map(|(_, amount)| amount).sum::<i64>(), 501);
        agrees(&town.stripe, &all);
        assert_eq!(town.stripe.object("invoices", &draft)["total"], 4_900 + 501);
        let item = &town.stripe.all("invoiceitems")[0];
        assert_eq!(item["description"], "ai_tokens: 1001");
        let recorded = town.rows("SELECT stripe_item_id FROM invoice_lines WHERE stripe_item_id IS NOT NULL");
        assert_eq!(recorded, [item["id"].as_str().unwrap()]);
        // All of it again, and once more by hand.
        town.deliver();
        let created = town.stripe.event("invoice.created")["id"].as_str().unwrap().to_owned();
        post(&town.operator.client, &format!("/api/v1/operator/stripe-events/{created}/replay")).expect(202);
        worked_off(&town.operator.client);
        assert_eq!(statements(&town.ann.client, &town.acme), all);
        agrees(&town.stripe, &all);
        // A payment that fails changes nothing of it; one that does not, does.
        town.stripe.finalize(&draft);
        town.stripe.change_invoice(&draft, &json!({"attempt_count": 1}), "invoice.payment_failed");
        town.deliver_one("invoice.payment_failed");
        assert_eq!(statements(&town.ann.client, &town.acme)[0]["status"], "final");
        town.stripe.pay(&draft);
        let told = town.deliver_one("invoice.paid");
        assert!(told["changed"].to_string().contains("INV-000001 is paid"), "{told}");
        town.deliver();
        let paid = statements(&town.ann.client, &town.acme).remove(0);
        assert!(paid["status"] == "paid" && paid["paid_at"].is_string(), "{paid}");
        let log = town.ann.client.get(&town.acme.path("/audit?action=invoice.paid")).expect(200);
        assert_eq!(log.json["items"].as_array().unwrap().len(), 1, "{}", log.text());
        assert_eq!(verify(&town.installation), "OK: 1 invoices of 1 tenants.\n");
        town.server.stop();
    }
}

#[test]
fn what_becomes_of_it_there_becomes_of_it_here() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    for (status, told, here) in [
        ("uncollectible", "invoice.marked_uncollectible", "uncollectible"),
        ("void", "invoice.voided", "void"),
    ] {
        town.installation.advance_clock(MONTH);
        town.sign_in_again();
        let draft = town.stripe.renew(&id, 4_900);
        town.deliver();
        town.stripe.finalize(&draft);
        town.stripe.change_invoice(&draft, &json!({ "status": status }), told);
        town.deliver_one(told);
        let last = statements(&town.ann.client, &town.acme).pop().unwrap();
        assert_eq!((&last["status"], &last["stripe_invoice_id"]), (&json!(here), &json!(draft)));
    }
    town.server.stop();
}

#[test]
fn late_usage_is_an_adjustment_on_the_next_invoice_and_a_draft_that_was_missed_too() {
    let (mut town, id) = Town::subscribed(Shape::Current, "pro");
    tokens(&town.ann.client, &town.acme, 100, "a");
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    let first = town.stripe.renew(&id, 4_900);
    town.deliver();
    // As Stripe does after an hour. While it is a draft, whatever tells of it has what is over by then put onto it.
    town.stripe.finalize(&first);
    // Of the month that is billed.
    let at = tenantry::clock::Timestamp((town.stripe.now() - 5 * 86_400) * 1_000).to_string();
    let late = json!({ "meter": "ai_tokens", "quantity": 60, "idempotency_key": "late", "occurred_at": at });
    town.ann.client.post(&town.acme.path("/usage-events"), late).expect(201);
    tokens(&town.ann.client, &town.acme, 10, "b");
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    // Nobody hears of this one before it is finished, nor sees it while events are recovered.
    town.stripe.fail_with(503);
    let missed = town.stripe.renew(&id, 4_900);
    town.stripe.finalize(&missed);
    town.stripe.fail_with(0);
    town.deliver();
    assert_eq!(billed(&town.stripe, &missed), []);
    town.installation.advance_clock(MONTH);
    town.sign_in_again();
    let third = town.stripe.renew(&id, 4_900);
    town.deliver();
    let all = statements(&town.ann.client, &town.acme);
    assert_eq!(all.len(), 3, "{all:#?}");
    assert_eq!(all[0]["stripe_invoice_id"], first.as_str());
    let kinds: Vec<_> = all[1]["lines"].as_array().unwrap().iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds, ["fee", "usage", "adjustment"]);
    let amounts = |statement| to_bill(statement).into_iter().map(|(_, amount)| amount).collect::<Vec<_>>();
    assert_eq!((amounts(&all[0]), amounts(&all[1]), amounts(&all[2])), (vec![50], vec![5, 30], vec![]));
    assert_eq!(billed(&town.stripe, &third), to_bill(&all[1]));
    assert_eq!(town.stripe.object("invoices", &third)["total"], 4_900 + 35);
    assert_eq!(verify(&town.installation), "OK: 3 invoices of 1 tenants.\n");
    town.server.stop();
}

#[test]
fn killed_at_any_moment_each_line_is_there_once() {
    let (town, id) = Town::subscribed(Shape::Current, "pro");
    let Town { installation, stripe, mut server, operator, mut ann, acme } = town;
    let dice = Shuffle::new(11);
    for round in 0..4_i64 {
        tokens(&ann.client, &acme, 1_000 + 2 * round, &format!("key-{round}"));
        installation.advance_clock(MONTH);
        let draft = stripe.renew(&id, 4_900);
        // Several deaths for one draft, each a little later.
        for _ in 0..4 {
            let nobody = server.nobody();
            std::thread::scope(|threads| {
                let sending = threads.spawn(|| {
                    let mut events = stripe.events();
                    dice.shuffle(&mut events);
                    for event in events {
                        drop(nobody.try_send(&stripe.webhook(event.to_string())));
                    }
                });
                std::thread::sleep(Duration::from_millis(5 + u64::try_from(dice.below(120)).unwrap()));
                server.kill();
                sending.join().unwrap();
            });
            server = installation.serve();
        }
        stripe.send_all(&server.nobody());
        installation.advance_clock(MINUTE);
        worked_off(&operator.sign_in_again_at(&server).client);
        stripe.finalize(&draft);
        ann = ann.sign_in_again_at(&server);
    }
    let all = statements(&ann.client, &acme);
    assert_eq!(all.len(), 4, "{all:#?}");
    assert_eq!(
        all.iter().map(|one| to_bill(one)[0].1).collect::<Vec<_>>(),
        [500, 501, 502, 503],
        "of each month what was used in it"
    );
    agrees(&stripe, &all);
    let open = rows(&installation, "SELECT line_id FROM stripe_items WHERE item IS NULL");
    assert!(open.is_empty(), "{open:?}");
    server.stop();
    assert_eq!(verify(&installation), "OK: 4 invoices of 1 tenants.\n");
}
