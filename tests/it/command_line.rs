//! Commands: exit codes, settings, and one server per directory.

use serde_json::{Value, json};

use crate::harness::Installation;

#[test]
fn wrong_use_is_exit_code_two_and_names_what_is_wrong() {
    let installation = Installation::new();
    let cases: [&[&str]; 5] = [
        &["servee"],
        &["serve", "--lisen", "127.0.0.1:0"],
        &["serve", "--listen", "nowhere"],
        &["tenant"],
        &["tenant", "suspend"],
    ];
    for arguments in cases {
        let ran = installation.run(arguments).expect_code(2);
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("panicked"), "{arguments:?}: {ran:?}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    let installation = Installation::new();
    for arguments in [&["--help"][..], &["serve", "--help"], &["tenant", "--help"], &["version"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tenantry"));
        let output = command.current_dir(installation.beside("")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(!installation.data().exists(), "asking for help made a directory");
}

#[test]
fn two_servers_never_share_a_directory() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let refused = installation.serve_refused().expect_code(1);
    assert!(!refused.stderr.contains("panicked"), "{}", refused.stderr);
    ann.client.post(&acme.path("/records/customers"), json!({"name": "x"})).expect(201);
    server.kill();
    // A lock that outlives its holder would be worse than none.
    installation.serve().stop();
}

#[test]
fn a_server_that_is_asked_to_end_at_once_ends_in_order() {
    let installation = Installation::new();
    for _ in 0..10 {
        installation.serve().stop();
    }
}

#[test]
fn an_unknown_setting_is_an_error_that_names_it() {
    let installation = Installation::new();
    std::fs::create_dir_all(installation.data()).unwrap();
    std::fs::write(installation.data().join("tenantry.toml"), "listne = \"127.0.0.1:1\"\n").unwrap();
    let refused = installation.serve_refused();
    assert!(matches!(refused.code, Some(1 | 2)), "{refused:?}");
    assert!(refused.stderr.contains("listne"), "{}", refused.stderr);
    std::fs::remove_file(installation.data().join("tenantry.toml")).unwrap();
    let mut command = installation.command(&["config", "check"]);
    let output = command.env("TENANTRY_LISTNE", "127.0.0.1:1").output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("TENANTRY_LISTNE"), "{output:?}");
}

#[test]
fn an_unknown_key_in_the_app_is_an_error_that_names_it() {
    let migration = ("0001_first.sql", "CREATE TABLE customers (id TEXT PRIMARY KEY) STRICT;");
    let installation = Installation::with_migrations(&[migration]);
    let app = installation.migrations().join("../app.toml");
    std::fs::write(&app, "name = \"Shop\"\n[roles.clerk]\npermission = [\"records:read\"]\n").unwrap();
    let refused = installation.serve_refused();
    assert!(refused.stderr.contains("permission"), "{}", refused.stderr);
    std::fs::write(&app, "name = \"Shop\"\n[roles.clerk]\npermissions = [\"records:reed\"]\n").unwrap();
    let refused = installation.serve_refused();
    assert!(refused.stderr.contains("records:reed"), "{}", refused.stderr);
}

#[test]
fn commands_work_the_same_with_and_without_a_server() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let slugs = || {
        let ran = installation.run(&["tenant", "list", "--json"]).expect_code(0);
        let lines = ran.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let found: Vec<Value> = lines.collect();
        let text = serde_json::to_string(&found).unwrap();
        ["acme", "beside", "alone"].map(|slug| text.contains(&format!("\"{slug}\"")))
    };
    assert_eq!(slugs(), [true, false, false]);
    installation.run(&["tenant", "create", "beside", "--owner", &ann.email]).expect_code(0);
    ann.client.get("/api/v1/tenants/beside").expect(200);
    assert_eq!(slugs(), [true, true, false]);
    installation.run(&["tenant", "create", "acme", "--owner", &ann.email]).expect_code(1);
    installation.run(&["tenant", "create", "x/y", "--owner", &ann.email]).expect_code(1);
    server.stop();
    installation.run(&["tenant", "create", "alone", "--owner", &ann.email]).expect_code(0);
    assert_eq!(slugs(), [true, true, true]);
    let server = installation.serve();
    server.nobody().bearer(&ann.access_token).get("/api/v1/tenants/alone/records/customers").expect(200);
    server.stop();
}

#[test]
fn the_first_operator_is_made_on_the_console_and_not_by_whoever_comes_first() {
    let installation = Installation::new();
    let server = installation.serve();
    assert!(server.first_line()["setup_url"].is_string(), "{}", server.first_line());
    let ann = server.sign_up("ann");
    assert_eq!(ann.client.get("/api/v1/me").expect(200).json["operator"], false);
    let operator = server.add_operator();
    assert_eq!(operator.client.get("/api/v1/me").expect(200).json["operator"], true);
    operator.client.get("/api/v1/operator/tenants").expect(200);
    let server = server.restart();
    assert!(server.first_line()["setup_url"].is_null(), "{}", server.first_line());
    server.stop();
}
