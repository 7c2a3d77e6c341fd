//! Moving tenants to other volumes: everything is there afterwards, in one place, and nobody else notices.

mod giving_up;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::audited_routes::AUDITED_WITH_VOLUMES;
use crate::harness::{Call, Client, Installation, Tenant, eventually};

/// With a volume `fast`, and one `gone` of which there is no directory.
fn installation() -> Arc<Installation> {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::create_dir(installation.beside("fast")).unwrap();
    let path = |name: &str| installation.beside(name).display().to_string();
    let settings =
        format!("backup_hours = 0\nvolumes = {{ fast = {:?}, gone = {:?} }}\n", path("fast"), path("gone"));
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    installation
}

/// Where a tenant's directory is, among all volumes.
fn places(installation: &Installation, id: &str) -> Vec<&'static str> {
    let shard = &id[id.len() - 2..];
    let is_there = |root: PathBuf| root.join("tenants").join(shard).join(id).exists();
    let all = [("data", installation.data()), ("fast", installation.beside("fast"))];
    all.into_iter().filter(|(_, root)| is_there(root.clone())).map(|(name, _)| name).collect()
}

fn file_on(root: &Path, id: &str) -> PathBuf {
    root.join("tenants").join(&id[id.len() - 2..]).join(id).join("data.db")
}

fn names(client: &Client, tenant: &Tenant) -> Vec<String> {
    let answer = client.get(&tenant.path("/records/customers?order=name")).expect(200);
    let items = answer.json["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn add(client: &Client, tenant: &Tenant, name: &str) {
    client.post(&tenant.path("/records/customers"), json!({ "name": name })).expect(201);
}

fn upload(client: &Client, tenant: &Tenant, name: &str, content: &str) {
    let call = Call::new("PUT", tenant.path(&format!("/files/{name}"))).bytes("text/plain", content);
    client.send(&call).expect_one_of(&[200, 201]);
}

#[track_caller]
fn ran(installation: &Installation, arguments: &[&str], code: i32) -> Value {
    let ran = installation.run(&[arguments, &["--json"]].concat()).expect_code(code);
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_tenant_that_was_moved_is_served_from_there_and_found_by_everything() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    add(&ann.client, &acme, "before");
    upload(&ann.client, &acme, "a.txt", "of before");
    let path = "/api/v1/operator/tenants/acme/move";
    operator.client.get(path).expect_code(404, "never_moved");
    let begun = operator.client.post(path, json!({ "to": "fast" })).expect(202).json;
    assert_eq!((&begun["from"], &begun["to"]), (&json!("data"), &json!("fast")), "{begun}");
    // Written and read meanwhile: at one place or the other, but not lost.
    for number in 0..20 {
        add(&ann.client, &acme, &format!("during {number:02}"));
        assert_eq!(names(&ann.client, &acme).len(), number + 2);
    }
    let done = eventually("the end of the move", || {
        let told = operator.client.get(path).expect(200).json;
        (told["status"] == "done").then_some(told)
    });
    assert!(done["files"] == 2 && done["fenced_ms"].is_i64() && done["error"].is_null(), "{done}");
    assert_eq!(done["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(places(&installation, &acme.id), ["fast"]);
    assert_eq!(places(&installation, &bolt.id), ["data"]);
    add(&ann.client, &acme, "later");
    upload(&ann.client, &acme, "b.txt", "of later");
    let told = operator.client.get("/api/v1/operator/tenants/acme").expect(200);
    assert_eq!(told.string("/volume"), "fast");
    let volumes = operator.client.get("/api/v1/operator/volumes").expect(200).json;
    let counted = |name: &str| {
        let all = volumes["items"].as_array().unwrap();
        all.iter().find(|volume| volume["name"] == name).unwrap()["tenants"].clone()
    };
    assert_eq!((counted("data"), counted("fast")), (json!(1), json!(1)), "{volumes}");
    let log = ann.client.get(&acme.path("/audit?limit=500")).expect(200).text();
    assert!(log.contains(AUDITED_WITH_VOLUMES[0].1) && log.contains("tenant.moved"), "{log}");
    // A backup, an export and the doctor find it.
    assert_eq!(ran(&installation, &["backup", "run"], 0)["stored"], 2);
    ran(&installation, &["tenant", "export", "acme"], 0);
    let found = operator.client.get("/api/v1/operator/doctor").expect(200).json;
    let orphans = |finding: &&Value| finding["check"] == "orphans" && finding["level"] == "fault";
    assert!(!found["findings"].as_array().unwrap().iter().any(|finding| orphans(&finding)), "{found:#}");
    let server = server.restart();
    let (ann, bob) = (ann.sign_in_again_at(&server), bob.sign_in_again_at(&server));
    assert_eq!(names(&ann.client, &acme).len(), 22);
    for (name, content) in [("a.txt", "of before"), ("b.txt", "of later")] {
        assert_eq!(ann.client.get(&acme.path(&format!("/files/{name}"))).expect(200).text(), content);
    }
    add(&bob.client, &bolt, "another's");
    // An erasure finds it as well.
    ran(&installation, &["tenant", "erase", "acme", "--confirm", "acme", "--now"], 0);
    assert!(places(&installation, &acme.id).is_empty());
    assert_eq!(names(&bob.client, &bolt), ["another's"]);
    server.stop();
}

#[test]
fn what_cannot_be_moved_is_refused_and_stays_where_it_is() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (_, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    let path = "/api/v1/operator/tenants/acme/move";
    ann.client.post(path, json!({ "to": "fast" })).expect(403);
    operator.client.post(path, json!({})).expect(422);
    operator.client.post("/api/v1/operator/tenants/nobody/move", json!({ "to": "fast" })).expect(404);
    operator.client.post(path, json!({ "to": "nowhere" })).expect_refused_by_name("to");
    operator.client.post(path, json!({ "to": "../fast" })).expect_refused_by_name("to");
    operator.client.post(path, json!({ "to": "data" })).expect_code(409, "same_volume");
    operator.client.post(path, json!({ "to": "gone" })).expect_code(503, "volume_unavailable");
    // Something lies where it would come to.
    let place = file_on(&installation.beside("fast"), &acme.id);
    std::fs::create_dir_all(&place).unwrap();
    operator.client.post(path, json!({ "to": "fast" })).expect_code(409, "place_taken");
    std::fs::remove_dir_all(place.parent().unwrap()).unwrap();
    operator.client.post("/api/v1/operator/tenants/bolt/suspend", json!({})).expect(200);
    let of_bolt = "/api/v1/operator/tenants/bolt/move";
    operator.client.post(of_bolt, json!({ "to": "fast" })).expect_code(409, "wrong_status");
    operator.client.post("/api/v1/operator/tenants/bolt/resume", json!({})).expect(200);
    operator.client.post("/api/v1/operator/tenants/bolt/close", json!({})).expect(202);
    operator.client.post(of_bolt, json!({ "to": "fast" })).expect_code(409, "wrong_status");
    for tenant in [&acme, &bolt] {
        assert_eq!(places(&installation, &tenant.id), ["data"]);
    }
    ran(&installation, &["tenant", "move", "acme", "--to", "fast"], 0);
    assert_eq!(places(&installation, &acme.id), ["fast"]);
    server.stop();
    // What is not mounted is not made anew, and a volume that is not named any more is asked for.
    std::fs::rename(installation.beside("fast"), installation.beside("away")).unwrap();
    std::fs::create_dir(installation.beside("fast")).unwrap();
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let refused = ann.client.get(&acme.path("/records/customers"));
    assert!(refused.status >= 500, "{}", refused.text());
    assert_eq!(std::fs::read_dir(installation.beside("fast")).unwrap().count(), 0);
    server.stop();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    assert!(installation.serve_refused().stderr.contains("volumes"));
}

#[test]
fn a_move_that_is_ended_at_every_step_leaves_the_tenant_in_one_place() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann.client, &acme, "kept");
    upload(&ann.client, &acme, "a.txt", "kept");
    server.stop();
    let (mut at, mut moved, mut steps) = ("data", 0, 0);
    loop {
        steps += 1;
        assert!(steps < 200, "it never came through");
        let to = if at == "data" { "fast" } else { "data" };
        let mut command = installation.command(&["tenant", "move", "acme", "--to", to]);
        let output = command.env("TENANTRY_TEST_FAULT", steps.to_string()).output().unwrap();
        let is_through = output.status.success();
        assert!(is_through || output.status.code().is_none(), "it was ended, and did not fail: {output:?}");
        let listed = ran(&installation, &["tenant", "list"], 0);
        let now = if listed["items"][0]["volume"] == "fast" { "fast" } else { "data" };
        assert_eq!(places(&installation, &acme.id), [now], "after step {steps}");
        let root = if now == "fast" { installation.beside("fast") } else { installation.data() };
        let file = rusqlite::Connection::open(file_on(&root, &acme.id)).unwrap();
        let name: String = file.query_row("SELECT name FROM customers", [], |row| row.get(0)).unwrap();
        assert_eq!(name, "kept");
        if is_through {
            assert_eq!(now, to);
            at = now;
            break;
        }
        moved += usize::from(now == to);
        at = now;
    }
    assert!(moved >= 2 && moved + 4 < steps, "{moved} of {steps}");
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(names(&ann.client, &acme), ["kept"]);
    assert_eq!(ann.client.get(&acme.path("/files/a.txt")).expect(200).text(), "kept");
    ran(&installation, &["tenant", "move", "acme", "--to", if at == "data" { "fast" } else { "data" }], 0);
    assert_eq!(names(&ann.client, &acme), ["kept"]);
    server.stop();
}
