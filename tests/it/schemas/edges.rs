//! What lies at the edges: keys of nothing and of dots, rules over several columns, commits shared by many.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Records, assert_faults, assert_raised, base64, encoded, open};
use crate::export::{entries, export};
use crate::harness::{Call, Case, Installation, eventually, run_cases};

#[test]
fn a_part_of_a_key_may_be_empty_or_made_of_dots() {
    let (server, log) = open("meters");
    let path = |key: &str| log.path("settings", &format!("/{key}"));
    for (name, part) in [("", ""), (".", "."), ("..", ".."), ("../..", "..%2F.."), ("%2e", "%252e")] {
        let body = json!({"device_id": "demo/1", "name": name, "value": name});
        let location = log.post("settings", body).expect(201).header("location").unwrap().to_owned();
        assert_eq!(location, path(&format!("demo%2F1,{part}")));
        assert_eq!(log.client.get(&location).expect(200).json["value"], name);
        log.client.delete(&location).expect(204);
    }
    for topic in [".", ".."] {
        log.create("topics", json!({"topic": topic, "retained": 1}));
        assert_eq!(log.get("topics", topic)["topic"], topic);
        log.delete("topics", topic).expect(204);
        log.client.get(&log.path("topics", &format!("/{topic}"))).expect(404);
    }
    server.stop();
}

#[test]
fn a_whole_number_that_was_rounded_on_its_way_is_refused() {
    let (server, log) = open("meters");
    for (body, stored) in [
        (r#"{"pulses":1e3}"#, Some(json!(1_000))),
        (r#"{"pulses":"1000.0"}"#, Some(json!(1_000))),
        (r#"{"pulses":9007199254740991.0}"#, Some(json!(9_007_199_254_740_991_i64))),
        (r#"{"pulses":9007199254740993}"#, Some(json!("9007199254740993"))),
        (r#"{"pulses":9007199254740993.0}"#, None),
        (r#"{"pulses":"9007199254740993.0"}"#, None),
        (r#"{"pulses":1e300}"#, None),
    ] {
        let call = Call::new("POST", log.path("pulse_counters", "")).bytes("application/json", body);
        let answer = log.client.send(&call);
        match stored {
            Some(stored) => assert_eq!(answer.expect(201).json["pulses"], stored, "{body}"),
            None => assert_faults(answer, 422, "type", &["pulses"]),
        }
    }
    server.stop();
}

#[test]
fn a_double_is_found_by_the_digits_in_which_it_is_answered() {
    let (server, log) = open("meters");
    let path = log.path("settings", "");
    for digits in
        ["0.1", "2545.0000000000014", "5e-324", "1.7976931348623157e+308", "-0.30000000000000004", "21.0"]
    {
        let body = format!(r#"{{"device_id":"demo/1","name":"n","value":{digits}}}"#);
        let created = log.client.send(&Call::new("POST", &path).bytes("application/json", body)).expect(201);
        assert!(created.text().contains(&format!(r#""value":{digits},"#)), "{digits}: {}", created.text());
        assert_eq!(log.count("settings", &format!("name=n&value={}", encoded(digits))), 1, "{digits}");
        log.delete("settings", "demo%2F1,n").expect(204);
    }
    server.stop();
}

#[test]
fn an_array_holds_a_thousand_records_and_not_one_more() {
    let (server, log) = open("meters");
    let reading = |n: i64| json!({"device_id": "demo/1", "at": n, "value": 0.5});
    log.create_all("readings", (1..=1_000).map(reading));
    let day = log.list("daily_totals", "day=1970-01-01").remove(0);
    assert_eq!((&day["readings"], &day["total"]), (&json!(1_000), &json!(500.0)), "each fired the trigger");
    let more: Vec<Value> = (2_001..=3_001).map(reading).collect();
    log.post("readings", json!(more)).expect_code(400, "too_many_records");
    assert_eq!(log.count("readings", "at=lt.5000"), 1_000);
    let mut twice: Vec<Value> = (2_001..=3_000).map(reading).collect();
    twice[999]["at"] = json!(7);
    assert_faults(log.post("readings", json!(twice)), 409, "unique", &["[999].at", "[999].device_id"]);
    assert_eq!(log.count("readings", "at=lt.5000"), 1_000, "all or nothing");
    assert_eq!(log.list("daily_totals", "day=1970-01-01"), [day], "nor what triggers had made of it");
    server.stop();
}

/// Ada with an order, and the hammer, barcode 1.
fn stock(shop: &Records) -> String {
    let ada = shop.create("customers", json!({"name": "Ada", "email": "ada@example.com"}));
    let id = ada["id"].as_str().unwrap().to_owned();
    shop.create("products", json!({"id": 5, "sku": "A", "name": "Hammer", "price": 3, "barcode": "1"}));
    shop.create("orders", json!({"customer_id": id, "client_ref": "x"}));
    id
}

#[test]
fn every_broken_rule_names_the_columns_that_a_client_gave() {
    let (server, shop) = open("shop");
    let ada = stock(&shop);
    let product = |more: Value| {
        let mut body = json!({"sku": "B", "name": "Saw", "price": 1});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let order = |more: (&str, &str)| json!({"customer_id": ada, more.0: more.1});
    for (table, body, status, code, fields) in [
        ("products", product(json!({"sku": "a"})), 409, "unique", &["sku"][..]),
        // Over an expression: lower(trim(name)).
        ("products", product(json!({"name": "  HAMMER "})), 409, "unique", &["name"]),
        // For some of the rows.
        ("products", product(json!({"barcode": "1"})), 409, "unique", &["barcode"]),
        ("customers", json!({"name": "x", "email": "ADA@example.com"}), 409, "unique", &["email"]),
        ("orders", order(("client_ref", "x")), 409, "unique", &["client_ref", "customer_id"]),
        ("coupons", json!({"code": "Welcome10", "percent": 5}), 409, "unique", &["code"]),
        // One of two composite keys to the same table.
        ("orders", order(("bill_label", "none")), 409, "foreign_key", &["bill_label", "customer_id"]),
        ("orders", order(("coupon_code", "none")), 409, "foreign_key", &["coupon_code"]),
        (
            "products",
            product(json!({"category_id": 99, "supplier_code": "X"})),
            409,
            "foreign_key",
            &["category_id", "supplier_code"],
        ),
        ("products", product(json!({"sale_price": 2})), 422, "check", &["price", "sale_price"]),
        (
            "customers",
            json!({"name": " ", "email": "e", "tier": "iron", "born_on": "2026-02-30"}),
            422,
            "check",
            &["born_on", "name", "tier"],
        ),
        ("orders", order(("status", "shipped")), 422, "check", &["shipped_at", "status"]),
        ("reviews", json!({"product_id": 5, "customer_id": ada}), 422, "required", &["stars"]),
    ] {
        let before = shop.count(table, "");
        assert_faults(shop.post(table, body), status, code, fields);
        assert_eq!(shop.count(table, ""), before, "{table}");
    }
    // A discontinued product gives its barcode free, and does not get it back while another has it.
    shop.patch("products", "5", json!({"discontinued": true})).expect(200);
    shop.create("products", product(json!({"barcode": "1"})));
    assert_faults(shop.patch("products", "5", json!({"discontinued": false})), 409, "unique", &["barcode"]);
    // The default that products of a deleted category turn to would be that category itself.
    assert_faults(shop.delete("categories", "1"), 409, "foreign_key", &["products"]);
    shop.create("coupons", json!({"code": "Spring", "percent": 1}));
    assert_eq!(shop.get("coupons", "SPRING")["code"], "Spring", "found in any case, shown as it was given");
    assert_faults(shop.patch("coupons", "spring", json!({"code": "Sale"})), 422, "read_only", &["code"]);
    let shipped = json!({"status": "shipped", "paid_at": "2026-01-01", "shipped_at": "2026-01-02"});
    shop.patch("orders", "1", shipped).expect(200);
    assert_raised(shop.patch("orders", "1", json!({"client_ref": "y"})), "a shipped order cannot be changed");
    server.stop();
}

#[test]
fn a_rule_that_ends_a_commit_shared_by_many_is_the_trouble_of_one() {
    let (server, log) = open("shop");
    log.create("gift_cards", json!({"code": "blocked", "blocked": 1, "balance_cents": 7}));
    let shop = &log;
    let mut stored = 0;
    // Only where writers share a commit does this prove anything; the log tells when they did.
    eventually("a batch that was run again one by one", || {
        stored += std::thread::scope(|scope| {
            let writers: Vec<_> = (0..16)
                .map(|writer| {
                    scope.spawn(move || {
                        let mut stored = 0;
                        for _ in 0..5 {
                            if writer % 4 == 0 {
                                let refused = shop.patch("gift_cards", "blocked", json!({"balance_cents": 5}));
                                assert_raised(refused, "a blocked gift card cannot be used");
                            } else {
                                shop.post("categories", json!({"name": format!("{writer} {stored} {:?}", std::time::Instant::now())})).expect(201);
                                stored += 1;
                            }
                        }
                        stored
                    })
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).sum::<usize>()
        });
        server.installation().log().contains("run again alone").then_some(())
    });
    // Three come from the migrations and the seed.
    assert_eq!(log.count("categories", ""), stored + 3, "every acknowledged record once");
    assert_eq!(log.get("gift_cards", "blocked")["balance_cents"], 7);
    server.stop();
}

#[test]
fn search_follows_its_table_and_an_export_keeps_it_whole() {
    let installation = Installation::with_app_of_tests("tickets");
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let desk = Records::new(&ann.client, &acme);
    let ticket = |n: usize| json!({"project_key": "HELP", "title": format!("Bulb {n}"), "body": "is dark"});
    let tickets = desk.create_all("tickets", (0..300).map(ticket));
    let id = tickets[7]["id"].to_string();
    desk.patch("tickets", &id, json!({"title": "Lantern"})).expect(200);
    desk.delete("tickets", &tickets[8]["id"].to_string()).expect(204);
    assert_eq!(desk.get("tickets_search", &id)["title"], "Lantern");
    assert_eq!(desk.count("tickets_search", "title=like.Bulb*"), 298);
    let (_, download) = export(&ann.client, &acme);
    let file = installation.beside("exported.db");
    let entries = entries(&download.bytes);
    // What keeps its text is there to be read; what does not is named.
    assert_eq!(
        std::str::from_utf8(&entries["tables/handbook.ndjson"]).unwrap().lines().count(),
        desk.count("handbook", "")
    );
    assert!(!entries.contains_key("tables/tickets_search.ndjson"));
    let manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    assert_eq!(manifest["left_out"][0]["table"], "tickets_search");
    std::fs::write(&file, &entries["data.db"]).unwrap();
    let database = Connection::open(&file).unwrap();
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count("SELECT count(*) FROM tickets_search WHERE tickets_search MATCH 'bulb'"), 298);
    assert_eq!(
        count("SELECT rowid FROM tickets_search WHERE tickets_search MATCH 'lantern'").to_string(),
        id
    );
    assert_eq!(count("SELECT count(*) FROM handbook WHERE handbook MATCH 'ticket'"), 2);
    // Compares the index with the table behind it, and fails where they differ.
    for sql in [
        "INSERT INTO tickets_search (tickets_search, rank) VALUES ('integrity-check', 1)",
        "INSERT INTO handbook (handbook, rank) VALUES ('integrity-check', 1)",
    ] {
        database.execute_batch(sql).unwrap();
    }
    server.stop();
}

#[test]
fn columns_of_one_name_and_columns_of_any_type_are_read_through_views() {
    let (server, desk) = open("tickets");
    desk.create("people", json!({"id": "ann", "handle": "ann"}));
    desk.create("tickets", json!({"project_key": "HELP", "title": "t", "reporter_id": "ann"}));
    let both = desk.list("tickets_with_people", &format!("{}=ann", encoded("id:1")));
    assert_eq!(both, [json!({"id": 2, "title": "t", "id:1": "ann", "handle": "ann"})]);
    let one = desk.list("tickets_with_people", &format!("fields={}&order=-id", encoded("id:1")));
    assert_eq!(one, [json!({"id:1": "ann"}), json!({"id:1": "robot"})]);
    desk.create("order", json!({"group": 1, "select": 2, "order": 1}));
    let from = desk.list("from", "col:count=1&col:select=Everyone&col:order=lte.1&fields=select,count");
    assert_eq!(from, [json!({"select": "Everyone", "count": 1})]);
    server.stop();
    let (server, log) = open("meters");
    log.create("events", json!({"device_id": "demo/1", "at": 1, "body": {"kind": "k", "n": 5}}));
    for (query, count) in
        [("field=n", 1), ("field=kind", 2), ("value=5", 1), ("value=k", 1), ("type=text", 2)]
    {
        assert_eq!(log.count("event_fields", query), count, "{query}");
    }
    server.stop();
}

#[test]
fn bytes_are_base64_in_bodies_and_filters_and_base64url_in_paths() {
    let (server, desk) = open("tickets");
    let digest = base64([0xfb; 32]);
    assert!(digest.contains("+/"), "{digest} tells the alphabets apart");
    let body = json!({"digest": digest, "content": base64([0, 1, 255])});
    let created = desk.post("attachments", body).expect(201);
    let location = created.header("location").unwrap().to_owned();
    assert!(location.contains("-_"), "{location}");
    assert_eq!((&created.json["bytes"], &created.json["hex"]), (&json!(3), &json!("fb".repeat(32))));
    assert_eq!(desk.list("attachments", &format!("digest={}", encoded(&digest))), [created.json]);
    run_cases(
        &desk.client,
        &[
            Case::new("its own path", Call::get(&location), 200),
            Case::new(
                "base64 in a path",
                Call::get(desk.path("attachments", &format!("/{}", encoded(&digest)))),
                404,
            ),
            Case::new("no base64", Call::get(desk.path("attachments", "?digest=!")), 400).has("bad_value"),
            Case::new(
                "31 bytes",
                Call::post(desk.path("attachments", ""), json!({"digest": base64([1; 31]), "content": ""})),
                422,
            )
            .has("attachments_digest_has_32_bytes"),
        ],
    );
    let file = json!({"ticket_id": 1, "digest": base64([2; 32]), "file_name": "x"});
    assert_faults(desk.post("ticket_attachments", file), 409, "foreign_key", &["digest"]);
    server.stop();
}
