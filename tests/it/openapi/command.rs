//! `tenantry openapi`: without a server, and without data.

use serde_json::Value;

use super::{assert_served, assert_sound};
use crate::harness::Installation;

fn app(name: &str) -> String {
    format!("{}/tests/apps/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_command_writes_the_document_of_an_app() {
    let installation = Installation::new();
    for name in ["shop", "tickets", "meters", "agency"] {
        let ran = installation.run(&["openapi", "--app", &app(name)]).expect_code(0);
        let document: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_sound(&document);
        assert_eq!(document["servers"][0]["url"], "/api/v1/tenants/{tenant}");
        assert_served(&document, "/api/v1/tenants/{tenant}");
    }
    let out = installation.beside("starter.json").display().to_string();
    let ran = installation.run(&["openapi", "--out", &out, "--json"]).expect_code(0);
    assert_eq!(serde_json::from_str::<Value>(&ran.stdout).unwrap()["out"], out);
    let document: Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert!(document["components"]["schemas"]["Customer"].is_object());
    assert!(!installation.data().exists(), "nothing is made of an installation");
    installation.run(&["openapi", "--app", "/nowhere"]).expect_code(1);
    installation.run(&["openapi", "--out", "/nowhere/x.json"]).expect_code(1);
    installation.run(&["openapi", "--python"]).expect_code(2);
}

#[test]
fn the_command_writes_typescript() {
    let installation = Installation::new();
    let ran = installation.run(&["openapi", "--typescript", "--app", &app("agency")]).expect_code(0);
    for part in [
        "export interface Job {\n  /** TEXT, made up where it is not given */\n  id: string;\n  /** INTEGER, has a default */\n  \
         readonly number: number | string;\n",
        "export interface SalaryCreate {\n  /** TEXT, made up where it is not given */\n  id?: string | null;\n  /** TEXT */\n  \
         person: string;\n  /** INTEGER */\n  cents: number | string;\n  /** TEXT */\n  client_id?: string | null;\n}\n",
        "export interface NotePatch {\n  /** TEXT */\n  body?: string;\n}\n",
        "  percent: number | \"Infinity\" | \"-Infinity\";\n",
        "  job_list: { record: JobList; create: never; patch: never; key: never };\n",
        "  jobs: { record: Job; create: JobCreate; patch: JobPatch; key: string };\n",
        // Of the owner, as app.toml says.
        "  rates: { record: Rate; create: never; patch: never; key: number | string };\n",
    ] {
        assert!(ran.stdout.contains(part), "no\n{part}\nin\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("margin"), "{}", ran.stdout);
    let ran = installation.run(&["openapi", "--typescript", "--app", &app("tickets")]).expect_code(0);
    for part in [
        "  order: { record: Order; create: OrderCreate; patch: OrderPatch; key: [number | string, number | string] };\n",
        "  \"größe\"?: number | string;\n",
        "  \"say \\\"please\\\"\": string | null;\n",
        "  default: boolean;\n",
        "  \"Überstunden\": { record: U00dcberstunden;",
    ] {
        assert!(ran.stdout.contains(part), "no\n{part}\nin\n{}", ran.stdout);
    }
    let exported = ran.stdout.lines().filter(|line| line.starts_with("export "));
    let mut names: Vec<&str> = exported.map(|line| line.split(' ').nth(2).unwrap()).collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all);
}
