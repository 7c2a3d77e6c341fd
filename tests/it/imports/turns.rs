//! Whose import comes first, and how much room a new tenant has for one.

use serde_json::json;

use super::{bring, exported, import, worked_off, zip_of};
use crate::harness::{Call, Client, Installation, eventually};

#[test]
fn the_first_of_everybody_goes_before_the_second_of_anybody() {
    let installation = Installation::new();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let ben = server.sign_up("ben");
    let zip = zip_of(&exported(&ann.client, &acme));
    let anns: Vec<String> = (0..3).map(|_| looked_at(&ann.client, &zip)).collect();
    let bens = looked_at(&ben.client, &zip);
    server.stop();
    // As if all had come before one was looked at.
    let catalog = rusqlite::Connection::open(installation.data().join("catalog.db")).unwrap();
    let queued = "UPDATE imports SET status = 'queued', preview = NULL, expires_at = NULL";
    assert_eq!(catalog.execute(queued, []).unwrap(), 4);
    let server = installation.serve();
    let order = eventually("all are looked at", || {
        let sql = "SELECT id FROM imports WHERE status = 'previewed' ORDER BY expires_at";
        let mut statement = catalog.prepare(sql).unwrap();
        let ids = statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<Vec<String>, _>>();
        Some(ids.unwrap()).filter(|ids| ids.len() == 4)
    });
    assert_eq!(order, [anns[0].clone(), bens, anns[1].clone(), anns[2].clone()]);
    server.stop();
}

/// The id of an import that was looked at.
fn looked_at(client: &Client, zip: &[u8]) -> String {
    let asked = client.send(&bring(&[("preview", "true")], zip)).expect(202);
    assert_eq!(worked_off(client, &asked)["status"], "previewed");
    asked.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
}

#[test]
fn nobody_brings_more_than_the_plan_of_a_new_tenant_has_room_for() {
    let installation = Installation::with_migrations(&[(
        "0001_notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, body TEXT);",
    )]);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let little = zip_of(&exported(&ann.client, &acme));
    let put =
        Call::new("PUT", acme.path("/files/a.bin")).bytes("application/octet-stream", vec![7_u8; 900_000]);
    ann.client.send(&put).expect(201);
    let zip = zip_of(&exported(&ann.client, &acme));
    server.stop();
    let app = installation.migrations().parent().unwrap().join("app.toml");
    let text = std::fs::read_to_string(&app).unwrap_or_default();
    let plan =
        "[plans.small]\ntitle = \"Small\"\n[plans.small.limits]\n\"storage.bytes\" = { hard = 900000 }";
    std::fs::write(&app, format!("default_plan = \"small\"\n{text}\n{plan}\n")).unwrap();
    let server = installation.serve();
    let ann = ann.sign_in_again_at(&server);
    let refused = import(&ann.client, &[("slug", "more")], &zip);
    assert_eq!(refused["status"], "failed", "{refused:#}");
    assert!(refused["error"].as_str().unwrap().contains("has room for 900000"), "{refused:#}");
    let looked = import(&ann.client, &[("preview", "true"), ("slug", "more")], &zip);
    assert_eq!(looked["preview"]["can_be_applied"], json!(false), "{looked:#}");
    // An operator may: who decides about plans gives them another.
    let operator = server.add_operator();
    assert_eq!(import(&operator.client, &[("slug", "more")], &zip)["status"], "ready");
    assert_eq!(import(&ann.client, &[("slug", "less")], &little)["status"], "ready");
    server.stop();
}
