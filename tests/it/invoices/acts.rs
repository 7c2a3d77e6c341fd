//! What operators do to final invoices, and what nobody can.

use super::*;
use crate::harness::{Call, eventually, letters_to};

/// A final invoice, and an operator.
fn issued() -> (Arc<Installation>, Server, Person, Tenant, Person) {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let (ann, operator) = (ann.sign_in_again(), operator.sign_in_again());
    (installation, server, ann, acme, operator)
}

fn act(operator: &Person, invoice: &Value, act: &str) -> Answer {
    let path = format!("/api/v1/operator/invoices/{}/{act}", invoice["id"].as_str().unwrap());
    operator.client.send(&Call::new("POST", path))
}

#[test]
fn a_final_invoice_is_paid_void_or_given_up_and_each_step_is_audited() {
    let (installation, _server, ann, acme, operator) = issued();
    let invoice = list(&ann.client, &acme).remove(0);
    let given_up = act(&operator, &invoice, "mark-uncollectible").expect(200);
    assert_eq!(
        (given_up.string("/status").as_str(), &given_up.json["due_cents"]),
        ("uncollectible", &json!(4_900))
    );
    let paid = act(&operator, &invoice, "mark-paid").expect(200);
    assert_eq!((paid.string("/status").as_str(), &paid.json["due_cents"]), ("paid", &json!(0)));
    // Said twice it is the same.
    assert_eq!(act(&operator, &invoice, "mark-paid").expect(200).json, paid.json);
    act(&operator, &invoice, "void").expect_code(409, "wrong_status");
    let mut now = list(&ann.client, &acme).remove(0);
    for field in ["status", "paid_at", "given_up_at", "due_cents"] {
        now[field] = invoice[field].clone();
    }
    assert_eq!(now, invoice, "nothing else of it changed");
    let audit = ann.client.get(&acme.path("/audit?action=invoice.*")).expect(200);
    let actions: Vec<&str> = audit.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions, ["invoice.paid", "invoice.given_up", "invoice.finalized", "invoice.drafted"]);
    let unknown = json!({ "id": "01890000-0000-7000-8000-000000000001" });
    act(&operator, &unknown, "mark-paid").expect(404);
    assert_eq!(verify(&installation, 0, &[]), "OK: 1 invoices of 1 tenants.\n");
}

#[test]
fn a_void_invoice_keeps_number_and_lines_is_owed_by_nobody_and_is_not_billed_again() {
    let (installation, server, ann, acme, operator) = issued();
    let invoice = list(&ann.client, &acme).remove(0);
    let id = invoice["id"].as_str().unwrap();
    let void = act(&operator, &invoice, "void").expect(200);
    assert_eq!((void.string("/status").as_str(), &void.json["due_cents"]), ("void", &json!(0)));
    assert_eq!(void.string("/voided_at")[..16], *"2026-06-01T01:00", "{}", void.text());
    // Said twice it is the same; it can become nothing else, and nothing is taken back of it.
    assert_eq!(act(&operator, &invoice, "void").expect(200).json, void.json);
    for other in ["mark-paid", "mark-uncollectible"] {
        act(&operator, &invoice, other).expect_code(409, "wrong_status");
    }
    let note = json!({ "amount_cents": 1, "reason": "a gesture" });
    let credited = operator.client.post(&format!("/api/v1/operator/invoices/{id}/credit-notes"), note);
    credited.expect_code(409, "wrong_status");
    let mut now = list(&ann.client, &acme).remove(0);
    for field in ["status", "voided_at", "due_cents"] {
        now[field] = invoice[field].clone();
    }
    assert_eq!(now, invoice, "nothing else of it changed: number, lines, total, digest");
    let path = acme.path(&format!("/invoices/{id}"));
    let page = ann.client.send(&Call::get(&path).header("accept", "text/html")).expect(200).text();
    for told in
        ["<p class=\"status void\">void</p>", "<h1>Invoice INV-000001</h1>", "Void since", "49.00 USD"]
    {
        assert!(page.contains(told), "{told}: {page}");
    }
    assert!(!page.contains("<dt>Due</dt>"), "{page}");
    let table = ann.client.send(&Call::get(acme.path("/invoices")).header("accept", "text/csv")).expect(200);
    assert!(table.text().contains(",INV-000001,void,USD,"), "{}", table.text());
    let log = ann.client.get(&acme.path("/audit?action=invoice.voided")).expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 1, "{}", log.text());
    server.stop();
    // Long after it would have been due nobody is asked to pay it, and the next one is of the next month alone.
    set_clock(&installation, "2026-07-01T01:00:00Z");
    let server = installation.serve();
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again_at(&server);
    let all = list(&ann.client, &acme);
    assert_eq!((all.len(), &all[0]["number"], &all[1]["status"]), (2, &json!("INV-000002"), &json!("void")));
    assert_eq!((lines(&all[0]), &all[0]["total_cents"]), (vec![line("fee", "", 4_900)], &json!(4_900)));
    let stands = ann.client.get(&acme.path("/subscription")).expect(200);
    assert_eq!(stands.string("/status"), "active", "{}", stands.text());
    assert_eq!(verify(&installation, 0, &[]), "OK: 2 invoices of 1 tenants.\n");
    server.stop();
}

#[test]
fn a_credit_note_takes_something_back_and_never_more_than_there_is() {
    let (_installation, _server, ann, acme, operator) = issued();
    let invoice = list(&ann.client, &acme).remove(0);
    let id = invoice["id"].as_str().unwrap();
    let credit = |amount: i64| {
        let path = format!("/api/v1/operator/invoices/{id}/credit-notes");
        operator.client.post(&path, json!({ "amount_cents": amount, "reason": "An outage in May" }))
    };
    let note = credit(900).expect(201);
    assert_eq!(
        (note.string("/number").as_str(), &note.json["invoice"]["due_cents"]),
        ("CN-000001", &json!(4_000))
    );
    credit(4_001).expect_refused_by_name("amount_cents");
    credit(0).expect_refused_by_name("amount_cents");
    assert_eq!(credit(4_000).expect(201).json["invoice"]["status"], "paid");
    let told = ann.client.get(&acme.path(&format!("/invoices/{id}"))).expect(200);
    assert_eq!(told.json["credit_notes"].as_array().unwrap().len(), 2);
    assert_eq!((&told.json["credited_cents"], &told.json["total_cents"]), (&json!(4_900), &json!(4_900)));
}

#[test]
fn tax_is_one_line_on_the_invoices_from_then_on() {
    let (installation, server, ann, acme) = begin();
    let operator = server.add_operator();
    let path = "/api/v1/operator/tenants/acme/tax-rate";
    let rate = json!({ "tax": { "name": "VAT", "percent": "19", "id": "DE123456789" } });
    operator.client.send(&Call::put(path, rate.clone())).expect(200);
    assert_eq!(operator.client.get(path).expect(200).json, rate);
    let wrong = json!({ "tax": { "name": "VAT", "percent": 101 } });
    operator.client.send(&Call::put(path, wrong)).expect_refused_by_name("tax.percent");
    tokens(&ann.client, &acme, 101, "a");
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let invoice = list(&ann.sign_in_again().client, &acme).remove(0);
    assert_eq!(lines(&invoice).last(), Some(&line("tax", "", 931)), "19 % of 49.02");
    assert_eq!(invoice["total_cents"], 4_902 + 931);
}

/// Straight in the catalog, past all code: the tables hold it.
#[test]
fn a_final_invoice_cannot_be_changed_even_in_the_catalog_itself() {
    let (installation, server, ..) = issued();
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    for sql in [
        "UPDATE invoices SET total = total + 1, subtotal = subtotal + 1",
        "UPDATE invoices SET document = '{}'",
        "UPDATE invoices SET number = 'INV-000007'",
        "UPDATE invoices SET due_at = 0",
        "UPDATE invoices SET status = 'draft', number = NULL, issued_at = NULL",
        "DELETE FROM invoices",
        "UPDATE invoice_lines SET amount = 0",
        "DELETE FROM invoice_lines",
        "INSERT INTO invoice_lines (invoice_id, position, id, kind, description, quantity, amount)
           SELECT id, 99, 'x', 'fee', '', '1', 0 FROM invoices",
        "UPDATE service_periods SET ends_at = ends_at - 1 WHERE billed_at IS NOT NULL",
    ] {
        let refused = catalog.execute(sql, []);
        assert!(refused.is_err(), "{sql}: {refused:?}");
    }
    assert_eq!(catalog.execute("UPDATE invoices SET stripe_invoice_id = 'in_1'", []).unwrap(), 1);
}

#[test]
fn an_invoice_is_told_to_who_pays_it_with_total_and_day() {
    let (installation, server, ann, acme) = begin();
    let bob = server.join(&ann, &acme, "bob", "member");
    tokens(&ann.client, &acme, 5, "a");
    set_clock(&installation, "2026-06-01T00:00:01Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    let invoice = list(&ann.client, &acme).remove(0);
    let letter = eventually("the letter", || {
        letters_to(&installation, &ann.email)
            .into_iter()
            .find(|letter| letter.contains("There is a new invoice"))
    });
    let number = invoice["number"].as_str().unwrap();
    let due = &invoice["due_at"].as_str().unwrap()[..10];
    assert!(letter.contains(&format!("Invoice: {number}\nTotal: ")), "{letter}");
    assert!(letter.contains(&format!(" USD\nDue on: {due}\n")), "{letter}");
    assert!(!letters_to(&installation, &bob.email).iter().any(|letter| letter.contains(number)));
    server.stop();
}
