//! Service periods that are over become invoices: once, whoever closes them and however often.

use super::*;
use crate::harness::{HOUR, eventually};

#[test]
fn a_period_that_is_over_is_one_invoice_with_fee_and_usage() {
    let (installation, server, ann, acme) = begin();
    tokens(&ann.client, &acme, 1_200, "a");
    for (person, key) in [("kim", "b"), ("lou", "c"), ("kim", "d")] {
        used(
            &ann.client,
            &acme,
            json!({ "meter": "people", "idempotency_key": key, "properties": { "person": person } }),
        );
    }
    let taken_back =
        used(&ann.client, &acme, json!({ "meter": "peak", "quantity": 11, "idempotency_key": "e" }));
    used(&ann.client, &acme, json!({ "meter": "peak", "quantity": 10, "idempotency_key": "f" }));
    let void = acme.path(&format!("/usage-events/{}/void", taken_back.json["seq"]));
    ann.client.post(&void, json!({})).expect(201);
    // Nothing is over yet.
    assert_eq!(close(&installation, &[])["periods"], 0);
    set_clock(&installation, "2026-06-01T00:00:10Z");
    let ann = ann.sign_in_again();
    // Of the next period.
    tokens(&ann.client, &acme, 999, "g");
    let closed = close(&installation, &["--final"]);
    assert_eq!((&closed["periods"], &closed["finalized"]), (&json!(1), &json!(1)), "{closed}");
    let invoices = list(&ann.client, &acme);
    assert_eq!(invoices.len(), 1);
    let invoice = &invoices[0];
    assert_eq!(
        lines(invoice),
        [
            line("fee", "", 4_900),
            line("usage", "tokens", 0),
            line("usage", "tokens", 2_000),
            line("usage", "tokens", 100),
            line("usage", "people", 100),
            line("usage", "peak", 100),
        ]
    );
    assert_eq!(invoice["total_cents"], 7_200);
    assert_eq!((&invoice["number"], &invoice["status"]), (&json!("INV-000001"), &json!("final")));
    assert_eq!(
        invoice["due_at"],
        "2026-06-15T00:00:1".to_owned() + &invoice["due_at"].as_str().unwrap()[18..]
    );
    let peak = &invoice["lines"][5];
    assert_eq!((&peak["events"], &peak["seq_from"], &peak["seq_to"]), (&json!(3), &json!(5), &json!(7)));
    assert_eq!(peak["digest"].as_str().unwrap().len(), 64);
    let again = close(&installation, &["--final"]);
    assert_eq!((&again["periods"], &again["finalized"]), (&json!(0), &json!(0)));
    assert_eq!(list(&ann.client, &acme), invoices);
    assert_eq!(verify(&installation, 0, &[]), "OK: 1 invoices of 1 tenants.\n");
    server.stop();
    // And without a server.
    assert_eq!(verify(&installation, 0, &["--tenant", "acme"]), "OK: 1 invoices of 1 tenants.\n");
}

#[test]
fn what_comes_late_is_one_adjustment_on_the_next_invoice() {
    let (installation, _server, ann, acme) = begin();
    tokens(&ann.client, &acme, 300, "a");
    set_clock(&installation, "2026-06-02T00:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    for (quantity, key) in [(500, "b"), (250, "c")] {
        let late = json!({
            "meter": "tokens", "quantity": quantity, "idempotency_key": key, "occurred_at": "2026-05-20T00:00:00Z",
        });
        used(&ann.client, &acme, late);
    }
    set_clock(&installation, "2026-07-02T00:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    let invoices = list(&ann.client, &acme);
    // 1,050 cost 1,900, of which 400 were invoiced for 300.
    assert_eq!(lines(&invoices[0]), [line("fee", "", 4_900), line("adjustment", "tokens", 1_500)]);
    assert_eq!(invoices[0]["lines"][1]["quantity"], "750");
    assert_eq!((&invoices[0]["number"], &invoices[1]["total_cents"]), (&json!("INV-000002"), &json!(5_300)));
    set_clock(&installation, "2026-08-02T00:00:00Z");
    close(&installation, &["--final"]);
    let third = &list(&ann.sign_in_again().client, &acme)[0];
    assert_eq!(lines(third), [line("fee", "", 4_900)]);
    assert_eq!(verify(&installation, 0, &[]), "OK: 3 invoices of 1 tenants.\n");
}

#[test]
fn the_server_closes_a_day_after_the_end_and_issues_an_hour_later() {
    let (installation, server, ann, acme) = begin();
    server.stop();
    set_clock(&installation, "2026-06-01T23:00:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    assert!(list(&ann.client, &acme).is_empty(), "it may still come late");
    server.stop();
    set_clock(&installation, "2026-06-02T00:10:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let draft = eventually("the draft", || list(&ann.client, &acme).pop());
    assert_eq!((&draft["status"], &draft["number"]), (&json!("draft"), &Value::Null));
    server.stop();
    installation.advance_clock(HOUR);
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    eventually("the invoice", || (list(&ann.client, &acme)[0]["status"] == "final").then_some(()));
}

#[test]
fn two_closers_at_once_make_one_invoice() {
    let (installation, server, ann, acme) = begin();
    tokens(&ann.client, &acme, 300, "a");
    let operator = server.add_operator();
    set_clock(&installation, "2026-06-01T01:00:00Z");
    let operator = operator.sign_in_again();
    let closers: Vec<_> = (0..6)
        .map(|_| {
            let client = operator.client.clone();
            std::thread::spawn(move || {
                client.post("/api/v1/operator/periods/close", json!({ "final": true })).expect(200).json
            })
        })
        .collect();
    let closed: Vec<Value> = closers.into_iter().map(|closer| closer.join().unwrap()).collect();
    let sum = |field: &str| closed.iter().map(|closed| closed[field].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("periods"), sum("finalized")), (1, 1), "{closed:#?}");
    let invoices = list(&ann.sign_in_again().client, &acme);
    assert_eq!((invoices.len(), &invoices[0]["number"]), (1, &json!("INV-000001")));
    let tomorrow = json!({ "at": "2026-06-02T00:00:00Z" });
    operator.client.post("/api/v1/operator/periods/close", tomorrow).expect_refused_by_name("at");
}

#[test]
fn who_pays_nothing_has_no_invoices() {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    let free = json!({ "plan": "free" });
    operator
        .client
        .send(&crate::harness::Call::put("/api/v1/operator/tenants/acme/subscription", free))
        .expect(200);
    // What there was of the plan before is over: the fee of a moment rounds to nothing.
    installation.advance_clock(40 * DAY);
    let closed = close(&installation, &["--final"]);
    assert_eq!((&closed["periods"], &closed["invoices"]), (&json!(2), &json!([])));
    let ann = ann.sign_in_again();
    assert!(list(&ann.client, &acme).is_empty());
    // The period that is open now will close, too.
    assert_eq!(close(&installation, &[])["periods"], 0);
}
