//! An older catalog is put back: numbers that it does not know of are not given again.

use super::*;

/// A catalog of June is put back in August, after INV-2 and INV-3 were issued; `spoil` is done to the files before that.
fn restored(
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
    close(&installation, &["--final"]);
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
