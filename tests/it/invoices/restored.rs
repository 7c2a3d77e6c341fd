//! An older catalog is put back: numbers that it does not know of are not given again.

use super::*;

/// A catalog of June is put back in August, after INV-2 and INV-3 were issued; `spoil` is done to the files before that.
/// Then all is billed.
fn restored(
    spoil: impl FnOnce(&Installation, &Tenant),
) -> (Arc<Installation>, Server, Person, Tenant, Vec<Value>) {
    let put_back = put_back(spoil);
    close(&put_back.0, &["--final"]);
    put_back
}

/// The same, and nothing is billed by hand yet.
fn put_back(
    spoil: impl FnOnce(&Installation, &Tenant),
) -> (Arc<Installation>, Server, Person, Tenant, Vec<Value>) {
    put_back_after(|_, _| {}, spoil)
}

/// The same, with what an operator did of which the old catalog does not know.
fn put_back_after(
    done: impl FnOnce(&Client, &[Value]),
    spoil: impl FnOnce(&Installation, &Tenant),
) -> (Arc<Installation>, Server, Person, Tenant, Vec<Value>) {
    let (installation, server, ann, acme) = begin();
    let other = ann.create_tenant("other");
    tokens(&ann.client, &acme, 300, "a");
    set_clock(&installation, "2026-06-02T00:00:00Z");
    close(&installation, &["--final", "--tenant", "acme"]);
    server.stop();
    let catalog = installation.data().join("catalog.db");
    let old = installation.beside("catalog.old");
    std::fs::copy(&catalog, &old).unwrap();
    let server = installation.serve();
    let operator = server.add_operator();
    let ann = ann.sign_in_again_at(&server);
    tokens(&ann.client, &acme, 500, "b");
    set_clock(&installation, "2026-07-02T00:00:00Z");
    close(&installation, &["--final", "--tenant", "acme"]);
    close(&installation, &["--final", "--tenant", "other"]);
    let (operator, ann) = (operator.sign_in_again(), ann.sign_in_again());
    let issued = list(&ann.client, &acme);
    assert_eq!((issued.len(), &issued[0]["number"]), (2, &json!("INV-000002")));
    let id = issued[0]["id"].as_str().unwrap();
    let paid = operator.client.post(&format!("/api/v1/operator/invoices/{id}/mark-paid"), json!({}));
    paid.expect_one_of(&[200, 422, 400]);
    done(&operator.client, &issued);
    let issued = list(&ann.client, &acme);
    let of_other = list(&ann.client, &other);
    assert_eq!(of_other.len(), 2, "May and June");
    server.stop();
    spoil(&installation, &acme);
    for more in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(installation.data().join(format!("catalog.db{more}")));
    }
    std::fs::copy(&old, &catalog).unwrap();
    set_clock(&installation, "2026-08-02T00:00:00Z");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    (installation, server, ann, acme, issued)
}

/// All numbers that the catalog has.
fn numbers(installation: &Installation) -> Vec<String> {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let mut all = catalog.prepare("SELECT number FROM invoices ORDER BY number").unwrap();
    all.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn invoices_that_the_files_have_are_taken_in_as_they_were_issued() {
    let (installation, server, ann, acme, issued) = restored(|_, _| {});
    let now = list(&ann.sign_in_again().client, &acme);
    assert_eq!(now.len(), 3, "{now:#?}");
    assert_eq!(now[1..], issued[..], "the same invoices, to the byte, and paid where they were");
    assert_eq!(lines(&now[0]), [line("fee", "", 4_900)], "July, and nothing of June again");
    let expected: Vec<String> = (1..=6).map(|number| format!("INV-{number:06}")).collect();
    assert_eq!(numbers(&installation), expected, "May and June of both, July of both");
    assert!(verify(&installation, 0, &[]).starts_with("OK: 6 invoices of 2 tenants."));
    let log = ann.sign_in_again().client.get(&acme.path("/audit?action=invoice.adopted")).expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 1, "{}", log.text());
    server.stop();
}

#[test]
fn a_number_whose_invoice_is_nowhere_is_not_given_again_and_the_gap_is_told() {
    let (installation, server, ann, acme, _) = restored(|installation, acme| {
        let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
        file.execute("DELETE FROM _invoices WHERE number = 'INV-000002'", []).unwrap();
    });
    let now = list(&ann.sign_in_again().client, &acme);
    let told: Vec<&str> = now.iter().map(|one| one["number"].as_str().unwrap()).collect();
    assert!(!told.contains(&"INV-000002") && told.contains(&"INV-000001"), "{told:?}");
    assert!(!numbers(&installation).contains(&"INV-000002".to_owned()));
    let said = verify(&installation, 1, &[]);
    assert!(said.contains("numbers: the last one is"), "{said}");
    server.stop();
}

/// Where the numbers are that were issued.
fn ledger(installation: &Installation) -> std::path::PathBuf {
    let mut found = Vec::new();
    find(&installation.data(), "issued-invoices.ndjson", &mut found);
    found.pop().expect("a ledger of issued invoices")
}

fn find(directory: &std::path::Path, name: &str, found: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            find(&entry.path(), name, found);
        } else if entry.file_name() == name {
            found.push(entry.path());
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_stops_billing_until_an_operator_declares_its_numbers_lost() {
    let (installation, server, ..) = put_back(|installation, acme| {
        let file = installation.tenant_file(&acme.id);
        for more in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{more}", file.display()));
        }
        std::fs::write(file, "no database at all").unwrap();
    });
    let closing = ["plan", "close-period", "--final", "--json", "--app", app_of_tests()];
    for _ in 0..2 {
        let refused = installation.run(&closing).expect_code(1);
        assert!(refused.stderr.contains("tenantry plan declare-lost"), "{}", refused.stderr);
    }
    assert_eq!(numbers(&installation), ["INV-000001"], "no number is given meanwhile");
    let told = installation.log().matches("billing of all tenants is stopped").count();
    assert_eq!(told, 1, "loudly, and not at every try: {}", installation.log());
    let declare = ["plan", "declare-lost", "acme", "--app", app_of_tests()];
    let asked = installation.run(&declare).expect_code(2);
    assert!(asked.stderr.contains("--yes"), "{}", asked.stderr);
    let declare = [&declare[..], &["--yes"]].concat();
    assert_eq!(installation.run(&declare).expect_code(0).stdout, "Declared lost: 2.\n");
    let again = installation.run(&declare).expect_code(1);
    assert!(again.stderr.contains("No number of an invoice"), "{}", again.stderr);
    let ledger = std::fs::read_to_string(ledger(&installation)).unwrap();
    assert_eq!(ledger.matches("tenantry.lost-invoice.v1").count(), 1, "{ledger}");
    let operator = server.add_operator();
    let log = operator.client.get("/api/v1/operator/audit?action=invoice.declared_lost").expect(200);
    assert!(log.string("/items/0/details").contains("\"numbers\":[2]"), "{}", log.text());
    // The other tenant is billed; also where the last line of the ledger is no issued number.
    let server = server.restart();
    installation.run(&closing);
    assert_eq!(numbers(&installation), ["INV-000001", "INV-000003", "INV-000004", "INV-000005"]);
    server.stop();
}

#[test]
fn a_ledger_that_is_not_ours_keeps_no_tenant_from_being_erased() {
    let (installation, server, ann, acme) = begin();
    tokens(&ann.client, &acme, 300, "a");
    set_clock(&installation, "2026-06-02T00:00:00Z");
    // Final, so that there is a ledger, and a draft that is not.
    close(&installation, &["--final"]);
    set_clock(&installation, "2026-07-02T00:00:00Z");
    close(&installation, &[]);
    let ann = ann.sign_in_again();
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    server.stop();
    std::fs::write(ledger(&installation), "of another installation\n".repeat(2_000)).unwrap();
    set_clock(&installation, "2026-08-10T00:00:00Z");
    let server = installation.serve();
    let operator = server.add_operator();
    let path = format!("/api/v1/operator/erasures/{}", acme.id);
    crate::harness::eventually("the receipt", || {
        (operator.client.get(&path).expect_one_of(&[200, 404]).status == 200).then_some(())
    });
    assert!(installation.log().contains("it is erased all the same"), "{}", installation.log());
    server.stop();
}

fn credit(operator: &Client, invoice: &Value, amount: i64, reason: &str) -> Answer {
    let path = format!("/api/v1/operator/invoices/{}/credit-notes", invoice["id"].as_str().unwrap());
    operator.post(&path, json!({ "amount_cents": amount, "reason": reason }))
}

/// Number, amount and reason of the credit notes of an invoice, oldest first.
fn notes(client: &Client, tenant: &Tenant, invoice: &Value) -> Vec<(String, i64, String)> {
    let path = tenant.path(&format!("/invoices/{}", invoice["id"].as_str().unwrap()));
    let told = client.get(&path).expect(200);
    let notes = told.json["credit_notes"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    notes
        .map(|one| (text(&one["number"]), one["amount_cents"].as_i64().unwrap(), text(&one["reason"])))
        .collect()
}

fn owned(number: &str, amount: i64, reason: &str) -> (String, i64, String) {
    (number.to_owned(), amount, reason.to_owned())
}

#[test]
fn credit_notes_that_were_issued_since_are_taken_in_and_their_numbers_not_given_again() {
    let long = "\u{1}\"\u{e4}".repeat(166);
    let reason = long.clone();
    let (installation, server, ann, acme, issued) = put_back_after(
        move |operator, issued| {
            assert_eq!(
                credit(operator, &issued[1], 1_000, &reason).expect(201).string("/number"),
                "CN-000001"
            );
            assert_eq!(credit(operator, &issued[0], 200, "slow").expect(201).string("/number"), "CN-000002");
            credit(operator, &issued[1], 50, "again").expect(201);
            credit(operator, &issued[1], 1_000_000, "more than there is").expect(422);
        },
        |_, _| {},
    );
    let operator = server.add_operator();
    // Nothing was billed since the start by hand: the next credit note takes in what was issued before it.
    let next = credit(&operator.client, &issued[1], 7, "late").expect(201);
    assert_eq!(next.string("/number"), "CN-000004");
    let expected =
        [owned("CN-000001", 1_000, &long), owned("CN-000003", 50, "again"), owned("CN-000004", 7, "late")];
    assert_eq!(notes(&ann.client, &acme, &issued[1]), expected);
    assert_eq!(notes(&ann.client, &acme, &issued[0]), [owned("CN-000002", 200, "slow")]);
    let told =
        ann.client.get(&acme.path(&format!("/invoices/{}", issued[1]["id"].as_str().unwrap()))).expect(200);
    assert_eq!(told.json["credited_cents"], 1_057);
    let log = ann.client.get(&acme.path("/audit?action=credit_note.adopted")).expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 3, "{}", log.text());
    close(&installation, &["--final"]);
    assert!(verify(&installation, 0, &[]).starts_with("OK: 6 invoices of 2 tenants."));
    server.stop();
}

#[test]
fn a_credit_note_whose_invoice_is_nowhere_leaves_a_gap_that_is_told() {
    let (installation, server, ann, acme, issued) = put_back_after(
        |operator, issued| {
            credit(operator, &issued[0], 200, "of what is lost").expect(201);
        },
        |installation, acme| {
            let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
            file.execute("DELETE FROM _invoices WHERE number = 'INV-000002'", []).unwrap();
        },
    );
    let operator = server.add_operator();
    let next = credit(&operator.client, &issued[1], 7, "late").expect(201);
    assert_eq!(next.string("/number"), "CN-000002");
    assert_eq!(notes(&ann.client, &acme, &issued[1]), [owned("CN-000002", 7, "late")]);
    let log = operator.client.get("/api/v1/operator/audit?action=credit_note.lost").expect(200);
    assert_eq!(log.json["items"].as_array().unwrap().len(), 1, "{}", log.text());
    drop(installation);
    server.stop();
}
