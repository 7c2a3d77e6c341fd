//! Volumes and clones where other things meet them: what is refused while a move is open or where there is no room, that clones
//! are not billed, and that neither comes back after an erasure.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::harness::{Call, DAY, Installation, Tenant, eventually, paths_with};

const MOVE: &str = "/api/v1/operator/tenants/acme/move";

/// With a volume `fast`, and one `gone` of which there is no directory.
fn with_volumes(installation: &Installation) {
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::create_dir_all(installation.beside("fast")).unwrap();
    let path = |name: &str| installation.beside(name).display().to_string();
    let settings =
        format!("backup_hours = 0\nvolumes = {{ fast = {:?}, gone = {:?} }}\n", path("fast"), path("gone"));
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
}

fn catalog(installation: &Installation) -> rusqlite::Connection {
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    catalog.busy_timeout(std::time::Duration::from_secs(5)).unwrap();
    catalog
}

fn count(installation: &Installation, table: &str, id: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1");
    catalog(installation).query_row(&sql, [id], |row| row.get(0)).unwrap()
}

#[test]
fn while_a_move_is_open_there_is_no_second_one_and_an_erasure_says_what_it_could_not_look_at() {
    let installation = Installation::new();
    with_volumes(&installation);
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    // As where the disk that it came from went before what is left there could be removed.
    catalog(&installation)
        .execute(
            "INSERT INTO tenant_moves (tenant_id, from_volume, to_volume, status, started_by, started_at)
             VALUES (?1, 'gone', 'data', 'moved', 'system', 1)",
            [&acme.id],
        )
        .unwrap();
    operator.client.post(MOVE, json!({ "to": "fast" })).expect_code(409, "move_open");
    assert_eq!(operator.client.get(MOVE).expect(200).string("/status"), "moved");
    operator.client.send(&Call::new("POST", "/api/v1/operator/tenants/acme/close")).expect(202);
    operator.client.post(MOVE, json!({ "to": "fast" })).expect_code(409, "wrong_status");
    let erase = json!({ "confirm": "acme" });
    let receipt = operator.client.post("/api/v1/operator/tenants/acme/erase", erase).expect(200).text();
    assert!(receipt.contains("volume gone: whatever may be on it"), "{receipt}");
    operator.client.post(MOVE, json!({ "to": "fast" })).expect(404);
    server.stop();
}

#[test]
fn a_tenant_is_not_moved_where_it_has_no_room_and_stays_what_it_was() {
    let installation = Installation::new();
    with_volumes(&installation);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let upload = Call::new("PUT", acme.path("/files/a.txt")).bytes("text/plain", "a");
    ann.client.send(&upload).expect_one_of(&[200, 201]);
    // More than any disk has, and nothing on this one.
    let huge = installation.tenant_directory(&acme.id).join("files/huge");
    std::fs::File::create(&huge).unwrap().set_len(15 << 40).unwrap();
    operator.client.post(MOVE, json!({ "to": "fast" })).expect_code(503, "no_room_for_move");
    std::fs::remove_file(&huge).unwrap();
    operator.client.get(MOVE).expect_code(404, "never_moved");
    ann.client.post(&acme.path("/records/customers"), json!({ "name": "written" })).expect(201);
    assert!(!installation.beside("fast/tenants").join(&acme.id[acme.id.len() - 2..]).exists());
    server.stop();
}

#[test]
fn a_clone_is_never_billed_whatever_is_used_in_it() {
    let installation = Installation::with_app_of_tests("billed");
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "backup_hours = 0\n").unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let used = |tenant: &Tenant, key: &str| {
        let event = json!({ "meter": "tokens", "quantity": 500, "idempotency_key": key });
        ann.client.post(&tenant.path("/usage-events"), event).expect(201);
    };
    used(&acme, "before");
    let body = json!({ "as": "acme-staging", "owner": ann.email });
    let path = "/api/v1/operator/tenants/acme/clone";
    let clone = Tenant::from_json(&operator.client.post(path, body).expect(201).json);
    let of_clone = "/api/v1/operator/tenants/acme-staging/clone";
    operator.client.patch(of_clone, json!({ "expires_at": null })).expect(200);
    used(&clone, "in-the-clone");
    used(&acme, "after");
    installation.advance_clock(70 * DAY);
    let app = format!("{}/tests/apps/billed", env!("CARGO_MANIFEST_DIR"));
    installation.run(&["plan", "close-period", "--final", "--app", &app]).expect_code(0);
    assert!(count(&installation, "invoices", &acme.id) > 0, "the tenant itself is billed");
    for table in ["invoices", "booked_usage", "stripe_customers", "stripe_subscriptions"] {
        assert_eq!(count(&installation, table, &clone.id), 0, "{table}");
    }
    server.stop();
}

#[test]
fn a_whole_restore_brings_back_neither_a_tenant_of_another_volume_nor_its_clones_that_were_erased_since() {
    let installation = Installation::new();
    with_volumes(&installation);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    for (person, tenant) in [(&ann, &acme), (&bob, &bolt)] {
        person.client.post(&tenant.path("/records/customers"), json!({ "name": "kept" })).expect(201);
    }
    for slug in ["acme", "bolt"] {
        installation.run(&["tenant", "move", slug, "--to", "fast"]).expect_code(0);
    }
    let body = json!({ "as": "acme-staging", "owner": ann.email });
    let path = "/api/v1/operator/tenants/acme/clone";
    let clone = Tenant::from_json(&operator.client.post(path, body).expect(201).json);
    installation.run(&["backup", "run"]).expect_code(0);
    installation.run(&["tenant", "erase", "acme", "--confirm", "acme", "--now"]).expect_code(0);
    eventually("the end of the clone", || {
        let told = operator.client.get("/api/v1/operator/tenants/acme-staging").expect(200);
        (told.json["status"] == "erased").then_some(())
    });
    server.stop();
    let there: Arc<Installation> = Installation::new();
    with_volumes(&there);
    let keys = std::process::Command::new("cp")
        .arg("-a")
        .args([installation.data().join("keys"), there.data().join("keys")])
        .status();
    assert!(keys.unwrap().success());
    let store = installation.data().join("backups").display().to_string();
    let ran = there.run(&["restore", "--all", "--from", &store, "--json"]).expect_code(0);
    let told: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!((&told["restored"], &told["erased"]), (&json!(1), &json!(2)), "{told:#}");
    let server = there.serve();
    let bob = bob.sign_in_again_at(&server);
    let list = bob.client.get(&bolt.path("/records/customers")).expect(200);
    assert_eq!(list.string("/items/0/name"), "kept");
    let ann = ann.sign_in_again_at(&server);
    for tenant in [&acme, &clone] {
        ann.client.get(&tenant.path("/records/customers")).expect(404);
        for root in [there.data(), there.beside("fast")] {
            let left = paths_with(&root, &tenant.id);
            assert!(left.is_empty(), "{left:?}");
        }
    }
    server.stop();
}
