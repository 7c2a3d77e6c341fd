//! Every statement is in the tenant's audit log, whatever came of it.

use serde_json::{Value, json};

use super::Bench;
use crate::harness::{Server, eventually};

impl Bench {
    /// What the log says of statements, newest first.
    fn logged(&self) -> Vec<Value> {
        let log = self.ann.client.get(&self.acme.path("/audit?action=records.sql")).expect(200);
        let details = log.json["items"].as_array().unwrap().iter().map(|entry| {
            assert!(entry["actor"].as_str().unwrap().contains(&self.ann.id), "{entry}");
            serde_json::from_str(entry["details"].as_str().unwrap()).unwrap()
        });
        details.collect()
    }
}

#[test]
fn statements_are_logged_with_their_outcome_and_without_the_values_of_parameters() {
    let bench = Bench::new();
    bench.sql_with("SELECT ?1 UNION SELECT ?2", json!(["value-4711", 2])).expect(200);
    bench.sql("SELECT * FROM _tenant").expect(403);
    bench.sql("SELECT mistake").expect(400);
    bench.sql_with("SELECT ?1", json!([])).expect(400);
    bench.sql(&format!("SELECT '{}ä'", "x".repeat(5_000))).expect(200);
    bench.sql_with("SELECT 1", json!(17)).expect(422);
    let logged = bench.logged();
    let outcomes: Vec<_> = logged.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    // The last was no statement.
    assert_eq!(outcomes, ["rows", "mistaken", "mistaken", "refused", "rows"]);
    let first = &logged[4];
    assert_eq!(first["sql"], "SELECT ?1 UNION SELECT ?2");
    assert_eq!(
        (&first["rows"], &first["params"], &first["truncated"]),
        (&json!(2), &json!(2), &json!(false))
    );
    assert!(first["duration_ms"].is_u64());
    assert!(logged[3]["refused"].as_str().unwrap().contains("_tenant"));
    assert_eq!((logged[0]["sql"].as_str().unwrap().len(), &logged[0]["sql_bytes"]), (2_000, &json!(5_011)));
    let log = bench.ann.client.get(&bench.acme.path("/audit")).expect(200).text();
    assert!(!log.contains("value-4711") && !bench.server.installation().log().contains("value-4711"));
    bench.server.stop();
}

/// A client that hangs up ends its statement, which is logged all the same.
#[test]
fn a_statement_whose_client_hangs_up_is_ended_and_logged() {
    use std::io::Write as _;
    let bench = Bench::new();
    let sql = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let body = json!({"sql": sql}).to_string();
    let begun = std::time::Instant::now();
    let mut stream = std::net::TcpStream::connect(bench.server.address()).unwrap();
    write!(
        stream,
        "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        bench.acme.path("/sql"),
        bench.ann.access_token,
        body.len()
    )
    .unwrap();
    eventually("the process of the statement", || (workers(&bench) == 1).then_some(()));
    drop(stream);
    eventually("the end of the process", || (workers(&bench) == 0).then_some(()));
    let entry = eventually("the entry", || bench.logged().pop());
    assert_eq!((&entry["outcome"], &entry["sql"]), (&json!("abandoned"), &json!(sql)));
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    bench.server.stop();
}

/// How many processes the server has started that still run.
pub fn workers(bench: &Bench) -> usize {
    workers_of(&bench.server)
}

/// The same of any server.
pub fn workers_of(server: &Server) -> usize {
    let parent = server.process_id().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = processes.filter_map(|process| std::fs::read_to_string(process.path().join("stat")).ok());
    // "pid (name) state parent ..": a zombie has ended.
    let fields = stats.map(|stat| {
        stat.rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .map(str::to_owned)
            .take(2)
            .collect::<Vec<_>>()
    });
    fields.filter(|fields| fields.get(1) == Some(&parent) && fields[0] != "Z").count()
}
