//! A catalog of before that somebody puts back by hand: whom it brings back is erased again before anything is served.

use std::path::Path;

use serde_json::{Value, json};

use super::{PLANTED, erase, files_with};
use crate::harness::{DAY, Installation, Server, Tenant};

const CATALOG: [&str; 3] = ["catalog.db", "catalog.db-wal", "catalog.db-shm"];

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for name in CATALOG {
        let _ = std::fs::remove_file(to.join(name));
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

fn ledger(installation: &Installation) -> Vec<Value> {
    let text = std::fs::read_to_string(installation.data().join("backups/erasures.ndjson")).unwrap();
    let receipts = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    receipts.map(|line| serde_json::from_str(line["statement"].as_str().unwrap()).unwrap()).collect()
}

/// A server of whose tenants Acme is erased, with the catalog and Acme's file of before put back.
fn with_catalog_of_before(installation: &std::sync::Arc<Installation>) -> (Tenant, Tenant) {
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ann.client.post(&acme.path("/records/customers"), json!({ "name": PLANTED })).expect(201);
    bob.client.post(&bolt.path("/records/customers"), json!({ "name": "of Bolt" })).expect(201);
    server.stop();
    copy(&installation.data(), &installation.beside("kept"));
    let file = installation.beside("kept/data.db");
    let directory = installation.tenant_directory(&acme.id);
    std::fs::copy(installation.tenant_file(&acme.id), &file).unwrap();
    let server = installation.serve();
    erase(&server, &acme);
    server.stop();
    copy(&installation.beside("kept"), &installation.data());
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::rename(file, directory.join("data.db")).unwrap();
    std::fs::remove_dir_all(installation.beside("kept")).unwrap();
    (acme, bolt)
}

fn is_gone(server: &Server, installation: &Installation, acme: &Tenant) -> Value {
    assert!(!installation.tenant_directory(&acme.id).exists());
    let ann = json!({ "email": "ann@example.com", "password": "ann-otter-juggles-nine-lanterns" });
    let token = server.nobody().post("/api/v1/auth/sign-in", ann).expect(200).string("/access_token");
    let ann = server.nobody().bearer(&token);
    ann.get(&acme.path("")).expect(404);
    ann.get(&acme.path("/records/customers")).expect(404);
    assert_eq!(ann.get("/api/v1/me").expect(200).json["memberships"], json!([]));
    let operator = server.add_operator();
    let told = operator.client.get(&format!("/api/v1/operator/tenants/{}", acme.id)).expect(200);
    assert_eq!(told.string("/status"), "erased");
    operator.client.get(&format!("/api/v1/operator/erasures/{}", acme.id)).expect(200).json
}

#[test]
fn a_tenant_that_a_catalog_of_before_brings_back_is_erased_again_and_that_is_written_down() {
    let installation = Installation::new();
    let (acme, bolt) = with_catalog_of_before(&installation);
    let server = installation.serve();
    let receipt = is_gone(&server, &installation, &acme);
    let lines = ledger(&installation);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert_eq!(lines[1], serde_json::from_str::<Value>(receipt["statement"].as_str().unwrap()).unwrap());
    assert_eq!(lines[1]["erased_at"], lines[0]["erased_at"]);
    assert!(lines[1]["amended_at"].is_string() && lines[0]["amended_at"].is_null());
    let again = |what: &str| {
        let name = format!("{what}, brought back by a catalog of before");
        let all = lines[1]["removed"].as_array().unwrap();
        all.iter().find(|store| store["store"] == name).unwrap()["removed"].as_i64().unwrap()
    };
    assert!(again("files") >= 1 && again("rows of the catalog") >= 2, "{:#?}", lines[1]);
    assert!(installation.log().contains("erased again"), "{}", installation.log());
    let file = installation.beside("again.json");
    std::fs::write(&file, receipt.to_string()).unwrap();
    installation.run(&["verify", "receipt", file.to_str().unwrap()]).expect_code(0);
    let bob = json!({ "email": "bob@example.com", "password": "bob-otter-juggles-nine-lanterns" });
    let token = server.nobody().post("/api/v1/auth/sign-in", bob).expect(200).string("/access_token");
    server.nobody().bearer(&token).get(&bolt.path("/records/customers")).expect(200);
    server.stop();
    let mut found = Vec::new();
    files_with(&installation.data(), PLANTED, &mut found);
    assert!(found.is_empty(), "{found:?}");
    // Another start finds nothing to do.
    installation.serve().stop();
    assert_eq!(ledger(&installation).len(), 2);
}

#[test]
fn a_start_that_is_ended_at_one_step_after_the_other_erases_again_and_says_so_once() {
    let installation = Installation::new();
    let (acme, _) = with_catalog_of_before(&installation);
    // A command opens the directory as the server does.
    for step in 1.. {
        assert!(step < 150, "it never came through");
        let mut command = installation.command(&["tenant", "list", "--json"]);
        command.env("TENANTRY_TEST_FAULT", step.to_string());
        if command.output().unwrap().status.success() {
            assert!(step > 4, "{step}");
            break;
        }
    }
    let server = installation.serve();
    is_gone(&server, &installation, &acme);
    server.stop();
    assert_eq!(ledger(&installation).len(), 2);
}

#[test]
fn a_line_of_the_ledger_that_nobody_signed_erases_nothing_and_its_tenant_is_still_not_reached() {
    let installation = Installation::new();
    let (acme, _) = with_catalog_of_before(&installation);
    let path = installation.data().join("backups/erasures.ndjson");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.replace("so that they are never given", "so that they may be given");
    assert_ne!(text, changed);
    std::fs::write(&path, changed).unwrap();
    let server = installation.serve();
    assert!(installation.tenant_file(&acme.id).exists());
    let ann = json!({ "email": "ann@example.com", "password": "ann-otter-juggles-nine-lanterns" });
    let token = server.nobody().post("/api/v1/auth/sign-in", ann).expect(200).string("/access_token");
    server.nobody().bearer(&token).get(&acme.path("/records/customers")).expect(404);
    assert!(installation.log().contains("not to be trusted"));
    server.stop();
}

#[test]
fn the_next_round_of_backups_keeps_all_that_is_good_though_the_catalog_knows_it_as_begun_or_not_at_all() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(
        installation.data().join("tenantry.toml"),
        "backup_hours = 0\nbackup_daily = 1\nbackup_weekly = 0\n",
    )
    .unwrap();
    let back_up = || installation.run(&["backup", "run", "--json"]).expect_code(0);
    let store = installation.data().join("backups");
    let below = |path: &str| {
        let found = std::fs::read_dir(store.join(path)).into_iter().flatten().flatten();
        let mut names: Vec<String> = found.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let put = |person: &crate::harness::Person, name: &str| {
        let file = crate::harness::Call::new("PUT", acme.path(&format!("/files/{name}")));
        person.client.send(&file.bytes("text/plain", name)).expect_one_of(&[200, 201]);
    };
    put(&ann, "a.txt");
    back_up();
    let of_catalog = below("catalog");
    assert_eq!(of_catalog.len(), 1);
    // The catalog as it is in its own backup.
    let gz = std::fs::File::open(store.join("catalog").join(&of_catalog[0]).join("catalog.db.gz"))
        .or_else(|_| std::fs::File::open(store.join("catalog").join(&of_catalog[0]).join("data.db.gz")))
        .unwrap();
    // Made after that: another upload, another backup of the tenant.
    put(&ann, "b.txt");
    back_up();
    let tenants = format!("tenants/{}", acme.id);
    let (catalogs, of_acme) = (below("catalog"), below(&tenants));
    assert_eq!(catalogs.len(), 2);
    server.stop();
    for name in CATALOG {
        let _ = std::fs::remove_file(installation.data().join(name));
    }
    let mut file = std::fs::File::create(installation.data().join("catalog.db")).unwrap();
    std::io::copy(&mut flate2::read::GzDecoder::new(gz), &mut file).unwrap();
    drop(file);
    // A round, and one after that in which what is old goes.
    let server = installation.serve();
    back_up();
    for name in &catalogs {
        assert!(below("catalog").contains(name), "a good backup of the catalog was removed");
    }
    let listed = |tenant: Option<&str>| {
        let mut arguments = vec!["backup", "list", "--json"];
        arguments.extend(tenant.iter().flat_map(|tenant| ["--tenant", *tenant]));
        installation.run(&arguments).expect_code(0).stdout
    };
    for name in &catalogs {
        assert!(listed(None).contains(name), "{name}: {}", listed(None));
    }
    installation.advance_clock(3 * DAY);
    let ann = ann.sign_in_again_at(&server);
    put(&ann, "c.txt");
    back_up();
    put(&ann, "d.txt");
    installation.advance_clock(3 * DAY);
    back_up();
    assert!(
        below(&tenants).len() >= 2,
        "those that the catalog did not know are known, and the newest are there: {of_acme:?}"
    );
    let verified = installation.run(&["verify", "backup", "--tenant", "acme", "--sample", "10", "--json"]);
    assert!(verified.code == Some(0), "{verified:?}");
    server.stop();
}
