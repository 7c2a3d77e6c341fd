//! telemetry.db: what it is told from, that a stop loses nothing, that it may go at any time, and that erasure empties it.

use serde_json::json;

use super::{until_stored, with_settings};
use crate::harness::{Installation, MINUTE, eventually};

#[test]
fn figures_of_a_tenant_are_told_to_operators_and_outlive_a_stop() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    for _ in 0..4 {
        ann.client.get(&acme.path("/records/customers")).expect(200);
    }
    let point = until_stored(&server, &operator, "acme", 4);
    assert_eq!((&point["requests"], &point["errors"], &point["refused"]), (&json!(4), &json!(0), &json!(0)));
    assert_eq!(
        point["latency"].as_array().unwrap().iter().filter_map(|count| count.as_u64()).sum::<u64>(),
        4
    );
    assert!(
        point["database_ms"].as_f64().unwrap() > 0.0 && point["p95_ms"].as_f64().unwrap() > 0.0,
        "{point}"
    );
    ann.client.get(&acme.path("/records/customers")).expect(200);
    let (server, path) = (server.restart(), "/api/v1/operator/tenants/acme/telemetry");
    let operator = operator.sign_in_again_at(&server);
    let whole = operator.client.get(&format!("{path}?window=day")).expect(200);
    assert_eq!(whole.json["points"][0]["requests"], 5);
    let minutes = operator.client.get(path).expect(200);
    let counts: Vec<_> =
        minutes.json["points"].as_array().unwrap().iter().map(|point| point["requests"].as_u64()).collect();
    assert_eq!((counts.iter().flatten().sum::<u64>(), minutes.json["window"].as_str()), (5, Some("minute")));
    operator.client.get(&format!("{path}?window=week")).expect_code(400, "bad_window");
    operator.client.get(&format!("{path}?from=2020-01-01T00:00:00Z")).expect_code(400, "too_many_points");
    operator
        .client
        .get(&format!("{path}?to=2020-01-01T00:00:00Z&from=2021-01-01T00:00:00Z"))
        .expect_code(400, "bad_range");
    operator.client.get("/api/v1/operator/tenants/nobody/telemetry").expect(404);
    ann.sign_in_again_at(&server).client.get(path).expect(403);
    server.stop();
}

#[test]
fn the_overview_names_who_is_busy_and_nobody_who_did_nothing() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    server.sign_up_with_tenant("bob", "bolt");
    let operator = server.add_operator();
    for _ in 0..12 {
        ann.client.get(&acme.path("/records/customers")).expect(200);
    }
    server.installation().advance_clock(MINUTE);
    let overview = eventually("the overview", || {
        let overview = operator.client.get("/api/v1/operator/overview").expect_one_of(&[200, 503]);
        (overview.json["requests"].as_u64()? >= 12).then_some(overview.json)
    });
    for part in ["slow", "busy"] {
        assert_eq!(overview[part][0]["tenant"]["slug"], "acme", "{overview}");
    }
    for part in ["failing", "refused_most", "near_limits"] {
        assert_eq!(overview[part], json!([]), "{overview}");
    }
    assert!(!overview.to_string().contains("bolt"), "{overview}");
    ann.client.get("/api/v1/operator/overview").expect(403);
    server.stop();
}

#[test]
fn a_file_that_is_gone_or_damaged_is_made_anew_and_stops_nobody() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let installation = std::sync::Arc::clone(server.installation());
    server.stop();
    let file = installation.data().join("telemetry.db");
    for damage in [None, Some(vec![b'x'; 40_000])] {
        match damage {
            None => std::fs::remove_file(&file).unwrap(),
            Some(bytes) => std::fs::write(&file, bytes).unwrap(),
        }
        let server = installation.serve();
        let (ann, operator) = (ann.sign_in_again_at(&server), operator.sign_in_again_at(&server));
        ann.client.get(&acme.path("/records/customers")).expect(200);
        assert_eq!(until_stored(&server, &operator, "acme", 1)["requests"], 1);
        server.stop();
    }
}

#[test]
fn erasure_removes_what_was_counted_and_the_receipt_says_so() {
    let server = with_settings("grace_days = 0").serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    ann.client.get(&acme.path("/records/customers")).expect(200);
    until_stored(&server, &operator, "acme", 1);
    let installation = server.installation();
    installation.run(&["tenant", "close", "acme"]).expect_code(0);
    let receipt = eventually("the receipt", || {
        let answer =
            operator.client.get(&format!("/api/v1/operator/erasures/{}", acme.id)).expect_one_of(&[200, 404]);
        answer.json["statement"].as_str().map(str::to_owned)
    });
    let statement: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    let stores = statement["removed"].as_array().unwrap();
    let store =
        stores.iter().find(|store| store["store"].as_str().unwrap().starts_with("telemetry")).unwrap();
    assert!(store["removed"].as_u64().unwrap() >= 3, "{store}");
    let (file, log) =
        (installation.data().join("telemetry.db"), installation.data().join("telemetry.db-wal"));
    let needle = acme.id.clone();
    server.stop();
    for path in [file, log] {
        let bytes = std::fs::read(path).unwrap_or_default();
        assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()));
    }
}

#[test]
fn slow_statements_are_told_by_shape_without_what_was_written_into_them() {
    let server = with_settings("slow_statement_ms = 1").serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let operator = server.add_operator();
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) \
               SELECT count(*) FROM n WHERE 'the-planted-literal' <> ''";
    for _ in 0..2 {
        ann.client.post(&acme.path("/sql"), json!({ "sql": sql })).expect(200);
    }
    let told = operator.client.get("/api/v1/operator/slow-queries?tenant=acme").expect(200);
    let found = told.json["items"].as_array().unwrap().iter().find(|item| {
        item["statement"].as_str().unwrap().starts_with("WITH RECURSIVE n(i) AS(SELECT ? UNION ALL")
    });
    let found = found.unwrap_or_else(|| panic!("{}", told.text()));
    assert_eq!((&found["count"], &found["tenant"]["slug"]), (&json!(2), &json!("acme")));
    assert!(found["total_ms"].as_f64() >= found["most_ms"].as_f64(), "{found}");
    assert!(!told.text().contains("planted") && !told.text().contains("20000"), "{}", told.text());
    let log = server.installation().log();
    assert!(log.contains("slow statement") && !log.contains("planted"));
    operator.client.get("/api/v1/operator/slow-queries?tenant=nobody").expect(404);
    ann.client.get("/api/v1/operator/slow-queries").expect(403);
    server.stop();
}
