//! A tenant that is erased while something else goes on with it.

use serde_json::{Value, json};

use super::{add, behind, done, migrate, names, settings, told};
use crate::erasure::files_with;
use crate::harness::{Call, Client, Installation, Tenant, eventually, paths_with};

const PLANTED: &str = "Planted Customer 4711";

/// Tables of the catalog in which what goes on would leave rows of a tenant.
const TABLES: [&str; 4] = ["tenant_backups", "backups", "tenant_versions", "tenant_moves"];

/// Waits until the tenant's erasure has begun.
#[track_caller]
fn is_being_erased(operator: &Client, slug: &str) {
    eventually("the beginning of the erasure", || {
        let tenant = operator.get(&format!("/api/v1/operator/tenants/{slug}")).expect(200);
        (tenant.string("/status") == "erasing").then_some(())
    });
}

#[track_caller]
fn assert_nothing_is_left(installation: &Installation, id: &str) {
    for root in [installation.data(), installation.beside("fast")] {
        let left = paths_with(&root, id);
        assert!(left.is_empty(), "{left:?}");
    }
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    for table in TABLES {
        let sql = format!("SELECT count(*) FROM {table} WHERE tenant_id = ?1");
        let count: i64 = catalog.query_row(&sql, [id], |row| row.get(0)).unwrap();
        assert_eq!(count, 0, "{table}");
    }
}

fn upload(client: &Client, tenant: &Tenant, name: &str) {
    let call = Call::new("PUT", tenant.path(&format!("/files/{name}"))).bytes("text/plain", PLANTED);
    client.send(&call).expect_one_of(&[200, 201]);
}

#[test]
fn a_tenant_that_is_erased_while_it_is_backed_up_is_in_no_backup_and_the_round_is_good() {
    let installation = Installation::new();
    settings(&installation, "");
    let server = installation.serve();
    let operator = server.add_operator().client;
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let mut erased = Vec::new();
    // While it is copied the erasure waits; afterwards what was copied is stored or not, and goes.
    for (moment, waits) in [("backup", false), ("copy", true), ("copied", false), ("storing", false)] {
        let (ann, acme) = server.sign_up_with_tenant(&format!("ann-{moment}"), &format!("acme-{moment}"));
        upload(&ann.client, &acme, "a.txt");
        // What is stored already goes as well.
        told(installation.run_beside(&["backup", "run", "--json"]), 0);
        assert!(!paths_with(&installation.data().join("backups"), &acme.id).is_empty());
        add(&ann.client, &acme.slug, PLANTED);
        upload(&ann.client, &acme, "b.txt");
        add(&bob.client, "bolt", "of Bolt");
        let held = installation.hold(moment, &acme.id);
        let round = installation.run_beside(&["backup", "run", "--json"]);
        held.reached();
        let slug = acme.slug.as_str();
        let erasing =
            installation.run_beside(&["tenant", "erase", slug, "--confirm", slug, "--now", "--json"]);
        is_being_erased(&operator, slug);
        let file = installation.tenant_file(&acme.id);
        if waits {
            assert!(file.exists(), "{moment}: it was removed while it was copied");
        } else {
            eventually("the end of the files", || (!file.exists()).then_some(()));
        }
        assert!(!erasing.is_finished(), "{moment}: it did not wait for the backup");
        held.release();
        let run = told(round, 0);
        let counts = ["status", "stored", "failed"].map(|name| run[name].clone());
        assert_eq!(counts, [json!("done"), json!(1), json!(0)], "{moment}: {run}");
        let receipt = told(erasing, 0);
        let path = installation.beside("receipt.json");
        std::fs::write(&path, receipt.to_string()).unwrap();
        installation.run(&["verify", "receipt", path.to_str().unwrap()]).expect_code(0);
        let statement: Value = serde_json::from_str(receipt["statement"].as_str().unwrap()).unwrap();
        let all = statement["removed"].as_array().unwrap();
        let backups = all.iter().find(|store| store["store"] == "backups").unwrap();
        assert!(backups["removed"].as_i64().unwrap() >= 4, "{moment}: {statement:#}");
        // The next round brings nothing of it back.
        told(installation.run_beside(&["backup", "run", "--json"]), 0);
        assert_nothing_is_left(&installation, &acme.id);
        bob.client.get(&bolt.path("/records/customers")).expect(200);
        erased.push(acme);
    }
    server.stop();
    assert!(!installation.log().contains("backup_failed"));
    let server = installation.serve();
    server.stop();
    erased.iter().for_each(|acme| assert_nothing_is_left(&installation, &acme.id));
    // Those of the catalog of before are named in the receipt, with their time.
    std::fs::remove_dir_all(installation.data().join("backups/catalog")).unwrap();
    let mut found = Vec::new();
    files_with(&installation.data(), PLANTED, &mut found);
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn tenants_that_are_erased_while_the_fleet_is_migrated_are_gone_and_have_not_failed() {
    let (fleet, server, tenants) = behind(5);
    let installation = &fleet.installation;
    let operator = server.add_operator().client;
    // One in the middle of its migration, one right before it, and one whose turn comes later.
    let [in_it, before_it, _, later, _] = &tenants[..] else { panic!("{tenants:?}") };
    let (middle, gate) =
        (installation.hold("migration", &in_it.1), installation.hold("migration_gated", &before_it.1));
    let run = migrate(&operator, 2);
    middle.reached();
    gate.reached();
    let erase = |slug: &str| {
        installation.run_beside(&["tenant", "erase", slug, "--confirm", slug, "--now", "--json"])
    };
    for (slug, id) in [before_it, later] {
        told(erase(slug), 0);
        assert!(!installation.tenant_file(id).exists(), "{slug}");
    }
    let erasing = erase(&in_it.0);
    is_being_erased(&operator, &in_it.0);
    assert!(installation.tenant_file(&in_it.1).exists() && !erasing.is_finished());
    gate.release();
    middle.release();
    // The first was migrated before it was erased; the two others were not there any more.
    assert_eq!(done(&operator, &run), (json!(3), json!(0)));
    told(erasing, 0);
    let status = fleet.migrate(&["status", "--look"], 0);
    let counts = ["current", "pending", "failed"].map(|name| status[name].clone());
    assert_eq!(counts, [json!(2), json!(0), json!(0)], "{status}");
    assert_eq!((&status["failures"], &status["drift"]), (&json!([]), &json!([])), "{status}");
    let server = server.restart();
    told(installation.run_beside(&["backup", "run", "--json"]), 0);
    let client = fleet.client(&server);
    for (slug, id) in &tenants {
        if [in_it, before_it, later].iter().any(|gone| gone.1 == *id) {
            client.get(&format!("/api/v1/tenants/{slug}/records/customers")).expect(404);
            assert_nothing_is_left(installation, id);
        } else {
            assert_eq!(
                (names(&client, slug), &add(&client, slug, "x")["city"]),
                (vec!["before".into()], &json!("Paris"))
            );
        }
    }
    server.stop();
}

#[test]
fn a_tenant_that_is_erased_while_it_is_moved_is_on_neither_volume() {
    let installation = Installation::new();
    settings(&installation, "");
    let server = installation.serve();
    let operator = server.add_operator().client;
    let mut erased = Vec::new();
    // Between two files the erasure goes on; else it waits, and the move is not decided any more.
    for (moment, waits) in [("move_copying", true), ("move_copied", false), ("move_fenced", true)] {
        let (ann, acme) =
            server.sign_up_with_tenant(&format!("ann-{moment}").replace('_', "-"), &moment.replace('_', "-"));
        upload(&ann.client, &acme, "a.txt");
        let held = installation.hold(moment, &acme.id);
        let path = format!("/api/v1/operator/tenants/{}/move", acme.slug);
        operator.post(&path, json!({ "to": "fast" })).expect(202);
        held.reached();
        let copies = paths_with(&installation.beside("fast"), &acme.id);
        assert!(!copies.is_empty(), "{moment}");
        let slug = acme.slug.as_str();
        let erasing =
            installation.run_beside(&["tenant", "erase", slug, "--confirm", slug, "--now", "--json"]);
        if waits {
            is_being_erased(&operator, slug);
            assert!(installation.tenant_file(&acme.id).exists() && !erasing.is_finished(), "{moment}");
            held.release();
            told(erasing, 0);
        } else {
            told(erasing, 0);
            held.release();
        }
        operator.get(&path).expect_code(404, "never_moved");
        operator.delete(&path).expect_code(404, "never_moved");
        eventually("the end of what was copied", || {
            paths_with(&installation.beside("fast"), &acme.id).is_empty().then_some(())
        });
        assert_nothing_is_left(&installation, &acme.id);
        erased.push(acme);
    }
    let server = server.restart();
    erased.iter().for_each(|acme| assert_nothing_is_left(&installation, &acme.id));
    server.stop();
}
