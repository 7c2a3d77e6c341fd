//! `tenantry doctor`: what it finds, that it says what to do, and that the tenants it makes leave nothing behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use crate::harness::{DAY, Installation, Person};

fn findings<'d>(diagnosis: &'d Value, check: &str) -> Vec<&'d Value> {
    diagnosis["findings"].as_array().unwrap().iter().filter(|finding| finding["check"] == check).collect()
}

#[track_caller]
fn has(diagnosis: &Value, check: &str, level: &str, text: &str) {
    let found = findings(diagnosis, check);
    let is_it = |finding: &&Value| {
        finding["level"] == level
            && finding["about"].as_str().unwrap().contains(text)
            && (level == "good" || !finding["advice"].as_str().unwrap().is_empty())
    };
    assert!(found.iter().any(is_it), "no {level} of {check} with {text:?}: {diagnosis:#}");
}

fn ask(operator: &Person) -> Value {
    operator.client.get("/api/v1/operator/doctor").expect(200).json
}

fn run(installation: &Installation) -> Value {
    let ran = installation.run(&["doctor", "--json"]);
    let diagnosis: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:#?}"));
    let is_ok = diagnosis["ok"].as_bool().unwrap();
    assert_eq!(ran.code, Some(i32::from(!is_ok)), "{diagnosis:#}");
    diagnosis
}

/// Files below a directory that hold a text.
fn holding(directory: &Path, text: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if path.display().to_string().contains(std::str::from_utf8(text).unwrap())
            || std::fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[test]
fn two_tenants_try_every_door_and_leave_no_trace() {
    let server = Installation::new().serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    ann.client.get("/api/v1/operator/doctor").expect(403);
    server.nobody().get("/api/v1/operator/doctor").expect(401);
    let installation = std::sync::Arc::clone(server.installation());
    let before = installation.tenant_directories();
    let diagnosis = ask(&operator);
    has(&diagnosis, "isolation", "good", "could not reach each other");
    let about = findings(&diagnosis, "isolation")[0]["about"].as_str().unwrap();
    let doors: usize = about.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    assert!(doors > 1_000, "{about}");
    // Through the socket of the running server it is the same.
    has(&run(&installation), "isolation", "good", "could not reach each other");
    assert_eq!(installation.tenant_directories(), before);
    let fleet = operator.client.get("/api/v1/operator/tenants?q=canary").expect(200);
    assert_eq!(fleet.json["items"], serde_json::json!([]));
    let audit = installation.run(&["verify", "audit", "--json"]).expect_code(0);
    assert!(!audit.stdout.contains("canary"));
    server.stop();
    assert_eq!(holding(&installation.data(), b"canary-"), Vec::<String>::new());
    assert_eq!(holding(&installation.data(), b"Canary "), Vec::<String>::new());
    // And without a server.
    has(&run(&installation), "isolation", "good", "could not reach each other");
}

#[test]
fn what_is_wrong_with_a_directory_is_named_with_what_to_do() {
    let installation = Installation::new();
    let server = installation.serve();
    let (_, acme) = server.sign_up_with_tenant("ann", "acme");
    let (_, bolt) = server.sign_up_with_tenant("bob", "bolt");
    server.stop();
    let sound = run(&installation);
    for check in ["files", "orphans", "catalog", "clock", "quarantine", "leases", "keys"] {
        assert!(findings(&sound, check).iter().all(|finding| finding["level"] == "good"), "{sound:#}");
    }
    has(&sound, "mail", "note", "No mail server");
    has(&sound, "backups", "note", "No backup");
    let key = installation.data().join("keys/refresh.key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    let stray = installation.data().join("tenants/00/01890000-0000-7000-8000-000000000000");
    std::fs::create_dir_all(&stray).unwrap();
    let exports = installation.data().join("exports").join(&acme.id);
    std::fs::create_dir_all(&exports).unwrap();
    std::fs::write(exports.join("01890000-0000-7000-8000-000000000001.zip"), b"x").unwrap();
    std::fs::remove_file(installation.tenant_file(&bolt.id)).unwrap();
    let diagnosis = run(&installation);
    assert_eq!((&diagnosis["ok"], &diagnosis["level"]), (&false.into(), &"fault".into()));
    has(&diagnosis, "files", "fault", "refresh.key");
    has(&diagnosis, "orphans", "fault", "01890000-0000-7000-8000-000000000000");
    has(&diagnosis, "orphans", "fault", "1 tenant without a file: bolt");
    has(&diagnosis, "orphans", "warning", "01890000-0000-7000-8000-000000000001.zip");
    let words = installation.run(&["doctor"]).expect_code(1);
    assert!(words.stdout.contains("FAULT") && words.stdout.contains("-> chmod go-rwx"), "{}", words.stdout);
}

#[test]
fn settings_and_clocks_that_do_not_go_together_are_told() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    let settings = "public_url = \"https://app.example.com\"\nbackup_hours = 0";
    std::fs::write(installation.data().join("tenantry.toml"), settings).unwrap();
    let server = installation.serve();
    let operator = server.add_operator();
    let diagnosis = ask(&operator);
    has(&diagnosis, "proxy", "warning", "trusted_proxies");
    has(&diagnosis, "mail", "warning", "No mail server");
    has(&diagnosis, "backups", "warning", "backup_hours is 0");
    installation.advance_clock(-DAY);
    has(&run(&installation), "clock", "warning", "set back");
    installation.advance_clock(DAY);
    server.stop();
}
