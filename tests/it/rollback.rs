//! One tenant put back to the copy from before a migration: its records go back, its ledger does not.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::audited_routes::AUDITED_WITH_A_ROLLBACK;
use crate::fleet::Fleet;
use crate::harness::{Client, DAY};

const ORDERS: (&str, &str) = (
    "0001_orders.sql",
    "CREATE TABLE orders (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL) STRICT;",
);
const CITY: (&str, &str) = (
    "0002_city.sql",
    "ALTER TABLE orders ADD COLUMN city TEXT NOT NULL DEFAULT 'Paris';
     CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, text TEXT NOT NULL) STRICT;",
);
const METERED: &str = "[meters.tokens]\n";
const ROLLBACK: &str = "/api/v1/operator/migrations/rollback";

fn path(slug: &str, rest: &str) -> String {
    format!("/api/v1/tenants/{slug}/{rest}")
}

fn order(client: &Client, slug: &str, name: &str) -> Value {
    client.post(&path(slug, "records/orders"), json!({ "name": name })).expect(201).json
}

fn names(client: &Client, slug: &str) -> Vec<String> {
    let list = client.get(&path(slug, "records/orders?order=id")).expect(200).json;
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

fn used(client: &Client, slug: &str, key: &str) -> Value {
    let event = json!({ "meter": "tokens", "quantity": 5, "idempotency_key": key });
    client.post(&path(slug, "usage-events"), event).expect_one_of(&[200, 201]).json
}

#[test]
fn a_tenant_is_put_back_with_its_ledger_and_held_until_it_is_released() {
    let (fleet, server) = Fleet::with(ORDERS, METERED, 2);
    order(&fleet.client(&server), "t-1", "first");
    let server = fleet.deploy(server, CITY);
    let operator = server.add_operator().client;
    let there_is_none = operator.post(ROLLBACK, json!({ "tenant": "t-1" })).expect_code(409, "no_snapshot");
    assert!(there_is_none.text().contains("There is none at all"), "{}", there_is_none.text());
    fleet.migrate(&["run", "--yes"], 0);
    let client = fleet.client(&server);
    let cursor = client.get(&path("t-1", "changes?since=latest")).expect(200).json["last_seq"].clone();
    assert_eq!(used(&client, "t-1", "a")["status"], "accepted");
    // Nothing was written to records: nothing is lost.
    let done = fleet.migrate(&["rollback", "--tenant", "t-1"], 0);
    assert_eq!(
        (&done["app"], &done["discarded_writes"], &done["state"]),
        (&json!(1), &json!(0), &json!("held"))
    );
    assert_eq!(names(&client, "t-1"), ["first"]);
    client.post(&path("t-1", "records/orders"), json!({ "name": "x", "city": "Rome" })).expect(422);
    assert_eq!(used(&client, "t-1", "a")["status"], "duplicate");
    client.get(&path("t-1", &format!("changes?since={cursor}"))).expect_code(410, "changes_gone");
    // Neither a run nor a start takes it from there.
    assert_eq!(fleet.migrate(&["run", "--yes"], 0)["nothing_to_do"], true);
    let server = server.restart();
    let client = fleet.client(&server);
    assert_eq!(order(&client, "t-1", "held").get("city"), None);
    assert_eq!(order(&client, "t-2", "other")["city"], "Paris");
    let operator = operator_of(&server);
    let versions = |query: &str| {
        let listed = operator.get(&format!("/api/v1/operator/migrations/tenants?{query}")).expect(200).json;
        let all = listed["items"].as_array().unwrap().clone();
        all.iter().map(|one| format!("{} {}", one["slug"], one["state"])).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(versions("state=held"), "\"t-1\" \"held\"");
    assert_eq!(versions("tenant=t-1"), "\"t-1\" \"held\"", "of one alone, whatever its state");
    assert_eq!(versions("tenant=t-2"), "\"t-2\" \"known\"");
    assert_eq!(versions("tenant=t-1&state=failed"), "");
    operator.get("/api/v1/operator/migrations/tenants?tenant=nobody").expect(404);
    let run = fleet.migrate(&["run", "--yes", "--release"], 0);
    assert_eq!((&run["migrated"], &run["failed"]), (&json!(1), &json!(0)), "{run}");
    assert_eq!(order(&client, "t-1", "released")["city"], "Paris");
    for command in [["verify", "usage"], ["verify", "billing"]] {
        fleet.installation.run(&command).expect_code(0);
    }
    server.stop();
}

fn operator_of(server: &crate::harness::Server) -> Client {
    let password = "operator-otter-juggles-nine-lanterns";
    let nobody = server.nobody();
    let body = json!({ "email": "operator@example.com", "password": password });
    let token = nobody.post("/api/v1/auth/sign-in", body).expect(200).string("/access_token");
    nobody.bearer(&token)
}

#[test]
fn records_written_since_are_lost_only_by_who_says_so_and_can_be_had_back() {
    let (fleet, server) = Fleet::with(ORDERS, METERED, 1);
    order(&fleet.client(&server), "t-1", "first");
    let server = fleet.deploy(server, CITY);
    let operator = server.add_operator().client;
    fleet.migrate(&["run", "--yes"], 0);
    let client = fleet.client(&server);
    order(&client, "t-1", "second");
    order(&client, "t-1", "third");
    client.post(&path("t-1", "records/notes"), json!({ "text": "note" })).expect(201);
    let refused = operator.post(ROLLBACK, json!({ "tenant": "t-1" })).expect_code(409, "later_writes");
    assert_eq!(refused.json["later_writes"], 3, "{}", refused.text());
    assert!(refused.text().contains("3 changes of records"), "{}", refused.text());
    assert_eq!(names(&client, "t-1"), ["first", "second", "third"]);
    let other = json!({ "tenant": "t-1", "to": 7, "discard_writes": true });
    let refused = operator.post(ROLLBACK, other).expect_code(409, "no_snapshot");
    assert!(refused.text().contains("version 1 of 20"), "{}", refused.text());
    operator.post(ROLLBACK, json!({ "tenant": "t-1", "to": -1 })).expect(422);
    operator.post(ROLLBACK, json!({ "tenant": "nobody" })).expect(404);
    client.post(ROLLBACK, json!({ "tenant": "t-1" })).expect(403);
    let body = json!({ "tenant": "t-1", "discard_writes": true });
    let done = operator.post(ROLLBACK, body).expect(200).json;
    assert_eq!((&done["discarded_writes"], &done["app"]), (&json!(3), &json!(1)));
    assert_eq!(names(&client, "t-1"), ["first"]);
    client.get(&path("t-1", "records/notes")).expect(404);
    // No number that was given is given again, also where the table comes back.
    assert_eq!(order(&client, "t-1", "later")["id"], 4);
    let body = json!({ "tenant": "t-1", "to": 2 });
    operator.post(ROLLBACK, body).expect_code(409, "later_writes");
    let body = json!({ "tenant": "t-1", "to": 2, "discard_writes": true });
    operator.post(ROLLBACK, body).expect(200);
    assert_eq!(names(&client, "t-1"), ["first", "second", "third"]);
    assert_eq!(order(&client, "t-1", "last")["id"], 5);
    let (_, action) = AUDITED_WITH_A_ROLLBACK[0];
    let log = client.get(&path("t-1", "audit?limit=100")).expect(200).text();
    assert_eq!(log.matches(action).count(), 2, "{log}");
    // A week later there is nothing to go back to.
    server.stop();
    fleet.installation.advance_clock(8 * DAY);
    let server = fleet.installation.serve();
    let body = json!({ "tenant": "t-1", "to": 1, "discard_writes": true });
    operator_of(&server).post(ROLLBACK, body).expect_code(409, "no_snapshot");
    server.stop();
}

/// What there is of a tenant after a start that found a rollback broken off.
#[derive(Debug, PartialEq, Eq)]
struct State {
    app: i64,
    orders: i64,
    events: i64,
}

fn state(fleet: &Fleet, id: &str) -> State {
    fleet.migrate_offline(&["status"]);
    let file = Connection::open(fleet.installation.tenant_file(id)).unwrap();
    let catalog = Connection::open(fleet.installation.data().join("catalog.db")).unwrap();
    let one =
        |database: &Connection, sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    let epoch = format!("SELECT epoch FROM tenants WHERE id = '{id}'");
    assert_eq!(one(&file, "SELECT epoch FROM _tenant"), one(&catalog, &epoch));
    assert_eq!(one(&catalog, "SELECT count(*) FROM tenant_swaps"), 0);
    assert!(!fleet.installation.tenant_directory(id).join("swap.db").exists());
    State {
        app: one(&file, "SELECT count(*) FROM _migrations WHERE track = 'app'"),
        orders: one(&file, "SELECT count(*) FROM orders"),
        events: one(&file, "SELECT count(*) FROM _usage_events"),
    }
}

#[test]
fn a_rollback_that_is_ended_at_every_step_leaves_one_state_or_the_other() {
    let (fleet, server) = Fleet::with(ORDERS, METERED, 1);
    order(&fleet.client(&server), "t-1", "first");
    let server = fleet.deploy(server, CITY);
    fleet.migrate(&["run", "--yes"], 0);
    let client = fleet.client(&server);
    order(&client, "t-1", "second");
    used(&client, "t-1", "a");
    let id = client.get("/api/v1/tenants/t-1").expect(200).string("/id");
    server.stop();
    let before = State { app: 2, orders: 2, events: 1 };
    let after = State { app: 1, orders: 1, events: 1 };
    let back = ["rollback", "--tenant", "t-1", "--discard-writes"];
    let (mut steps, mut rolled_back) = (0, 0);
    loop {
        steps += 1;
        assert!(steps < 200, "it never came through");
        let mut command = fleet.offline(&back);
        command.env("TENANTRY_TEST_FAULT", steps.to_string());
        let output = command.output().unwrap();
        let found = state(&fleet, &id);
        if output.status.success() {
            assert_eq!(found, after);
            break;
        }
        assert_eq!(output.status.code(), None, "it was ended, and did not fail: {output:?}");
        if found == after {
            rolled_back += 1;
            fleet.migrate_offline(&["rollback", "--tenant", "t-1", "--to", "2", "--discard-writes"]);
            assert_eq!(state(&fleet, &id), before);
        } else {
            assert_eq!(found, before, "after step {steps}");
        }
    }
    assert!(rolled_back >= 4 && rolled_back < steps - 4, "{rolled_back} of {steps}");
    fleet.installation.run(&["verify", "usage", "--app", fleet.app()]).expect_code(0);
}
