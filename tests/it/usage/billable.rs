//! Records that are billed: one event each, in the transaction of the write.

use serde_json::json;

use super::{installation, used};
use crate::harness::Call;

#[test]
fn each_created_record_is_one_event_of_its_own_write() {
    let installation = installation();
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let documents = acme.path("/records/documents");
    ann.client.post(&documents, json!({ "id": "a", "title": "A" })).expect(201);
    // Changed, refused and put again: none of it is a created record.
    ann.client.patch(&format!("{documents}/a"), json!({ "title": "B" })).expect(200);
    ann.client.post(&documents, json!({ "id": "a", "title": "A" })).expect(409);
    ann.client.send(&Call::put(format!("{documents}/a"), json!({ "title": "C" }))).expect(200);
    assert_eq!(used(&ann.client, &acme, "pages"), "1");
    // What a trigger makes is billed too.
    ann.client.post(&acme.path("/records/notes"), json!({ "text": "document one" })).expect(201);
    assert_eq!(used(&ann.client, &acme, "pages"), "2");
    let events = ann.client.get(&acme.path("/usage-events")).expect(200);
    assert!(events.json["items"][1]["idempotency_key"].as_str().unwrap().starts_with("_record:documents:"));
    // Of the limit of three one is left: two do not fit, and neither is written.
    let two = json!([{ "id": "x", "title": "X" }, { "id": "y", "title": "Y" }]);
    ann.client.post(&documents, two).expect_code(402, "limit_reached");
    ann.client.get(&format!("{documents}/x")).expect(404);
    let batch = json!({ "operations": [
        { "op": "create", "table": "documents", "record": { "id": "x", "title": "X" } },
        { "op": "create", "table": "notes", "record": { "text": "document two" } },
    ]});
    ann.client.post(&acme.path("/batch"), batch).expect_code(402, "limit_reached");
    assert_eq!(used(&ann.client, &acme, "pages"), "2");
    let last = ann.client.send(&Call::put(format!("{documents}/z"), json!({ "title": "Z" }))).expect(201);
    assert_eq!(last.header("x-usage-warning"), Some("pages; used=3; limit=3; percent=100"));
    // A record that was deleted and comes again is another one.
    ann.client.delete(&format!("{documents}/z")).expect(204);
    ann.client.post(&documents, json!({ "id": "z", "title": "Z" })).expect_code(402, "limit_reached");
    server.stop();
}
