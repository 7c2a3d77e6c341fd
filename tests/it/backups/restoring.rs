//! Restoring a tenant: what it was is there again, and what happened stays happened.

use serde_json::{Value, json};

use super::{add, back_up, installation_with, listed, put, ran};
use crate::audited_routes::AUDITED_WITH_BACKUPS;
use crate::harness::{Client, Installation, Tenant};

fn names(client: &Client, tenant: &Tenant) -> Vec<String> {
    let list = client.get(&tenant.path("/records/customers?order=name")).expect(200).json;
    list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn in_place_records_and_uploads_go_back_and_usage_keys_and_changes_do_not() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    add(&ann, &acme, "of then");
    put(&ann, &acme, "kept.txt", "of then");
    put(&ann, &acme, "lost.txt", "lost and found");
    back_up(&installation);
    let taken = listed(&installation, &acme).remove(0);
    add(&ann, &acme, "of later");
    add(&bob, &bolt, "another's");
    put(&ann, &acme, "kept.txt", "of later");
    put(&ann, &acme, "new.txt", "of later");
    ann.client.delete(&acme.path("/files/lost.txt")).expect(204);
    let job = json!({ "kind": "tenantry.export", "payload": {}, "run_at": "2030-01-01T00:00:00Z" });
    let job = ann.client.post(&acme.path("/jobs"), job).expect(202).string("/id");
    let path = "/api/v1/operator/tenants/acme/restore";
    ann.client.post(path, json!({ "backup": taken["id"] })).expect(403);
    operator.client.post(path, json!({})).expect(422);
    operator.client.post(path, json!({ "backup": taken["id"], "at": "2026-01-01T00:00:00Z" })).expect(422);
    operator.client.post(path, json!({ "at": "2020-01-01T00:00:00Z" })).expect_code(404, "no_backup");
    let of_bolt = listed(&installation, &bolt).remove(0);
    operator.client.post(path, json!({ "backup": of_bolt["id"] })).expect_code(404, "no_backup");
    let restored = operator.client.post(path, json!({ "backup": taken["id"] })).expect(200).json;
    assert_eq!((&restored["epoch"], &restored["discarded"]["count"]), (&json!(2), &json!(1)), "{restored}");
    assert_eq!((&restored["missing_uploads"], &restored["jobs_held"]), (&json!([]), &json!(true)));
    assert_eq!(names(&ann.client, &acme), ["of then"]);
    assert_eq!(names(&bob.client, &bolt), ["another's"]);
    for (name, content) in [("kept.txt", "of then"), ("lost.txt", "lost and found")] {
        assert_eq!(ann.client.get(&acme.path(&format!("/files/{name}"))).expect(200).text(), content);
    }
    ann.client.get(&acme.path("/files/new.txt")).expect(404);
    // What was enqueued since is there, and waits.
    assert_eq!(ann.client.get(&acme.path(&format!("/jobs/{job}"))).expect(200).string("/status"), "queued");
    operator.client.post("/api/v1/operator/tenants/acme/jobs/release", json!({})).expect(200);
    // Who followed the changes reads everything anew.
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    let (seq, floor): (i64, i64) = file
        .query_row("SELECT (SELECT max(seq) FROM _changes), (SELECT seq FROM _changes_floor)", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert!(seq > 2 && seq == floor, "{seq} {floor}");
    drop(file);
    let log = operator.client.get("/api/v1/operator/audit?limit=500").expect(200).text()
        + &ann.client.get(&acme.path("/audit?limit=500")).expect(200).text();
    operator.client.post("/api/v1/operator/backups", json!({ "tenant": "acme" })).expect(202);
    let log = log + &operator.client.get("/api/v1/operator/audit?limit=500").expect(200).text();
    for (_, action) in AUDITED_WITH_BACKUPS {
        assert!(log.contains(action), "no {action} in {log}");
    }
    // What was there before is a backup too: a restore is taken back by another one.
    let before = restored["before"].as_str().unwrap();
    let undone = super::eventually("the end of the round", || {
        let restored = operator.client.post(path, json!({ "backup": before }));
        (restored.status == 200).then_some(restored.json)
    });
    assert_eq!(undone["epoch"], 3);
    assert_eq!(names(&ann.client, &acme), ["of later", "of then"]);
    assert_eq!(ann.client.get(&acme.path("/files/kept.txt")).expect(200).text(), "of later");
    // It is found after a kill as after an end.
    let server = server.restart();
    assert_eq!(names(&server.nobody().bearer(&ann.access_token), &acme), ["of later", "of then"]);
    server.stop();
}

#[test]
fn beside_it_is_a_new_tenant_that_does_nothing_by_itself_and_is_billed_for_nothing_of_before() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann, &acme, "of then");
    put(&ann, &acme, "a.txt", "an upload");
    let schedule = json!({ "kind": "tenantry.export", "cron": "* * * * *", "payload": {} });
    ann.client.post(&acme.path("/schedules"), schedule).expect(201);
    back_up(&installation);
    add(&ann, &acme, "of later");
    let restore = |more: &[&str], code: i32| {
        let arguments = ["restore", "--tenant", "acme", "--at", "2099-01-01T00:00:00Z"];
        installation.run(&[&arguments[..], more, &["--json"]].concat()).expect_code(code)
    };
    restore(&["--as", "acme"], 1);
    restore(&["--as", "No Slug"], 1);
    installation.run(&["restore", "--tenant", "acme"]).expect_code(2);
    let restored: Value = serde_json::from_str(restore(&["--as", "acme-then"], 0).stdout.trim()).unwrap();
    let beside =
        Tenant { id: restored["tenant_id"].as_str().unwrap().to_owned(), slug: "acme-then".to_owned() };
    assert_ne!(beside.id, acme.id);
    assert_eq!(names(&ann.client, &beside), ["of then"]);
    assert_eq!(names(&ann.client, &acme), ["of later", "of then"]);
    assert_eq!(ann.client.get(&beside.path("/files/a.txt")).expect(200).text(), "an upload");
    let schedules = ann.client.get(&beside.path("/schedules")).expect(200).json;
    assert_eq!(schedules["items"][0]["paused"], true, "{schedules}");
    add(&ann, &beside, "of its own");
    // It is backed up, and kept, as any other.
    back_up(&installation);
    assert_eq!(listed(&installation, &beside).len(), 1);
    ran(&installation, &["verify", "usage"], 0);
    ran(&installation, &["verify", "billing"], 0);
    server.stop();
}

#[test]
fn what_was_erased_is_not_restored_whoever_puts_what_back() {
    let installation = installation_with("");
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    back_up(&installation);
    let kept = installation.beside("kept");
    let of = |tenant: &Tenant| installation.data().join("backups/tenants").join(&tenant.id);
    let copied = std::process::Command::new("cp").arg("-a").arg(of(&acme)).arg(&kept).status().unwrap();
    assert!(copied.success());
    let backup = listed(&installation, &acme).remove(0)["id"].clone();
    let catalog = installation.beside("catalog-of-before.db");
    let live = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    live.execute("VACUUM INTO ?1", [catalog.display().to_string()]).unwrap();
    drop(live);
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    let path = |tenant: &str| format!("/api/v1/operator/tenants/{tenant}/restore");
    operator.client.post(&path("acme"), json!({ "backup": backup })).expect_code(410, "tenant_erased");
    server.stop();
    // Somebody puts catalog and backups of before back: the ledger says what it was.
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(installation.data().join(format!("catalog.db{ending}")));
    }
    std::fs::copy(catalog, installation.data().join("catalog.db")).unwrap();
    std::fs::rename(&kept, of(&acme)).unwrap();
    let again = installation
        .run(&["restore", "--tenant", "acme", "--backup", backup.as_str().unwrap()])
        .expect_code(1);
    assert!(again.stderr.contains("erased"), "{}", again.stderr);
}

#[test]
fn a_backup_that_a_newer_app_wrote_is_refused_and_an_older_one_is_brought_up() {
    let first =
        ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;");
    let second = ("0002_city.sql", "ALTER TABLE customers ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';");
    let installation = Installation::with_migrations(&[first]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann, &acme, "of then");
    let backed_up = |arguments: &[&str]| {
        ran(&installation, &[&["backup", "run", "--tenant", "acme"], arguments].concat(), 0)
    };
    backed_up(&[]);
    server.stop();
    std::fs::write(installation.migrations().join(second.0), second.1).unwrap();
    let server = installation.serve();
    let client = server.nobody().bearer(&ann.access_token);
    client.get(&acme.path("/records/customers")).expect(200);
    backed_up(&[]);
    let backups = listed(&installation, &acme);
    assert_eq!(backups.iter().map(|backup| backup["app"].as_i64().unwrap()).collect::<Vec<_>>(), [2, 1]);
    let restore = |backup: &Value, more: &[&str]| {
        let arguments = ["restore", "--tenant", "acme", "--backup", backup["id"].as_str().unwrap()];
        installation.run(&[&arguments[..], more].concat())
    };
    restore(&backups[1], &["--as", "acme-old"]).expect_code(0);
    restore(&backups[1], &[]).expect_code(0);
    for slug in ["acme", "acme-old"] {
        let list = client.get(&format!("/api/v1/tenants/{slug}/records/customers")).expect(200);
        assert_eq!(
            (list.string("/items/0/name"), list.string("/items/0/city")),
            ("of then".into(), "Paris".into())
        );
    }
    server.stop();
    std::fs::remove_file(installation.migrations().join(second.0)).unwrap();
    let server = installation.serve();
    for more in [&[][..], &["--as", "acme-new"]] {
        let refused = restore(&backups[0], more).expect_code(1);
        assert!(refused.stderr.contains("version"), "{}", refused.stderr);
    }
    server.stop();
}

#[test]
fn the_file_that_was_replaced_is_kept_and_what_cannot_be_replaced_is_told() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann, &acme, "of then");
    back_up(&installation);
    let taken = listed(&installation, &acme).remove(0);
    let id = taken["id"].as_str().unwrap();
    add(&ann, &acme, "of later");
    let restore = |code: i32| {
        installation.run(&["restore", "--tenant", "acme", "--backup", id, "--json"]).expect_code(code)
    };
    restore(0);
    let copies = installation.tenant_file(&acme.id).with_file_name("snapshots");
    let kept = super::files_below(&copies);
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(super::customers(&rusqlite::Connection::open(&kept[0]).unwrap()), ["of later", "of then"]);
    // What would not fit on the disk is refused before anything is unpacked.
    let manifest = installation.data().join("backups/tenants").join(&acme.id).join(id).join("manifest.json");
    let sound = std::fs::read(&manifest).unwrap();
    let mut told: Value = serde_json::from_slice(&sound).unwrap();
    told["size_bytes"] = json!(1_u64 << 60);
    std::fs::write(&manifest, told.to_string()).unwrap();
    let refused = restore(1);
    assert!(refused.stderr.contains("room"), "{}", refused.stderr);
    std::fs::write(&manifest, sound).unwrap();
    server.stop();
    // A file that does not open is not replaced: usage is in it.
    let file = installation.tenant_file(&acme.id);
    std::fs::write(&file, "no database").unwrap();
    let refused = restore(1);
    assert!(refused.stderr.contains("Restore beside it"), "{}", refused.stderr);
    assert_eq!(std::fs::read(&file).unwrap(), b"no database");
}
