//! Who sends an invoice, and whom it is addressed to.

use super::*;
use crate::erasure::erase;
use crate::harness::Call;

const ISSUER: &str = "Example GmbH\nHauptstrasse 1\n10115 Berlin\nVAT DE123456789";

/// As [`begin`], where the installation says who sends its invoices.
fn begin_with_issuer() -> (Arc<Installation>, Server, Person, Tenant) {
    let installation = installation();
    set_clock(&installation, "2026-05-01T00:00:00Z");
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
    command.env("TENANTRY_INVOICE_ISSUER", ISSUER);
    let server = Server::spawn(&installation, installation.with_app(command)).unwrap();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    (installation, server, ann, acme)
}

fn put(client: &Client, tenant: &Tenant, details: Value) -> Answer {
    client.send(&Call::put(tenant.path("/billing/details"), details))
}

fn html(client: &Client, tenant: &Tenant, invoice: &Value) -> String {
    let path = tenant.path(&format!("/invoices/{}", invoice["id"].as_str().unwrap()));
    client.send(&Call::get(path).header("accept", "text/html")).expect(200).text()
}

#[test]
fn an_invoice_has_the_addresses_of_when_it_turned_final_for_good() {
    let (installation, server, ann, acme) = begin_with_issuer();
    let nothing = json!({ "name": null, "address": [], "tax_id": null });
    assert_eq!(ann.client.get(&acme.path("/billing/details")).expect(200).json, nothing);
    set_clock(&installation, "2026-06-02T02:00:00Z");
    close(&installation, &[]);
    let ann = ann.sign_in_again();
    let draft = list(&ann.client, &acme).remove(0);
    assert_eq!((&draft["status"], &draft["tenant"]["billing"]), (&json!("draft"), &Value::Null));
    let details = json!({ "name": "Acme <i>Holding</i> AG", "tax_id": "ATU12345678",
        "address": ["Lange Gasse 12b", "1010 Wien"] });
    assert_eq!(put(&ann.client, &acme, details.clone()).expect(200).json, details);
    close(&installation, &["--final"]);
    let first = list(&ann.client, &acme).remove(0);
    assert_eq!((&first["issuer"], &first["tenant"]["billing"]), (&json!(ISSUER), &details));
    let page = html(&ann.client, &acme, &first);
    for told in [
        "<strong>Example GmbH</strong><br>Hauptstrasse 1<br>10115 Berlin<br>VAT DE123456789<",
        "<strong>Acme &lt;i&gt;Holding&lt;/i&gt; AG</strong><br>Lange Gasse 12b<br>1010 Wien<br>Tax ID: ATU12345678<",
        "<dt>Account</dt><dd>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // Another address is for those that follow; without one it is the tenant's name again.
    put(&ann.client, &acme, json!({})).expect(200);
    assert_eq!(list(&ann.client, &acme), std::slice::from_ref(&first));
    set_clock(&installation, "2026-07-02T02:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    let all = list(&ann.client, &acme);
    assert_eq!((all.len(), &all[0]["tenant"]["billing"], &all[1]), (2, &Value::Null, &first));
    assert!(!html(&ann.client, &acme, &all[0]).contains("Account"));
    let log = ann.client.get(&acme.path("/audit?action=billing.details_changed")).expect(200);
    assert_eq!(log.string("/items/0/details"), r#"{"changed":["name","address","tax_id"]}"#);
    assert!(!log.text().contains("Gasse"), "{}", log.text());
    // Both kinds are what they were issued as, here and in an export.
    let (_, download) = crate::export::export(&ann.client, &acme);
    let lines = crate::export::entries(&download.bytes).remove("invoices.ndjson").unwrap();
    assert_eq!(String::from_utf8(lines).unwrap().matches("Lange Gasse 12b").count(), 1);
    assert_eq!(verify(&installation, 0, &[]), "OK: 2 invoices of 1 tenants.\n");
    server.stop();
}

#[test]
fn what_is_no_address_is_refused_and_only_who_pays_sets_one() {
    let (_installation, server, ann, acme) = begin();
    for (body, field) in [
        (json!({ "name": "x".repeat(201) }), "name"),
        (json!({ "address": ["Lange Gasse\n12b"] }), "address"),
        (json!({ "address": vec!["x"; 9] }), "address"),
        (json!({ "address": "Lange Gasse" }), "address"),
        (json!({ "tax_id": "1\u{202e}2" }), "tax_id"),
        (json!({ "street": "Lange Gasse" }), "street"),
    ] {
        let refused = put(&ann.client, &acme, body.clone()).expect(422);
        assert_eq!(refused.json["errors"][0]["field"], field, "{body}: {}", refused.text());
    }
    let bob = server.join(&ann, &acme, "bob", "admin");
    put(&bob.client, &acme, json!({ "name": "Bob" })).expect(403);
    bob.client.get(&acme.path("/billing/details")).expect(200);
    server.stop();
}

#[test]
fn who_owes_can_still_say_whom_to_bill() {
    let (installation, server, ann, acme) = begin();
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.execute("UPDATE tenants SET unpaid = 1", []).unwrap();
    drop(catalog);
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let event = json!({ "meter": "tokens", "quantity": 1, "idempotency_key": "a" });
    ann.client.post(&acme.path("/usage-events"), event).expect_code(402, "payment_required");
    put(&ann.client, &acme, json!({ "name": "Acme AG" })).expect(200);
    server.stop();
}

#[test]
fn of_an_erased_tenant_addresses_are_on_final_invoices_alone() {
    let (installation, server, ann, acme) = begin();
    let street = |number: u8| json!({ "address": [format!("Lange Gasse {number}")] });
    put(&ann.client, &acme, street(1)).expect(200);
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    put(&ann.client, &acme, street(2)).expect(200);
    let receipt = erase(&server, &acme);
    assert!(receipt.to_string().contains("billing details"), "{receipt}");
    server.stop();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let count = |sql: &str| catalog.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM billing_details"), 0);
    assert_eq!(count("SELECT count(*) FROM invoices WHERE document LIKE '%Lange Gasse 1%'"), 1);
}
