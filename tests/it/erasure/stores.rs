//! Every store that a tenant has something in: planted, erased, searched for, and named in the receipt.

use serde_json::{Value, json};

use super::{PLANTED, erase, files_with};
use crate::harness::{Call, Installation, eventually, paths_with};

/// What receipts name, whatever there was: each store once.
const STORES: &[&str] = &[
    "tenant database",
    "copies made before migrations",
    "copies on other volumes",
    "uploaded files",
    "exports",
    "files that it was imported from",
    "mail kept in this installation",
    "telemetry",
    "backups",
    "Stripe: the customer",
    "catalog: memberships",
    "catalog: invitations",
    "catalog: API keys",
    "catalog: exports",
    "catalog: imports",
    "catalog: letters",
    "catalog: job hints",
    "catalog: events of webhooks",
    "catalog: webhooks",
    "catalog: backups",
    "catalog: usage sums",
    "catalog: events of Stripe",
    "catalog: audit entries",
];

/// What they say is kept.
const KEPT: &[&str] =
    &["catalog: invoices and credit notes", "catalog: accounts of former members", "log of the server"];

#[test]
fn what_was_planted_in_every_store_is_found_nowhere_and_every_store_has_a_line() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    let server = installation.serve();
    let (ann, first) = server.sign_up_with_tenant("ann", "first");
    ann.client.post(&first.path("/records/customers"), json!({ "name": PLANTED })).expect(201);
    // Made of an import, so that there is one of it.
    let zip = installation.beside("first.zip");
    installation.run(&["tenant", "export", "first", "--output", zip.to_str().unwrap()]).expect_code(0);
    let arguments =
        ["tenant", "import", zip.to_str().unwrap(), "--owner", &ann.email, "--slug", "acme", "--json"];
    let made = installation.run(&arguments).expect_code(0);
    let made: Value = serde_json::from_str(made.stdout.trim()).unwrap();
    let acme = crate::harness::Tenant::from_json(&made["tenant"]);
    let client = &ann.client;
    client.patch(&acme.path(""), json!({ "name": PLANTED })).expect(200);
    let file = Call::new("PUT", acme.path("/files/a.txt")).bytes("text/plain", PLANTED);
    client.send(&file).expect_one_of(&[200, 201]);
    let invitation = json!({ "email": "planted-4711@example.com", "role": "viewer" });
    client.post(&acme.path("/invitations"), invitation).expect(201);
    client
        .post(&acme.path("/api-keys"), json!({ "name": PLANTED, "permissions": ["records:read"] }))
        .expect(201);
    let hook = json!({ "url": "https://planted-4711.example.com/", "events": ["tenant.closing"] });
    client.post(&acme.path("/webhook-endpoints"), hook).expect(201);
    let job = json!({ "kind": "tenantry.export", "payload": {}, "run_at": "2030-01-01T00:00:00Z" });
    client.post(&acme.path("/jobs"), job).expect(202);
    client.post(&acme.path("/schedules"), json!({ "kind": "tenantry.export", "cron": "@daily" })).expect(201);
    client.send(&Call::new("POST", acme.path("/exports"))).expect(202);
    eventually("the export", || {
        let exports = client.get(&acme.path("/exports")).expect(200);
        (exports.json["items"][0]["status"] == "ready").then_some(())
    });
    installation.run(&["backup", "run"]).expect_code(0);
    // What a crash may leave of an import.
    let imports = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let import: String = imports
        .query_row("SELECT id FROM imports WHERE tenant_id = ?1", [&acme.id], |row| row.get(0))
        .unwrap();
    drop(imports);
    std::fs::write(installation.data().join(format!("imports/{import}.zip")), PLANTED).unwrap();
    for tenant in [&first, &acme] {
        assert!(installation.tenant_file(&tenant.id).exists());
    }
    let receipt = erase(&server, &acme);
    erase(&server, &first);
    let statement: Value = serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap();
    let all = |name: &str| -> Vec<String> {
        let stores = statement[name].as_array().unwrap().iter();
        stores.map(|store| store["store"].as_str().unwrap().to_owned()).collect()
    };
    let (removed, kept) = (all("removed"), all("kept"));
    for store in STORES {
        assert!(removed.iter().any(|name| name.starts_with(store)), "{store}: {removed:#?}");
    }
    for store in KEPT {
        assert!(kept.iter().any(|name| name.starts_with(store)), "{store}: {kept:#?}");
    }
    for store in
        ["tenant database", "uploaded files", "exports", "files that it was imported from", "backups"]
    {
        let line = statement["removed"].as_array().unwrap().iter();
        let mut of = line.filter(|line| line["store"].as_str().unwrap().starts_with(store));
        assert!(of.next().unwrap()["removed"].as_i64().unwrap() >= 1, "{store}: {statement:#}");
    }
    assert!(statement["removed"].as_array().unwrap().iter().all(|line| line["verified"] != ""));
    // The backups of the catalog of before are named with their time; the data directory is searched without them.
    server.stop();
    std::fs::remove_dir_all(installation.data().join("backups/catalog")).unwrap();
    for word in [PLANTED, "planted-4711"] {
        let mut found = Vec::new();
        files_with(&installation.data(), word, &mut found);
        assert!(found.is_empty(), "{word}: {found:?}");
    }
    let left = paths_with(&installation.data(), &acme.id);
    assert!(left.is_empty(), "{left:?}");
}
