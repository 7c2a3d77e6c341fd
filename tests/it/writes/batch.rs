//! Several writes in one transaction.

use serde_json::{Value, json};

use super::etag;
use crate::harness::{Answer, Call, Case, Installation, run_cases};
use crate::schemas::{Records, assert_faults, open};

#[track_caller]
fn batch(records: &Records, operations: Value) -> Answer {
    records.client.post(&records.tenant.path("/batch"), json!({"operations": operations}))
}

#[test]
fn a_batch_goes_over_tables_in_order_and_answers_each() {
    let (server, shop) = open("shop");
    let answer = batch(
        &shop,
        json!([
            {"op": "create", "table": "customers", "record": {"id": "ada", "name": "Ada", "email": "a"}},
            {"op": "upsert", "table": "addresses", "id": ["ada", "home, 1"], "record": {"street": "s", "city": "c"}},
            {"op": "create", "table": "orders", "record": {"customer_id": "ada", "ship_label": "home, 1"}},
            {"op": "update", "table": "orders", "id": 1, "record": {"client_ref": "x"}},
            {"op": "upsert", "table": "addresses", "id": "ada,home%2C%201", "record": {"city": "d"}},
            {"op": "delete", "table": "orders", "id": "1"},
        ]),
    )
    .expect(200);
    let items = answer.json["items"].as_array().unwrap();
    let did: Vec<_> =
        items.iter().map(|item| (item["op"].as_str().unwrap(), &item["table"], &item["id"])).collect();
    let address = json!(["ada", "home, 1"]);
    assert_eq!(
        did,
        [
            ("create", &json!("customers"), &json!("ada")),
            ("create", &json!("addresses"), &address),
            ("create", &json!("orders"), &json!(1)),
            ("update", &json!("orders"), &json!(1)),
            ("update", &json!("addresses"), &address),
            ("delete", &json!("orders"), &json!(1)),
        ]
    );
    assert_eq!(items[2]["record"]["number"], "SO-000001", "what a trigger made of it");
    assert_eq!(items[3]["record"]["client_ref"], "x");
    assert_eq!((&items[5]["record"], &items[5]["etag"]), (&Value::Null, &Value::Null));
    let read = shop.client.get(&shop.path("addresses", "/ada,home%2C%201")).expect(200);
    assert_eq!((&items[4]["record"], items[4]["etag"].as_str()), (&read.json, Some(etag(&read).as_str())));
    assert_eq!(shop.count("orders", ""), 0);
    assert_eq!(batch(&shop, json!([])).expect(200).json, json!({"items": []}));
    server.stop();
}

#[test]
fn deferred_keys_are_settled_in_the_end_and_name_who_is_left_over() {
    let (server, shop) = open("shop");
    shop.create("customers", json!({"id": "ada", "name": "Ada", "email": "a"}));
    shop.create("orders", json!({"customer_id": "ada"}));
    let shipment =
        |id: i64| json!({"op": "create", "table": "shipments", "record": {"id": id, "order_id": 1}});
    let parcel = |id: i64| json!({"op": "create", "table": "parcels", "record": {"shipment_id": id, "parcel_no": 1, "weight_g": 5}});
    assert_faults(
        shop.post("shipments", json!({"id": 1, "order_id": 1})),
        409,
        "foreign_key",
        &["id", "papers_in"],
    );
    batch(&shop, json!([shipment(1), parcel(1)])).expect(200);
    assert_faults(
        batch(&shop, json!([shipment(2), parcel(2), shipment(3)])),
        409,
        "foreign_key",
        &["operations[2].record.id", "operations[2].record.papers_in"],
    );
    // Not deferred: the parcel's shipment has to be there.
    let early = batch(&shop, json!([parcel(4), shipment(4)]));
    assert_faults(early, 409, "foreign_key", &["operations[0].record.shipment_id"]);
    let gone = json!({"op": "delete", "table": "parcels", "id": [1, 1]});
    assert_faults(batch(&shop, json!([gone])), 409, "foreign_key", &["shipments"]);
    assert_eq!((shop.count("shipments", ""), shop.count("parcels", "")), (1, 1));
    batch(&shop, json!([gone, {"op": "delete", "table": "shipments", "id": 1}])).expect(200);
    assert_eq!((shop.count("shipments", ""), shop.count("parcels", "")), (0, 0));
    server.stop();
}

#[test]
fn all_or_nothing_and_the_failing_operation_is_named() {
    let (server, shop) = open("shop");
    shop.create("customers", json!({"id": "ada", "name": "Ada", "email": "a"}));
    shop.create("orders", json!({"customer_id": "ada"}));
    shop.create("gift_cards", json!({"code": "blocked", "blocked": 1, "balance_cents": 7}));
    let good = json!({"op": "create", "table": "customers", "record": {"name": "Ben", "email": "b"}});
    let with = |second: Value| json!([good, second]);
    for (second, status, code, fields) in [
        (
            json!({"op": "create", "table": "customers", "record": {"name": "C", "email": "B"}}),
            409,
            "unique",
            &["operations[1].record.email"][..],
        ),
        (
            json!({"op": "update", "table": "customers", "id": "ada", "record": {"tier": "iron"}}),
            422,
            "check",
            &["operations[1].record.tier"],
        ),
        (
            json!({"op": "update", "table": "customers", "id": "ada", "record": {"id": "eve"}}),
            422,
            "read_only",
            &["operations[1].record.id"],
        ),
        (
            json!({"op": "upsert", "table": "customers", "id": "eve", "record": {"name": "E"}}),
            422,
            "required",
            &["operations[1].record.email"],
        ),
        (
            json!({"op": "update", "table": "customers", "id": "eve", "record": {}}),
            404,
            "not_found",
            &["operations[1].id"],
        ),
        (json!({"op": "delete", "table": "customers", "id": "eve"}), 404, "not_found", &["operations[1].id"]),
        (
            json!({"op": "delete", "table": "customers", "id": "ada"}),
            409,
            "foreign_key",
            &["operations[1].id"],
        ),
        (
            json!({"op": "update", "table": "gift_cards", "id": "blocked", "record": {"balance_cents": 1}}),
            422,
            "refused",
            &["operations[1].record"],
        ),
        (
            json!({"op": "create", "table": "gift_cards", "record": {"code": "blocked"}}),
            409,
            "unique",
            &["operations[1].record.code"],
        ),
        (
            json!({"op": "update", "table": "customers", "id": "ada", "record": {}, "if_match": "\"old\""}),
            412,
            "precondition_failed",
            &["operations[1].if_match"],
        ),
    ] {
        assert_faults(batch(&shop, with(second)), status, code, fields);
        assert_eq!(shop.count("customers", ""), 1, "nothing was written");
    }
    let tag = etag(&shop.client.get(&shop.path("customers", "/ada")));
    let update = json!({"op": "update", "table": "customers", "id": "ada", "record": {"tier": "gold"}, "if_match": tag});
    batch(&shop, with(update.clone())).expect(200);
    assert_faults(batch(&shop, json!([update])), 412, "precondition_failed", &["operations[0].if_match"]);
    server.stop();
}

#[test]
fn every_fault_of_a_body_is_named_at_once() {
    let (server, shop) = open("shop");
    let answer = batch(
        &shop,
        json!([
            {"op": "create", "table": "customers", "record": {"nme": 1, "email": 2}},
            {"op": "create", "table": "customers", "id": "x", "record": {"name": "x", "email": "e"}},
            {"op": "delete", "table": "customers", "record": {}},
            {"op": "move", "table": "customers", "id": "x"},
            {"op": "update", "table": "nothing", "id": "x", "record": {}},
            {"op": "update", "table": "order_totals", "id": "x", "record": {}},
            {"op": "update", "table": "_tenant", "id": "x", "record": {}},
            {"op": "update", "table": "addresses", "id": {"a": 1}, "record": [], "extra": 1},
            {"op": "update", "table": "products", "id": "five", "record": {}, "if_match": 5},
            7,
            {},
        ]),
    )
    .expect_code(422, "invalid");
    let found: std::collections::BTreeSet<(String, String)> = crate::schemas::faults(&answer);
    let expected = [
        ("operations[0].record.email", "type"),
        ("operations[0].record.name", "required"),
        ("operations[0].record.nme", "unknown_field"),
        ("operations[10].op", "required"),
        ("operations[10].table", "required"),
        ("operations[1].id", "unknown_field"),
        ("operations[2].id", "required"),
        ("operations[2].record", "unknown_field"),
        ("operations[3].op", "unknown_operation"),
        ("operations[4].table", "unknown_table"),
        ("operations[5].table", "read_only_table"),
        ("operations[6].table", "unknown_table"),
        ("operations[7].extra", "unknown_field"),
        ("operations[7].id", "type"),
        ("operations[7].record", "type"),
        ("operations[8].id", "type"),
        ("operations[8].if_match", "type"),
        ("operations[9]", "type"),
    ];
    assert_eq!(found, expected.map(|(field, code)| (field.to_owned(), code.to_owned())).into());
    let path = shop.tenant.path("/batch");
    let many: Vec<Value> = (0..1_001).map(|_| json!({})).collect();
    let post = |body: Value| Call::post(&path, body);
    run_cases(
        &shop.client,
        &[
            Case::new("no object", post(json!([])), 400).has("object_expected"),
            Case::new("nothing", post(json!({})), 422).has("operations"),
            Case::new("no array", post(json!({"operations": {}})), 422).has("must be an array"),
            Case::new("another field", post(json!({"operations": [], "x": 1})), 422).has("unknown_field"),
            Case::new("too many", post(json!({"operations": many})), 400).has("too_many_operations"),
            Case::new("no JSON", Call::new("POST", &path).bytes("application/json", "{"), 400)
                .has("malformed_json"),
            Case::new(
                "twice",
                Call::new("POST", &path).bytes("application/json", r#"{"operations":[],"operations":[]}"#),
                422,
            )
            .has("repeated_field"),
        ],
    );
    server.stop();
}

#[test]
fn a_thousand_operations_are_one_batch() {
    let (server, shop) = open("shop");
    // More than 64 KiB, which is read on another thread.
    let create = |n: usize| json!({"op": "create", "table": "categories", "record": {"name": format!("{n} {}", "x".repeat(80))}});
    let operations: Vec<Value> = (0..1_000).map(create).collect();
    let before = shop.count("categories", "");
    let answer = batch(&shop, json!(operations)).expect(200);
    assert_eq!(answer.json["items"].as_array().unwrap().len(), 1_000);
    assert_eq!(shop.count("categories", ""), before + 1_000);
    server.stop();
}

#[test]
fn what_a_batch_answers_is_bounded() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let long = json!({"id": "n", "title": "x".repeat(1 << 20)});
    ann.client.post(&acme.path("/records/notes"), long).expect(201);
    let update = json!({"op": "update", "table": "notes", "id": "n", "record": {"body": "changed"}});
    let batch = |count: usize| json!({"operations": vec![update.clone(); count]});
    ann.client.post(&acme.path("/batch"), batch(33)).expect_code(413, "answer_too_large");
    assert_eq!(ann.client.get(&acme.path("/records/notes/n?fields=body")).json["body"], "");
    ann.client.post(&acme.path("/batch"), batch(10)).expect(200);
    server.stop();
}

#[test]
fn a_batch_is_for_those_who_write() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/batch");
    let body = json!({"operations": [{"op": "create", "table": "notes", "record": {"title": "t"}}]});
    let vera = server.join(&ann, &acme, "vera", "viewer");
    let mia = server.join(&ann, &acme, "mia", "member");
    vera.client.post(&path, body.clone()).expect(403);
    server.sign_up("stan").client.post(&path, body.clone()).expect(404);
    mia.client.post(&path, body.clone()).expect(200);
    ann.client.delete(&mia.membership(&acme)).expect(204);
    mia.client.post(&path, body).expect(404);
    assert_eq!(ann.client.get(&acme.path("/records/notes")).json["items"].as_array().unwrap().len(), 1);
    server.stop();
}
