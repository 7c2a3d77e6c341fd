//! Backups: what was written is stored, whatever happens in the middle, and nothing else is visited.

mod bucket;
mod gone;
mod gone_invoices;
mod restoring;
mod whole;
mod whole_begun;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Call, DAY, HOUR, Installation, Person, Server, Tenant, eventually};

/// A server that makes no backups by itself, with these settings as well.
fn installation_with(settings: &str) -> Arc<Installation> {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), format!("backup_hours = 0\n{settings}"))
        .unwrap();
    installation
}

#[track_caller]
fn ran(installation: &Installation, arguments: &[&str], code: i32) -> Value {
    let ran = installation.run(&[arguments, &["--json"]].concat()).expect_code(code);
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[track_caller]
fn back_up(installation: &Installation) -> Value {
    ran(installation, &["backup", "run"], 0)
}

fn counts(run: &Value) -> [i64; 4] {
    ["tenants", "stored", "unchanged", "failed"].map(|name| run[name].as_i64().unwrap())
}

fn listed(installation: &Installation, tenant: &Tenant) -> Vec<Value> {
    ran(installation, &["backup", "list", "--tenant", &tenant.slug], 0)["items"].as_array().unwrap().clone()
}

fn add(person: &Person, tenant: &Tenant, name: &str) {
    person.client.post(&tenant.path("/records/customers"), json!({ "name": name })).expect(201);
}

/// The database of a backup, as anybody gets it out of the directory.
fn unpacked(store: &Path, tenant: &Tenant, backup: &Value) -> (tempfile::TempDir, rusqlite::Connection) {
    let path = store.join("tenants").join(&tenant.id).join(backup["id"].as_str().unwrap()).join("data.db.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), usize::try_from(backup["size_bytes"].as_i64().unwrap()).unwrap());
    let directory = tempfile::TempDir::new().unwrap();
    let copy = directory.path().join("data.db");
    std::fs::write(&copy, bytes).unwrap();
    let connection = rusqlite::Connection::open(copy).unwrap();
    (directory, connection)
}

fn customers(connection: &rusqlite::Connection) -> Vec<String> {
    let mut statement = connection.prepare("SELECT name FROM customers ORDER BY name").unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

fn files_below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

#[test]
fn what_was_written_is_stored_and_what_was_not_is_not_even_visited() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (_, bolt) = server.sign_up_with_tenant("bob", "bolt");
    add(&ann, &acme, "first");
    assert_eq!(counts(&back_up(&installation)), [2, 2, 0, 0]);
    assert_eq!(counts(&back_up(&installation)), [0, 0, 0, 0]);
    add(&ann, &acme, "second");
    let run = back_up(&installation);
    assert_eq!(counts(&run), [1, 1, 0, 0]);
    assert_eq!((&run["status"], &run["started_by"]), (&json!("done"), &json!("operator:console")));
    let (of_acme, of_bolt) = (listed(&installation, &acme), listed(&installation, &bolt));
    assert_eq!((of_acme.len(), of_bolt.len()), (2, 1));
    assert!(of_acme[0]["keep_until"].is_null() && of_acme[1]["keep_until"].is_string());
    let store = installation.data().join("backups");
    for (backup, names) in [(&of_acme[0], vec!["first", "second"]), (&of_acme[1], vec!["first"])] {
        assert_eq!(customers(&unpacked(&store, &acme, backup).1), names);
    }
    // Reading writes nothing; a write that changes nothing in the end is looked at, and not stored again.
    ann.client.get(&acme.path("/records/customers")).expect(200);
    assert_eq!(counts(&back_up(&installation)), [0, 0, 0, 0]);
    let full = ran(&installation, &["backup", "run", "--full", "--tenant", "bolt"], 0);
    assert_eq!(counts(&full), [1, 1, 0, 0]);
    let left = files_below(&installation.data().join("tmp"));
    assert!(left.iter().all(|path| !path.to_string_lossy().contains("backup")), "{left:?}");
    server.stop();
}

#[test]
fn the_same_file_is_not_stored_twice() {
    let installation = installation_with("");
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    back_up(&installation);
    let one = ran(&installation, &["backup", "run", "--tenant", "acme"], 0);
    assert_eq!(counts(&one), [1, 0, 1, 0]);
    assert_eq!(listed(&installation, &acme).len(), 1);
    server.stop();
}

#[test]
fn a_write_that_a_kill_kept_from_being_noted_is_backed_up_all_the_same() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.sign_up_with_tenant("bob", "bolt");
    back_up(&installation);
    add(&ann, &acme, "last words");
    server.kill();
    // Without a server it is done on the directory itself.
    assert_eq!(counts(&back_up(&installation)), [1, 1, 0, 0]);
    let store = installation.data().join("backups");
    let newest = listed(&installation, &acme).remove(0);
    assert_eq!(customers(&unpacked(&store, &acme, &newest).1), ["last words"]);
    assert_eq!(counts(&back_up(&installation))[1], 0);
}

#[test]
fn what_a_crash_left_half_stored_counts_for_nothing_and_goes_with_the_next_round() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    back_up(&installation);
    server.stop();
    let half = "0192f0c1-2b4e-7000-8000-000000000001";
    let place = installation.data().join("backups/tenants").join(&acme.id).join(half);
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("data.db.gz"), "half").unwrap();
    std::fs::write(place.join("data.db.gz#1"), "staged").unwrap();
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let begun = "INSERT INTO backups (id, tenant_id, is_whole, taken_at) VALUES (?1, ?2, 0, 0)";
    catalog.execute(begun, [half, &acme.id]).unwrap();
    drop(catalog);
    assert_eq!(listed(&installation, &acme).len(), 1);
    let server = installation.serve();
    add(&ann.sign_in_again_at(&server), &acme, "next");
    back_up(&installation);
    assert!(!place.exists());
    assert_eq!(listed(&installation, &acme).len(), 2);
    server.stop();
}

fn put(person: &Person, tenant: &Tenant, path: &str, bytes: &str) {
    let call = Call::new("PUT", tenant.path(&format!("/files/{path}")));
    person.client.send(&call.bytes("application/octet-stream", bytes)).expect_one_of(&[200, 201]);
}

#[test]
fn an_upload_is_stored_once_and_goes_with_the_last_backup_that_names_it() {
    let installation = installation_with("backup_daily = 0\nbackup_weekly = 0\n");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann, &acme, "a.txt", "stays");
    put(&ann, &acme, "b.txt", "goes");
    back_up(&installation);
    let stored = installation.data().join("backups/tenants").join(&acme.id).join("files");
    let mut before = files_below(&stored);
    before.sort();
    assert_eq!(before.len(), 2);
    let modified = |path: &PathBuf| path.metadata().unwrap().modified().unwrap();
    let times: Vec<_> = before.iter().map(modified).collect();
    ann.client.delete(&acme.path("/files/b.txt")).expect(204);
    let run = back_up(&installation);
    assert_eq!(counts(&run), [1, 1, 0, 0]);
    assert_eq!(before.iter().map(modified).collect::<Vec<_>>(), times, "stored again");
    assert_eq!(listed(&installation, &acme)[0]["files"], 1);
    installation.advance_clock(2 * DAY);
    assert_eq!(back_up(&installation)["pruned"], 2, "one of the tenant, one of the catalog");
    let left = files_below(&stored);
    assert_eq!(left.len(), 1);
    assert_eq!(std::fs::read_to_string(&left[0]).unwrap(), "stays");
    assert_eq!(listed(&installation, &acme).len(), 1);
    server.stop();
}

#[test]
fn a_backup_that_does_not_tell_its_uploads_any_more_keeps_all_of_them() {
    let installation = installation_with("backup_daily = 0\nbackup_weekly = 0\n");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    put(&ann, &acme, "a.txt", "stays");
    back_up(&installation);
    add(&ann, &acme, "more");
    back_up(&installation);
    let of_acme = installation.data().join("backups/tenants").join(&acme.id);
    let newest = listed(&installation, &acme).remove(0);
    std::fs::remove_file(of_acme.join(newest["id"].as_str().unwrap()).join("uploads")).unwrap();
    installation.advance_clock(2 * DAY);
    back_up(&installation);
    assert_eq!(listed(&installation, &acme).len(), 1);
    assert_eq!(files_below(&of_acme.join("files")).len(), 1);
    server.stop();
}

#[test]
fn after_a_clock_went_back_one_backup_is_the_newest_and_the_others_have_their_time() {
    let installation = installation_with("");
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    back_up(&installation);
    installation.advance_clock(-DAY);
    ran(&installation, &["backup", "run", "--full"], 0);
    let all = listed(&installation, &acme);
    assert_eq!(all.len(), 2);
    let newest: Vec<_> = all.iter().filter(|backup| backup["keep_until"].is_null()).collect();
    assert_eq!(newest.len(), 1, "{all:?}");
    assert_eq!(newest[0]["taken_at"].as_str(), all.iter().filter_map(|one| one["taken_at"].as_str()).min());
    server.stop();
}

#[test]
fn a_round_of_one_tenant_does_not_stand_for_that_of_all() {
    let installation = installation_with("");
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 24\n").unwrap();
    let server = installation.serve();
    let _ = server.sign_up_with_tenant("ann", "acme");
    let (_, bolt) = server.sign_up_with_tenant("bob", "bolt");
    ran(&installation, &["backup", "run", "--tenant", "acme"], 0);
    installation.advance_clock(HOUR);
    eventually("the backup of the other", || (!listed(&installation, &bolt).is_empty()).then_some(()));
    server.stop();
}

#[test]
fn the_server_backs_up_by_itself_and_keeps_the_last_of_each_day() {
    let installation = installation_with("");
    std::fs::write(
        installation.data().join("tenantry.toml"),
        "backup_hours = 24\nbackup_daily = 2\nbackup_weekly = 0\n",
    )
    .unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let taken = |count: usize| {
        eventually("a backup", || (listed(&installation, &acme).len() >= count).then_some(()));
    };
    installation.advance_clock(HOUR);
    taken(1);
    for day in 2..=4 {
        installation.advance_clock(DAY + HOUR);
        let ann = ann.sign_in_again();
        add(&ann, &acme, &format!("of day {day}"));
        taken(day.min(3));
        let newest = || listed(&installation, &acme).remove(0);
        let wanted = i64::from(u32::try_from(day).unwrap());
        eventually("the day's own backup", || {
            (newest()["change_seq"].as_i64() >= Some(wanted - 1)).then_some(())
        });
    }
    // Of the first day no end is among the last two.
    eventually("the end of the first", || (listed(&installation, &acme).len() == 3).then_some(()));
    server.stop();
}

#[test]
fn operators_ask_for_backups_over_the_api_and_nobody_else_does() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let path = "/api/v1/operator/backups";
    ann.client.get(path).expect(403);
    ann.client.post(path, json!({})).expect(403);
    operator.client.post(path, json!({ "tenant": "nobody" })).expect(404);
    operator.client.post(path, json!({ "all": true })).expect(422);
    let run = operator.client.post(path, json!({ "tenant": "acme" })).expect(202).json;
    let one = format!("{path}/runs/{}", run["id"].as_str().unwrap());
    let done = eventually("the end of the round", || {
        let run = operator.client.get(&one).expect(200).json;
        (run["status"] != "running").then_some(run)
    });
    assert_eq!((&done["status"], &done["stored"]), (&json!("done"), &json!(1)), "{done}");
    assert!(done["started_by"].as_str().unwrap().starts_with("operator:"));
    let of_acme = operator.client.get(&format!("{path}?tenant=acme")).expect(200).json;
    assert_eq!(of_acme["items"].as_array().unwrap().len(), 1);
    assert_eq!(of_acme["items"][0]["slug"], acme.slug.as_str());
    ann.client.get(&format!("{path}/state")).expect(403);
    let state = || operator.client.get(&format!("{path}/state")).expect(200).json;
    let before = state();
    assert_eq!((&before["last_round"]["id"], &before["failures"]), (&run["id"], &json!([])), "{before}");
    assert!(before["store"].is_string() && before["last_verified_at"].is_null(), "{before}");
    ran(&installation, &["verify", "backup", "--tenant", "acme"], 0);
    assert!(state()["last_verified_at"].is_string(), "{}", state());
    assert_eq!(
        operator.client.get(&format!("{path}/runs")).expect(200).json["items"].as_array().unwrap().len(),
        1
    );
    server.stop();
}

#[test]
fn a_tenants_schedule_may_ask_for_a_backup_and_gets_one_an_hour_at_most() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let viewer = server.join(&ann, &acme, "vic", "member");
    let job = json!({ "kind": "tenantry.backup", "payload": {} });
    viewer.client.post(&acme.path("/jobs"), job.clone()).expect(403);
    let ran = |expected: bool| {
        let id = ann.client.post(&acme.path("/jobs"), job.clone()).expect(202).string("/id");
        let done = eventually("the job", || {
            let job = ann.client.get(&acme.path(&format!("/jobs/{id}"))).expect(200).json;
            (job["status"] == "succeeded").then_some(job)
        });
        assert_eq!(done["result"]["stored"], expected, "{done}");
    };
    ran(true);
    ran(false);
    assert_eq!(listed(&installation, &acme).len(), 1);
    server.stop();
}

/// Backups go to another directory, and with them what is signed beside the databases.
#[test]
fn a_directory_of_its_own_gets_the_ledgers_too() {
    let installation = installation_with("");
    let elsewhere = installation.beside("elsewhere");
    let settings = format!("backup_hours = 0\nbackup_directory = {:?}\n", elsewhere.display().to_string());
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server: Server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    server.sign_up_with_tenant("bob", "bolt");
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    back_up(&installation);
    let ledger = std::fs::read_to_string(elsewhere.join("ledgers/erasures.ndjson")).unwrap();
    assert!(ledger.contains(&acme.id));
    std::fs::write(installation.data().join("backups/issued-credit-notes.ndjson"), "{}\n").unwrap();
    ran(&installation, &["backup", "run", "--tenant", "bolt"], 0);
    let names = |path: PathBuf| -> Vec<_> {
        let mut names: Vec<_> = files_below(&path)
            .iter()
            .filter(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
            .filter_map(|path| path.file_name().map(ToOwned::to_owned))
            .collect();
        names.sort();
        names
    };
    let signed = names(installation.data().join("backups"));
    assert!(signed.len() >= 2, "{signed:?}");
    assert_eq!(names(elsewhere.join("ledgers")), signed);
    assert_eq!(files_below(&elsewhere.join("catalog")).len(), 2);
    assert!(!elsewhere.join("tenants").join(&acme.id).exists());
    server.stop();
}

#[test]
fn a_verified_backup_was_restored_and_compared_and_a_damaged_one_is_told_and_made_anew() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    assert_eq!(ran(&installation, &["verify", "backup"], 1)["backups"], json!([]));
    put(&ann, &acme, "a.txt", "an upload");
    add(&ann, &acme, "one");
    back_up(&installation);
    let good = ran(&installation, &["verify", "backup"], 0);
    let uploads: Vec<i64> =
        good["backups"].as_array().unwrap().iter().map(|one| one["uploads"].as_i64().unwrap()).collect();
    assert_eq!(uploads, [0, 1], "of the catalog and of the tenant: {good}");
    let list = ran(&installation, &["backup", "list"], 0);
    assert!(list["last_verified_at"].is_string(), "{list}");
    let tenant = installation.data().join("backups/tenants").join(&acme.id);
    let upload = files_below(&tenant.join("files")).remove(0);
    let database = tenant.join(listed(&installation, &acme)[0]["id"].as_str().unwrap()).join("data.db.gz");
    for path in [upload, database] {
        let bytes = std::fs::read(&path).unwrap();
        let mut damaged = bytes.clone();
        let last = damaged.len() - 1;
        damaged[last] ^= 1;
        std::fs::write(&path, damaged).unwrap();
        let told = ran(&installation, &["verify", "backup", "--tenant", "acme"], 1);
        assert!(told["backups"][0]["fault"].is_string(), "{told}");
        std::fs::write(&path, bytes).unwrap();
    }
    assert!(listed(&installation, &acme)[0]["fault"].is_string());
    assert_eq!(counts(&back_up(&installation)), [1, 1, 0, 0]);
    ran(&installation, &["verify", "backup", "--tenant", "acme"], 0);
    server.stop();
}

#[test]
fn an_erased_tenants_backups_are_removed_and_the_receipt_says_so() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (_, bolt) = server.sign_up_with_tenant("bob", "bolt");
    put(&ann, &acme, "a.txt", "an upload");
    back_up(&installation);
    let erased =
        installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now", "--json"]).expect_code(0);
    let receipt: Value = serde_json::from_str(erased.stdout.trim()).unwrap();
    let statement: Value = serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap();
    let store = |list: &str, name: &str| {
        let found = statement[list].as_array().unwrap().iter().find(|one| one["store"] == name);
        found.unwrap_or_else(|| panic!("{name}: {statement}")).clone()
    };
    // The database, the list of uploads, the manifest and the upload.
    assert_eq!(store("removed", "backups")["removed"], 4);
    let until = &store("kept", "backups of the catalog that were made before")["until"];
    assert!(until.is_null(), "nobody says when the newest is followed by another one: {until}");
    let tenants = installation.data().join("backups/tenants");
    assert!(!tenants.join(&acme.id).exists() && tenants.join(&bolt.id).exists());
    assert_eq!(ran(&installation, &["backup", "list"], 0)["items"].as_array().unwrap().len(), 2);
    server.stop();
}
