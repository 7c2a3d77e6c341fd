//! Restoring a whole installation on a machine that has nothing of it but its keys.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{add, back_up, files_below, installation_with, put};
use crate::harness::{Installation, Ran};

/// Another machine, to which the keys were brought.
fn machine(of: &Installation, settings: &str) -> Arc<Installation> {
    let there = Installation::new();
    std::fs::create_dir_all(there.data()).unwrap();
    copy(&of.data().join("keys"), &there.data().join("keys"));
    std::fs::write(there.data().join("tenantry.toml"), format!("backup_hours = 0\n{settings}")).unwrap();
    there
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(copied.success());
}

fn restore(there: &Installation, store: &Path, more: &[&str]) -> Ran {
    let store = store.display().to_string();
    there.run(&[&["restore", "--all", "--from", &store, "--json"], more].concat())
}

fn told(ran: &Ran) -> Value {
    serde_json::from_str(ran.stdout.trim()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
}

#[test]
fn a_lost_machine_comes_back_and_whom_it_erased_does_not() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    add(&ann, &acme, "of then");
    put(&ann, &acme, "a.txt", "an upload");
    add(&bob, &bolt, "another's");
    back_up(&installation);
    // After the backup: written, erased. The ledger beside the backups knows of the second.
    add(&ann, &acme, "of later");
    installation.run(&["tenant", "erase", "bolt", "--confirm", "bolt", "--now"]).expect_code(0);
    server.stop();
    let store = installation.data().join("backups");
    let there = machine(&installation, "");
    let ran = restore(&there, &store, &[]).expect_code(0);
    let all = told(&ran);
    assert_eq!(
        (&all["ok"], &all["restored"], &all["erased"]),
        (&json!(true), &json!(1), &json!(1)),
        "{all:#}"
    );
    assert_eq!((&all["failed"], &all["without_backup"]), (&json!([]), &json!([])), "{all:#}");
    let server = there.serve();
    let again = ann.sign_in_again_at(&server);
    let list = again.client.get(&acme.path("/records/customers")).expect(200).json;
    assert_eq!((&list["items"][0]["name"], list["items"].as_array().unwrap().len()), (&json!("of then"), 1));
    assert_eq!(again.client.get(&acme.path("/files/a.txt")).expect(200).text(), "an upload");
    add(&again, &acme, "of after");
    bob.sign_in_again_at(&server).client.get(&bolt.path("/records/customers")).expect(404);
    let of_bolt =
        files_below(&there.data()).into_iter().filter(|path| path.to_string_lossy().contains(&bolt.id));
    assert_eq!(of_bolt.count(), 0);
    // It is backed up as before, into its own store.
    assert_eq!(back_up(&there)["failed"], 0);
    server.stop();
    // What holds something is not overwritten.
    let refused = restore(&there, &store, &[]).expect_code(1);
    assert!(refused.stderr.contains("empty directory"), "{}", refused.stderr);
}

#[test]
fn what_cannot_be_restored_is_named_the_directory_is_not_served_and_the_same_again_goes_on() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    add(&ann, &acme, "first");
    back_up(&installation);
    add(&bob, &bolt, "kept");
    back_up(&installation);
    server.sign_up_with_tenant("eve", "young");
    installation.run(&["backup", "run", "--json"]).expect_code(0);
    server.stop();
    let store = installation.beside("store");
    copy(&installation.data().join("backups"), &store);
    let without_keys = Installation::new();
    let refused = restore(&without_keys, &store, &[]).expect_code(1);
    assert!(refused.stderr.contains("--new-keys"), "{}", refused.stderr);
    // The one backup of a tenant is damaged.
    let of = |id: &str| files_below(&store.join("tenants").join(id)).into_iter();
    let damaged = of(&acme.id).find(|path| path.ends_with("data.db.gz")).unwrap();
    let sound = std::fs::read(&damaged).unwrap();
    std::fs::write(&damaged, b"damaged").unwrap();
    let there = machine(&installation, "");
    let half = told(&restore(&there, &store, &[]).expect_code(1));
    assert_eq!((&half["ok"], &half["restored"]), (&json!(false), &json!(2)), "{half:#}");
    assert_eq!(half["failed"][0]["slug"], "acme", "{half:#}");
    let refused = there.serve_refused();
    assert!(refused.stderr.contains("half restored"), "{}", refused.stderr);
    let other = restore(&there, &store, &["--at", "2020-01-01T00:00:00Z"]).expect_code(1);
    assert!(other.stderr.contains("half restored"), "{}", other.stderr);
    std::fs::write(&damaged, sound).unwrap();
    let rest = told(&restore(&there, &store, &[]).expect_code(0));
    assert_eq!((&rest["restored"], &rest["already"]), (&json!(1), &json!(2)), "{rest:#}");
    let server = there.serve();
    for (person, tenant, name) in [(&ann, &acme, "first"), (&bob, &bolt, "kept")] {
        let list = person.sign_in_again_at(&server).client.get(&tenant.path("/records/customers"));
        assert_eq!(list.expect(200).string("/items/0/name"), name);
    }
    server.stop();
}

#[test]
fn a_restore_that_is_cut_off_anywhere_goes_on() {
    let installation = installation_with("");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann, &acme, "first");
    back_up(&installation);
    server.stop();
    let store = installation.data().join("backups").display().to_string();
    let there = machine(&installation, "");
    let mut ends = 0;
    for step in 1.. {
        let mut command = there.command(&["restore", "--all", "--from", &store]);
        command.env("TENANTRY_TEST_FAULT", step.to_string());
        let ran = command.output().unwrap();
        if ran.status.success() {
            break;
        }
        assert!(ran.status.code().is_none(), "{}", String::from_utf8_lossy(&ran.stderr));
        ends += 1;
    }
    assert!(ends > 3, "{ends}");
    let server = there.serve();
    let list = ann.sign_in_again_at(&server).client.get(&acme.path("/records/customers")).expect(200).json;
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list:#}");
    server.stop();
}
