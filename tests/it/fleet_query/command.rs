//! `tenantry query`.

use std::process::Stdio;

use serde_json::{Value, json};

use super::House;
use super::budget::SLOW;
use crate::harness::eventually;
use crate::sql::audit::workers_of;

const COUNT: &str = "SELECT count(*) AS n FROM labels WHERE id > 3";

#[test]
fn the_command_asks_with_a_server_and_without_one() {
    let house = House::new();
    let installation = std::sync::Arc::clone(house.server.installation());
    let run = |arguments: &[&str]| {
        let mut command =
            installation.with_app(installation.command(&[&["query", COUNT][..], arguments].concat()));
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let first = house.tenants[0].1.id.clone();
    let works = || {
        let (code, out, beside) = run(&["--all"]);
        assert_eq!(code, Some(0), "{beside}");
        assert_eq!(out, "TENANT  N\nacme    1\nbolt    2\ncora    3\n");
        assert!(beside.contains("3 rows of 3 of 3 tenants"), "{beside}");
        let (_, csv, _) = run(&["--tenant", "cora", "--tenant", "acme", "--csv"]);
        assert_eq!(csv, "tenant,n\ncora,3\nacme,1\n");
        let (code, out, _) = run(&["--plan", "default", "--json", "--limit", "2"]);
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((code, &answer["rows"]), (Some(1), &json!([["acme", 1], ["bolt", 2]])));
        let (code, _, beside) = run(&["--all", "--tenants", "1"]);
        let go_on = format!("go on with: --after {first}");
        assert!(code == Some(1) && beside.contains(&go_on) && beside.contains("skipped: 2"), "{beside}");
    };
    works();
    assert_eq!(house.logged(0)[0].0["actor"], "operator:console");
    let (code, _, beside) = run(&["--tenant", "nobody"]);
    assert!(code == Some(1) && beside.contains("nobody: There is no such tenant."), "{beside}");
    for wrong in
        [&[][..], &["--all", "--tenant", "acme"], &["--all", "--plan", "x"], &["--all", "--json", "--csv"]]
    {
        assert_eq!(run(wrong).0, Some(2), "{wrong:?}");
    }
    let refused = installation.run(&["query", "DELETE FROM labels", "--all"]).expect_code(1);
    assert!(refused.stderr.contains("Only statements that read"), "{}", refused.stderr);
    house.server.stop();
    works();
}

#[test]
fn a_command_that_is_given_up_ends_its_query() {
    let house = House::new();
    house.slow_down(0);
    let mut command = house.server.installation().command(&["query", SLOW, "--all", "--seconds", "600"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the statement", || (workers_of(&house.server) == 1).then_some(()));
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("the entry", || {
        house.logged(0).iter().any(|(_, of)| of["outcome"] == "abandoned").then_some(())
    });
    house.ask(json!({"sql": "SELECT 1", "tenants": ["bolt"]})).expect(200);
    house.server.stop();
}
