//! Tenants that cannot be asked, that go while they are asked, and operators who hang up.

use std::io::Write as _;

use serde_json::json;

use super::budget::SLOW;
use super::{House, told};
use crate::harness::eventually;
use crate::sql::audit::workers_of;

#[test]
fn tenants_whose_files_are_newer_damaged_or_gone_are_skipped_with_the_reason() {
    let House { server, operator, tenants } = House::new();
    let installation = std::sync::Arc::clone(server.installation());
    server.stop();
    let newer = rusqlite::Connection::open(installation.tenant_file(&tenants[0].1.id)).unwrap();
    newer
        .execute_batch(
            "INSERT INTO _migrations SELECT 'app', 999, 'from_the_future', checksum, applied_at FROM _migrations WHERE track = 'app' LIMIT 1",
        )
        .unwrap();
    drop(newer);
    std::fs::write(installation.tenant_file(&tenants[1].1.id), "no database").unwrap();
    let server = installation.serve();
    let operator = operator.sign_in_again_at(&server);
    let house = House { server, operator, tenants };
    let names = json!(["acme", "bolt", "cora", "nobody"]);
    let answer =
        house.ask(json!({"sql": "SELECT count(*) FROM labels WHERE id > 3", "tenants": names})).expect(200);
    assert_eq!(answer.json["rows"], json!([["cora", 3]]));
    let [unknown, unavailable] = ["unknown", "tenant_unavailable"].map(str::to_owned);
    assert_eq!(
        told(&answer, "skipped", "reason"),
        [
            ("nobody".to_owned(), unknown),
            ("acme".to_owned(), unavailable.clone()),
            ("bolt".to_owned(), unavailable)
        ]
    );
    let path = installation.data().to_string_lossy().into_owned();
    assert!(!answer.text().contains(&path), "{}", answer.text());
    house.server.stop();
}

#[test]
fn of_a_tenant_whose_log_cannot_be_written_nothing_is_told() {
    let house = House::new();
    let catalog = rusqlite::Connection::open(house.server.installation().data().join("catalog.db")).unwrap();
    for (name, action) in [("access", "operator.access"), ("query", "operator.query")] {
        catalog
            .execute_batch(&format!(
                "CREATE TRIGGER no_{name} BEFORE INSERT ON audit_entries
                 WHEN NEW.chain = '{}' AND NEW.action = '{action}' BEGIN SELECT RAISE(ABORT, 'no'); END",
                house.tenants[1].1.id
            ))
            .unwrap();
        let answer =
            house.ask(json!({"sql": "SELECT count(*) FROM labels WHERE id > 3", "all": true})).expect(200);
        assert_eq!(answer.json["rows"], json!([["acme", 1], ["cora", 3]]), "{name}");
        assert_eq!(told(&answer, "skipped", "reason"), [("bolt".to_owned(), "not_audited".to_owned())]);
        catalog.execute_batch(&format!("DROP TRIGGER no_{name}")).unwrap();
    }
    drop(catalog);
    house.server.stop();
}

#[test]
fn a_tenant_that_is_erased_meanwhile_is_left_out_and_nothing_is_written_of_it() {
    let house = House::new();
    house.slow_down(0);
    std::thread::scope(|scope| {
        let slow = json!({"sql": SLOW, "all": true, "budget": {"tenant_ms": 5_000}});
        let running = scope.spawn(|| house.ask(slow));
        eventually("the statement", || (workers_of(&house.server) == 1).then_some(()));
        let erase = ["tenant", "erase", "acme", "--confirm", "acme", "--now"];
        house.server.installation().run(&erase).expect_code(0);
        let answer = running.join().unwrap().expect(200);
        assert_eq!(answer.json["rows"], json!([["bolt", 1], ["cora", 1]]));
        assert_eq!(told(&answer, "skipped", "reason"), [("acme".to_owned(), "gone".to_owned())]);
    });
    let chains = house.server.installation().run(&["verify", "audit", "--json"]).expect_code(0).stdout;
    assert!(!chains.contains(&house.tenants[0].1.id), "{chains}");
    house.server.stop();
}

#[test]
fn a_query_whose_operator_hangs_up_is_ended_and_another_may_begin() {
    let house = House::new();
    house.slow_down(0);
    let body = json!({"sql": SLOW, "all": true, "budget": {"tenant_ms": 5_000}}).to_string();
    let mut stream = std::net::TcpStream::connect(house.server.address()).unwrap();
    write!(
        stream,
        "POST /api/v1/operator/query HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        house.operator.access_token,
        body.len()
    )
    .unwrap();
    eventually("the statement", || (workers_of(&house.server) == 1).then_some(()));
    drop(stream);
    eventually("its end", || (workers_of(&house.server) == 0).then_some(()));
    let (_, entry) = eventually("the entry", || house.logged(0).pop());
    assert_eq!(entry["outcome"], "abandoned");
    // Those behind it were not asked.
    assert!(house.logged(2).is_empty());
    house.ask(json!({"sql": "SELECT 1", "tenants": ["bolt"]})).expect(200);
    house.server.stop();
}
