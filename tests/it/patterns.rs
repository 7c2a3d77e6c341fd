//! What a filter may cost: nobody waits for what another tenant asks.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::Installation;

/// A pattern that SQLite's own GLOB tries again at each of seven million places.
#[test]
fn a_pattern_over_a_huge_text_takes_no_time_and_holds_up_nobody() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let record = json!({"id": "huge", "title": "huge", "body": "a".repeat(7_000_000)});
    ann.client.post(&acme.path("/records/notes"), record).expect(201);
    let path = acme.path(&format!("/records/notes?fields=id&body=like.*{}b*", "a".repeat(980)));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(ann.client.get(&path).expect(200).json["items"], json!([])));
        }
        server.nobody().get("/livez").expect(200);
    });
    // It was half a minute.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let found = ann.client.get(&acme.path("/records/notes?fields=id&body=like.a*a")).expect(200);
    assert_eq!(found.json["items"], json!([{"id": "huge"}]));
    server.stop();
}

/// Both operators, with one long piece and with many short ones, and the value itself.
#[test]
fn filters_on_a_large_value_are_quick() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    ann.client
        .post(
            &acme.path("/records/notes"),
            json!({"id": "large", "title": "large", "body": "a".repeat(2_000_000)}),
        )
        .expect(201);
    let (long, many) = (format!("*{}b*", "a".repeat(990)), format!("{}b*", "*a".repeat(490)));
    for filter in [
        format!("like.{long}"),
        format!("like.{many}"),
        format!("ilike.{long}"),
        format!("ilike.{many}"),
        format!("eq.{}", "a".repeat(900)),
        format!("gt.{}b", "a".repeat(900)),
    ] {
        let begun = Instant::now();
        let found =
            ann.client.get(&acme.path(&format!("/records/notes?fields=id&body={filter}"))).expect(200);
        assert_eq!(found.json["items"], json!([]), "{filter}");
        assert!(begun.elapsed() < Duration::from_secs(3), "{filter}: {:?}", begun.elapsed());
    }
    server.stop();
}
