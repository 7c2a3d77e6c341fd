//! `tenantry plan apply FILE`, and what an app's plans do at the first start and later.

use serde_json::{Value, json};

use super::{app_toml, entitlements, installation, subscription, written};
use crate::harness::Installation;

fn json_of(text: &str) -> Value {
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("no JSON: {text}"));
    serde_json::from_str(line).unwrap()
}

#[test]
fn the_plans_of_an_app_count_from_the_first_start_and_new_tenants_begin_on_its_default_plan() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    assert_eq!(ann.client.get(&acme.path("")).expect(200).string("/plan"), "free");
    let offered = ann.client.get("/api/v1/plans").expect(200);
    let keys: Vec<&str> =
        offered.json["items"].as_array().unwrap().iter().map(|plan| plan["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["default", "free", "pro"]);
    let pro = &offered.json["items"][2];
    assert_eq!((&pro["version"], &pro["fee_cents"]), (&json!(1), &json!("4900")));
    assert!(pro.get("stripe_price").is_none(), "{pro}");
    server.nobody().get("/api/v1/plans").expect(401);
    server.stop();
    assert!(!installation.log().contains("differ from the published ones"), "{}", installation.log());
    let (_, body) = entitlements(&installation, &acme);
    assert_eq!(
        (&body["plan"], &body["version"], &body["terms"]["seats"]),
        (&json!("free"), &json!(1), &json!(3))
    );
    assert_eq!(body["terms"]["limits"]["ai_tokens"], json!({"hard": "100000", "window": "month"}));
}

#[test]
fn a_file_is_shown_field_by_field_and_published_only_when_asked_to() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let dearer = app_toml().replace("\"4900\"", "\"5900\"").replace("title = \"Pro\"", "title = \"Pro 2\"");
    let file = written(&installation, "dearer.toml", &dearer);
    let shown = installation.run(&["plan", "apply", &file, "--dry-run"]).expect_code(0);
    for line in [
        "pro: version 1 -> 2",
        "  ~ title: Pro -> Pro 2",
        "  ~ fee_cents: 4900 -> 5900",
        "as they were: free",
    ] {
        assert!(shown.stdout.lines().any(|one| one == line), "no {line:?} in {}", shown.stdout);
    }
    // Nobody is there to ask.
    let refused = installation.run(&["plan", "apply", &file]).expect_code(2);
    assert!(refused.stderr.contains("--yes"), "{}", refused.stderr);
    let version = || ann.client.get("/api/v1/plans").expect(200).json["items"][2]["version"].clone();
    assert_eq!(version(), 1);
    let done = installation.run(&["plan", "apply", &file, "--yes", "--json"]).expect_code(0);
    let done = json_of(&done.stdout);
    assert_eq!((&done["published"], &done["plans"][0]["version"]), (&json!(true), &json!(2)));
    assert_eq!(version(), 2);
    // Once more is no change.
    let again = installation.run(&["plan", "apply", &file, "--yes"]).expect_code(0);
    assert!(again.stdout.starts_with("Nothing to publish"), "{}", again.stdout);
    assert_eq!(version(), 2);
    // Who is on a plan stays on the version they agreed to.
    assert_eq!(subscription(&ann.client, &acme).json["version"], 1);
    server.stop();
    let old = written(&installation, "old.toml", &app_toml());
    installation.run(&["plan", "apply", &old, "--yes"]).expect_code(0);
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(ann.client.get("/api/v1/plans").expect(200).json["items"][2]["version"], 3);
    server.stop();
}

#[test]
fn a_plans_file_of_toml_or_json_adds_plans_and_leaves_the_others() {
    let installation = installation();
    let toml =
        "[plans.team]\ntitle = \"Team\"\nfee_cents = 1900\n[plans.team.limits]\nai_tokens = { hard = 5 }\n";
    let file = written(&installation, "team.toml", toml);
    // Without a server and without --app nobody knows of the app's meters.
    let refused = installation.run(&["plan", "apply", &file, "--dry-run"]).expect_code(1);
    assert!(refused.stderr.contains("plans.team.limits.ai_tokens"), "{}", refused.stderr);
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let shown = installation.run(&["plan", "apply", &file, "--yes"]).expect_code(0);
    assert!(shown.stdout.contains("team: new"), "{}", shown.stdout);
    assert!(shown.stdout.contains("not in this file, and left as they are: free, pro"), "{}", shown.stdout);
    let json = json!({"plans": {"solo": {"title": "Solo", "offered": false}}}).to_string();
    let file = written(&installation, "solo.json", &json);
    installation.run(&["plan", "apply", &file, "--yes"]).expect_code(0);
    let offered = ann.client.get("/api/v1/plans").expect(200);
    assert!(
        offered.text().contains("\"team\"") && !offered.text().contains("\"solo\""),
        "{}",
        offered.text()
    );
    server.stop();
}

#[test]
fn everything_that_is_wrong_with_a_file_is_named_and_nothing_of_it_is_published() {
    let installation = installation();
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    let text = "[plans.good]\ntitle = \"Good\"\n[plans.bad]\ntitle = \"Bad\"\nfee = 5\ncurrency = \"DM\"\n\
                [[plans.bad.prices]]\nmeter = \"pages\"\nmodel = \"flat\"\namount_cents = 0.5\n";
    let file = written(&installation, "bad.toml", text);
    let refused = installation.run(&["plan", "apply", &file, "--yes"]).expect_code(1);
    for named in [
        "plans.bad.fee",
        "plans.bad.currency",
        "plans.bad.prices[0].meter",
        "plans.bad.prices[0].amount_cents",
    ] {
        assert!(refused.stderr.contains(named), "{named} is not in {}", refused.stderr);
    }
    let offered = ann.client.get("/api/v1/plans").expect(200);
    assert!(!offered.text().contains("Good"), "{}", offered.text());
    let broken = written(&installation, "broken.toml", "[plans.pro\n");
    let refused = installation.run(&["plan", "apply", &broken]).expect_code(1);
    assert!(refused.stderr.contains("line 1"), "{}", refused.stderr);
    installation.run(&["plan", "apply", "/nowhere.toml"]).expect_code(1);
    installation.run(&["plan", "apply", &file, "--yes", "--dry-run"]).expect_code(2);
    installation.run(&["plan", "apply"]).expect_code(2);
    server.stop();
}

fn app_with(text: &str) -> std::sync::Arc<Installation> {
    let installation = Installation::with_migrations(&[(
        "0001_things.sql",
        "CREATE TABLE things (id TEXT PRIMARY KEY, name TEXT) STRICT;",
    )]);
    write_app(&installation, text);
    installation
}

fn write_app(installation: &Installation, text: &str) {
    std::fs::write(installation.migrations().parent().unwrap().join("app.toml"), text).unwrap();
}

#[test]
fn plans_that_change_in_the_app_are_told_at_the_start_with_the_command_that_publishes_them() {
    let text = "default_plan = \"free\"\n[plans.free]\ntitle = \"Free\"\n";
    let installation = app_with(text);
    let server = installation.serve();
    let (ann, _) = server.sign_up_with_tenant("ann", "acme");
    server.stop();
    assert!(!installation.log().contains("tenantry plan apply"), "{}", installation.log());
    write_app(&installation, &text.replace("\"Free\"", "\"Gratis\""));
    let server = installation.serve();
    let log = installation.log();
    let told = log.lines().find(|line| line.contains("differ from the published ones"));
    assert!(told.is_some_and(|line| line.contains("app.toml") && line.contains("plan apply")), "{log}");
    let ann = ann.sign_in_again_at(&server);
    assert!(ann.client.get("/api/v1/plans").expect(200).text().contains("\"Free\""));
    server.stop();
}

#[test]
fn no_tenant_begins_on_a_plan_that_was_never_published() {
    let text = "default_plan = \"free\"\n[plans.free]\ntitle = \"Free\"\n";
    let installation = app_with(text);
    installation.serve().stop();
    let gold = format!("{}[plans.gold]\ntitle = \"Gold\"\n", text.replace("= \"free\"", "= \"gold\""));
    write_app(&installation, &gold);
    let server = installation.serve();
    let ann = server.sign_up("ann");
    let make = |slug: &str| ann.client.post("/api/v1/tenants", json!({"name": "Acme", "slug": slug}));
    make("acme").expect_code(503, "plan_missing");
    assert!(installation.log().contains("was never published"), "{}", installation.log());
    let app = installation.migrations().parent().unwrap().join("app.toml");
    installation.run(&["plan", "apply", app.to_str().unwrap(), "--yes"]).expect_code(0);
    assert_eq!(make("acme").expect(201).string("/plan"), "gold");
    server.stop();
}

#[test]
fn an_app_whose_plans_are_wrong_does_not_start() {
    for (text, named) in [
        ("[plans.free]\ntitle = \"Free\"\nseat = 3\n", "plans.free.seat"),
        ("default_plan = \"gold\"\n[plans.free]\ntitle = \"Free\"\n", "[plans.gold]"),
        ("[plans.\"not a key\"]\ntitle = \"Free\"\n", "plans.not a key"),
    ] {
        let installation = app_with(text);
        let refused = installation.serve_refused();
        assert!(refused.stderr.contains(named), "{named} is not in {}", refused.stderr);
        assert!(!installation.data().exists(), "a typo made a data directory");
    }
}
