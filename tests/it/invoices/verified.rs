//! Invoices are recomputed from the events: what was tampered with is found, in the installation and in an export.

use super::*;
use crate::export::{entries, export};

/// A final invoice over usage of three meters; the server is still there.
fn billed() -> (Arc<Installation>, Server, Person, Tenant) {
    let (installation, server, ann, acme) = begin();
    for number in 0..5 {
        tokens(&ann.client, &acme, 100, &format!("t{number}"));
        let properties = json!({ "person": format!("p{}", number % 2) });
        let person =
            json!({ "meter": "people", "idempotency_key": format!("p{number}"), "properties": properties });
        used(&ann.client, &acme, person);
    }
    set_clock(&installation, "2026-06-01T01:00:00Z");
    close(&installation, &["--final"]);
    let ann = ann.sign_in_again();
    (installation, server, ann, acme)
}

#[test]
fn an_event_that_was_changed_is_found_by_the_line_that_it_is_on() {
    let (installation, server, _, acme) = billed();
    server.stop();
    assert_eq!(verify(&installation, 0, &[]), "OK: 1 invoices of 1 tenants.\n");
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    file.execute_batch("DROP TRIGGER _usage_events_are_immutable").unwrap();
    for (sql, told) in [
        (
            "UPDATE _usage_events SET quantity = 99 WHERE seq = 3",
            "INV-000001 line 2 (tokens): it says that 500 were used",
        ),
        (
            "UPDATE _usage_events SET quantity = 100, cost = 7 WHERE seq = 3",
            "INV-000001 line 2 (tokens): the events are not",
        ),
        ("UPDATE _usage_events SET cost = 0 WHERE seq = 3", ""),
        (
            "UPDATE _usage_events SET properties = '{\"person\":\"p9\"}' WHERE seq = 2",
            "INV-000001 line 4 (people): it says that 2",
        ),
    ] {
        file.execute(sql, []).unwrap();
        let said = verify(&installation, i32::from(!told.is_empty()), &["--tenant", "acme"]);
        assert!(said.contains(told), "{sql}: {said}");
    }
}

#[test]
fn an_export_is_enough_to_recompute_its_invoices() {
    let (installation, server, ann, acme) = billed();
    let (_, download) = export(&ann.client, &acme);
    server.stop();
    let zip = installation.beside("acme.zip");
    std::fs::write(&zip, &download.bytes).unwrap();
    let offline = |path: &std::path::Path, code: i32| {
        let ran = installation.run(&["verify", "billing", "--export", path.to_str().unwrap()]);
        ran.expect_code(code).stdout
    };
    assert_eq!(offline(&zip, 0), "OK: 1 invoices.\n");
    let directory = installation.beside("unpacked");
    std::fs::create_dir(&directory).unwrap();
    let files = entries(&download.bytes);
    for name in ["invoices.ndjson", "usage_events.ndjson"] {
        std::fs::write(directory.join(name), &files[name]).unwrap();
    }
    assert_eq!(offline(&directory, 0), "OK: 1 invoices.\n");
    let events = String::from_utf8(files["usage_events.ndjson"].clone()).unwrap();
    let fewer: Vec<&str> = events.lines().skip(1).collect();
    std::fs::write(directory.join("usage_events.ndjson"), fewer.join("\n")).unwrap();
    assert!(offline(&directory, 1).contains("it says that 500 were used, the events come to 400"));
    std::fs::write(directory.join("usage_events.ndjson"), &events).unwrap();
    let invoices = String::from_utf8(files["invoices.ndjson"].clone()).unwrap();
    std::fs::write(
        directory.join("invoices.ndjson"),
        invoices.replace("\"amount_cents\":800", "\"amount_cents\":801"),
    )
    .unwrap();
    assert!(offline(&directory, 1).contains("INV-000001"));
}

#[test]
fn of_an_erased_tenant_the_invoices_stay_and_cannot_be_recomputed() {
    let (installation, server, ..) = billed();
    server.stop();
    installation
        .run(&["tenant", "erase", "acme", "--confirm", "acme", "--now", "--app", app_of_tests()])
        .expect_code(0);
    let said = verify(&installation, 0, &["--tenant", "acme"]);
    assert!(said.contains("erased, kept invoices cannot be recomputed"), "{said}");
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mut kept = catalog.prepare("SELECT number, total FROM invoices ORDER BY number").unwrap();
    let kept: Vec<(String, i64)> =
        kept.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    // The second is for the hour of June until it was closed: 1/720 of the fee.
    assert_eq!(kept[1], ("INV-000002".to_owned(), 7));
    assert_eq!(kept.len(), 2);
}

#[test]
fn the_last_event_of_an_invoice_is_signed_with_it_and_an_export_is_held_against_that() {
    let (installation, server, ann, acme) = billed();
    let (_, download) = export(&ann.client, &acme);
    server.stop();
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let kept: String = file.query_row("SELECT document FROM _invoices", [], |row| row.get(0)).unwrap();
    assert!(kept.contains("tenantry.usage-head.v1"), "the tenant's file has it too");
    let directory = installation.beside("signed");
    std::fs::create_dir(&directory).unwrap();
    let files = entries(&download.bytes);
    for name in ["invoices.ndjson", "usage_events.ndjson"] {
        std::fs::write(directory.join(name), &files[name]).unwrap();
    }
    let offline = |more: &[&str], code: i32| {
        let arguments = [&["verify", "billing", "--export", directory.to_str().unwrap()], more].concat();
        installation.run(&arguments).expect_code(code).stdout
    };
    let key = installation.data().join("keys/receipts.pub");
    assert_eq!(offline(&["--key", key.to_str().unwrap()], 0), "OK: 1 invoices.\n");
    let other = installation.beside("other.pub");
    std::fs::write(&other, "0".repeat(64)).unwrap();
    let told = offline(&["--key", other.to_str().unwrap()], 1);
    assert!(told.contains("INV-000001: the head of its usage events is not valid"), "{told}");
    // An event that no line counts, written in between.
    let events = String::from_utf8(files["usage_events.ndjson"].clone()).unwrap();
    let mut lines: Vec<String> = events.lines().map(str::to_owned).collect();
    lines.insert(3, lines[2].replace("\"tokens\"", "\"other\"").replace("\"people\"", "\"other\""));
    std::fs::write(directory.join("usage_events.ndjson"), lines.join("\n")).unwrap();
    let told = offline(&[], 1);
    assert!(told.contains("are not those that were signed with it"), "{told}");
}
