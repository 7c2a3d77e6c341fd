//! What operators do: check, make anew, export.

use serde_json::json;

use super::{app_of_tests, event, installation, send, used};
use crate::export::{entries, export};

#[test]
fn sums_are_checked_and_made_anew_beside_the_server_and_without_it() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, json!([event("tokens", 5, "a"), event("calls", 1, "b")])).expect(200);
    assert!(
        installation.run(&["verify", "usage", "--tenant", "acme"]).expect_code(0).stdout.contains("2 events")
    );
    server.stop();
    let file = rusqlite::Connection::open(installation.tenant_file(&acme.id)).unwrap();
    file.execute("UPDATE _usage_sums SET quantity = 50", []).unwrap();
    drop(file);
    let broken = installation.run(&["verify", "usage", "--app", app_of_tests()]).expect_code(1);
    assert!(broken.stdout.contains("acme"), "{}", broken.stdout);
    installation.run(&["usage", "rebuild", "--tenant", "nobody", "--app", app_of_tests()]).expect_code(1);
    let server = installation.serve();
    installation.run(&["usage", "rebuild"]).expect_code(0);
    let ann = ann.sign_in_again_at(&server);
    assert_eq!(used(&ann.client, &acme, "tokens"), "5");
    installation.run(&["verify", "usage", "--json"]).expect_code(0);
    server.stop();
}

#[test]
fn an_export_holds_every_event() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    send(&ann.client, &acme, json!([event("tokens", 5, "a"), event("gigabytes", "0.5", "b")])).expect(200);
    let files = entries(&export(&ann.client, &acme).1.bytes);
    let text = String::from_utf8(files["usage_events.ndjson"].clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["quantity"], &lines[1]["key"]), (2, &json!(500), &json!("b")));
    server.stop();
}
