//! A run of migrations is cancelled while tenants are migrated.

use serde_json::{Value, json};

use super::{add, behind, migrate, names};
use crate::harness::eventually;

#[test]
fn what_is_migrated_as_its_run_is_cancelled_is_finished_and_known_to_be() {
    let (fleet, server, tenants) = behind(4);
    let operator = server.add_operator().client;
    let [(slug, first), (_, second), ..] = &tenants[..] else { panic!("{tenants:?}") };
    // The second one fails in the middle: somebody planted what the migration wants to make.
    let (good, bad) =
        (fleet.installation.hold("migration", first), fleet.installation.hold("migration", second));
    let run = migrate(&operator, 2);
    good.reached();
    bad.reached();
    let planted = rusqlite::Connection::open(fleet.installation.tenant_file(second)).unwrap();
    planted.execute_batch("ALTER TABLE customers ADD COLUMN city TEXT;").unwrap();
    drop(planted);
    let cancelled = operator.post(&format!("{run}/cancel"), json!({})).expect(200).json;
    assert_eq!(cancelled["status"], "cancelled");
    good.release();
    bad.release();
    let counted = |of: &Value| [of["migrated"].clone(), of["failed"].clone()];
    eventually("both to be counted", || {
        (counted(&operator.get(&run).expect(200).json) == [json!(1), json!(1)]).then_some(())
    });
    let status = fleet.migrate(&["status"], 0);
    let counts = ["current", "pending", "failed"].map(|name| status[name].clone());
    assert_eq!(counts, [json!(1), json!(2), json!(1)], "{status}");
    assert!(status["failures"][0]["error"].as_str().unwrap().contains("duplicate column"), "{status}");
    let client = fleet.client(&server);
    assert_eq!(
        (names(&client, slug), &add(&client, slug, "x")["city"]),
        (vec!["before".into()], &json!("Paris"))
    );
    server.stop();
}
