//! Restoring a whole installation begins in an empty directory only, and with a store that has one.

use serde_json::Value;

use super::{add, back_up, installation_with, ran};
use crate::harness::Installation;

/// Loses the data directory; the keys and the settings were kept apart, and are there again.
fn lose(installation: &Installation) {
    let (data, lost) = (installation.data(), installation.beside("lost"));
    std::fs::rename(&data, &lost).unwrap();
    std::fs::create_dir(&data).unwrap();
    for name in ["keys", "tenantry.toml"] {
        let copied = std::process::Command::new("cp").arg("-a").arg(lost.join(name)).arg(&data).status();
        assert!(copied.unwrap().success());
    }
}

#[track_caller]
fn refused(installation: &Installation, more: &[&str], code: i32, what: &str) {
    let ran = installation.run(&[&["restore", "--all"], more].concat()).expect_code(code);
    assert!(ran.stderr.contains(what), "{what}: {}", ran.stderr);
}

#[test]
fn a_directory_with_anything_of_another_in_it_is_refused_and_left_as_it_is() {
    let installation = installation_with("");
    let store = installation.beside("store");
    let settings = format!("backup_hours = 0\nbackup_directory = {:?}\n", store.display().to_string());
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    add(&ann, &acme, "one");
    back_up(&installation);
    server.stop();
    lose(&installation);
    let (data, from) = (installation.data(), store.display().to_string());
    let nowhere = installation.beside("nowhere").display().to_string();
    refused(&installation, &["--from", &nowhere], 2, "no directory");
    refused(&installation, &["--tenant", "acme"], 2, "cannot be used");
    for more in [&["--from", &from][..], &["--parallel", "2"], &["--run-jobs"], &["--new-keys"]] {
        let of_one = ["restore", "--tenant", "acme", "--at", "2026-01-01T00:00:00Z"];
        installation.run(&[&of_one[..], more].concat()).expect_code(2);
    }
    std::fs::write(data.join("notes.txt"), "another's").unwrap();
    refused(&installation, &["--from", &from], 1, "notes.txt");
    std::fs::remove_file(data.join("notes.txt")).unwrap();
    std::fs::rename(data.join("keys"), installation.beside("keys")).unwrap();
    refused(&installation, &["--from", &from], 1, "--new-keys");
    assert!(!data.join("catalog.db").exists() && !data.join("tenants").exists());
    std::fs::rename(installation.beside("keys"), data.join("keys")).unwrap();
    // A time before everything: nothing is decided by it, another one does.
    refused(&installation, &["--from", &from, "--at", "2020-01-01T00:00:00Z"], 1, "no backup");
    let empty = installation.beside("empty");
    std::fs::create_dir(&empty).unwrap();
    refused(&installation, &["--from", &empty.display().to_string()], 1, "no backup");
    let told: Value = ran(&installation, &["restore", "--all", "--from", &from], 0);
    assert_eq!(told["restored"], 1, "{told}");
}
