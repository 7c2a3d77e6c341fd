//! The shop: composite keys, constraints over several columns, triggers, and statements that end a transaction.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Records, assert_faults, assert_raised, base64, encoded, open};
use crate::harness::{Call, Case, run_cases};

const COLOURS: [&str; 3] = ["red", "green", "blue"];

/// A digest of a picture; in base64 it holds plus signs and slashes sooner or later.
fn digest(number: usize) -> String {
    base64(Sha256::digest(number.to_be_bytes()))
}

/// More than a thousand records, parents first.
pub fn fill(shop: &Records) {
    let supplier = |n: usize| format!("S{}/A,%", n % 10);
    shop.create_all("categories", (0..20).map(|n| json!({"id": 10 + n, "name": format!("Category {n}")})));
    shop.create_all("warehouses", [json!({"id": 2, "name": "Outlet, 2nd"})]);
    shop.create_all(
        "suppliers",
        (0..10).map(|n| json!({"code": supplier(n), "name": "x", "contact": {"z": n, "a": [true, null]}})),
    );
    let product = |n: usize| {
        json!({"id": 100 + n, "sku": format!("SKU-{n:04}"), "name": format!("Product {n}"),
            "category_id": 10 + n % 20, "supplier_code": supplier(n), "price": format!("{n}.50"),
            "barcode": format!("0{n:05}"), "attributes": {"colour": COLOURS[n % 3]}})
    };
    shop.create_all("products", (0..200).map(product));
    shop.create_all(
        "product_images",
        (50..200).map(|n| json!({"product_id": 100 + n, "sha256": digest(n), "thumbnail": base64([0, 255])})),
    );
    // By another spelling of the SKU than the product's.
    let offer = |n: usize| json!({"supplier_code": supplier(n), "product_sku": format!("sku-{n:04}"), "unit_cents": 5});
    shop.create_all("supplier_offers", (0..100).map(offer));
    let customer = |n: usize| json!({"name": format!("C {n}"), "email": format!("c{n}@example.com")});
    let customers = shop.create_all("customers", (0..60).map(customer));
    let id = |n: usize| customers[n % 60]["id"].clone();
    let labels = ["home, 1/2 é", "100%"];
    let address =
        |n: usize| json!({"customer_id": id(n), "label": labels[n / 60], "street": "s", "city": "c"});
    shop.create_all("addresses", (0..120).map(address));
    let delivery =
        |n: usize| json!({"warehouse_id": 1, "product_id": 100 + n, "quantity": 50, "reason": "delivery"});
    shop.create_all("stock_movements", (0..100).map(delivery));
    shop.create_all(
        "stock_transfers",
        (0..10).map(
            |n| json!({"from_warehouse_id": 1, "to_warehouse_id": 2, "product_id": 100 + n, "quantity": 46}),
        ),
    );
    let order = |n: usize| json!({"customer_id": id(n), "ship_label": labels[0], "client_ref": n.to_string(), "coupon_code": "welcome10"});
    let orders = shop.create_all("orders", (0..80).map(order));
    let item = |n: usize| {
        json!({"order_id": orders[n / 2]["id"], "line_no": 1 + n % 2, "product_id": 100 + n % 100, "quantity": 2,
            "unit_cents": 250})
    };
    shop.create_all("order_items", (0..160).map(item));
    let payment = |n: usize| {
        json!({"order_id": orders[n]["id"], "amount": "9.90", "provider": "p", "provider_ref": n.to_string(),
            "captured": n.is_multiple_of(2), "raw_event": [n, {"ok": true}]})
    };
    shop.create_all("payments", (0..80).map(payment));
    let review = |n: usize| json!({"product_id": 100 + n, "customer_id": id(n), "stars": 1 + n % 5});
    shop.create_all("reviews", (0..60).map(review));
    shop.create_all("gift_cards", (0..20).map(|n| json!({"code": format!("G/{n}, %"), "balance_cents": n})));
    shop.create_all("newsletter_signups", (0..20).map(|n| json!({"email": format!("n+{n}@example.com")})));
}

/// Changes and deletions of a filled shop, with what follows from them.
pub fn change(shop: &Records) {
    let product =
        shop.patch("products", "105", json!({"price": 20, "attributes": {"colour": "white"}})).expect(200);
    assert_eq!((&product.json["price_cents"], &product.json["colour"]), (&json!(2_000), &json!("white")));
    shop.delete("categories", "12").expect(204);
    assert_eq!(shop.count("products", "category_id=12"), 0);
    assert_eq!(shop.count("products", "category_id=1"), 10, "ON DELETE SET DEFAULT");
    shop.delete("suppliers", &encoded("S3/A,%")).expect(204);
    assert_eq!(shop.count("products", "supplier_code=is.null"), 20, "ON DELETE SET NULL");
    assert_eq!(shop.count("supplier_offers", ""), 90, "ON DELETE CASCADE");
    shop.delete("coupons", "Welcome10").expect(204);
    assert_eq!(shop.count("orders", "coupon_code=is.null"), 80, "ON DELETE SET NULL over another spelling");
    assert_eq!(shop.count("product_images", "product_id=290"), 1);
    shop.delete("products", "290").expect(204);
    assert_eq!(shop.count("product_images", "product_id=290"), 0, "ON DELETE CASCADE");

    let order = shop.list("orders", "client_ref=7&limit=1").remove(0);
    let (id, customer) = (order["id"].to_string(), order["customer_id"].as_str().unwrap());
    assert_faults(shop.delete("customers", customer), 409, "foreign_key", &["orders"]);
    let address = format!("{customer},{}", encoded("home, 1/2 é"));
    assert_faults(shop.delete("addresses", &address), 409, "foreign_key", &["orders"]);
    assert_faults(shop.delete("orders", &id), 409, "foreign_key", &["payments"]);
    let payment = shop.list("payments", &format!("order_id={id}")).remove(0);
    shop.delete("payments", &shop.key("payments", &payment).unwrap()).expect(204);
    let item = shop.list("order_items", &format!("order_id={id}&limit=1")).remove(0);
    let level = format!("1,{}", item["product_id"]);
    let before = shop.get("stock_levels", &level)["on_hand"].as_i64().unwrap();
    shop.delete("orders", &id).expect(204);
    assert_eq!(shop.count("order_items", &format!("order_id={id}")), 0, "ON DELETE CASCADE");
    assert_eq!(shop.count("stock_movements", &format!("order_id={id}&reason=return")), 2, "its triggers ran");
    assert_eq!(shop.get("stock_levels", &level)["on_hand"], before + 2);
    let next = shop.create("orders", json!({"customer_id": customer}));
    assert!(next["id"].as_i64() > Some(80), "AUTOINCREMENT gives no number twice: {next}");
    assert_eq!(next["number"], format!("SO-{:06}", next["id"].as_i64().unwrap()), "a trigger's column");
}

#[test]
fn a_location_leads_to_its_record_however_its_key_is_made() {
    let (server, shop) = open("shop");
    let customer = shop.create("customers", json!({"id": "a/b,c %41", "name": "x", "email": "e"}));
    shop.create("products", json!({"id": 5, "sku": "A", "name": "Hammer", "price": 1}));
    shop.create("orders", json!({"customer_id": customer["id"]}));
    let address = json!({"customer_id": customer["id"], "label": "%2C,/é?#&=+;", "street": "s", "city": "c"});
    let payment = json!({"order_id": 1, "amount": 1, "provider": "p", "provider_ref": "r"});
    for (table, body) in [
        ("addresses", address),
        ("product_images", json!({"product_id": 5, "sha256": base64([0xfb; 32])})),
        ("payments", payment),
        ("gift_cards", json!({"code": "../gift_cards"})),
        ("coupons", json!({"code": "ä'\"\\`", "percent": 1})),
        ("shop_settings", json!({"key": " \t\u{1f642}", "value": 1.5})),
    ] {
        let created = shop.post(table, body).expect(201);
        let location = created.header("location").unwrap().to_owned();
        assert_eq!(location, shop.path(table, &format!("/{}", shop.key(table, &created.json).unwrap())));
        assert_eq!(shop.client.get(&location).expect(200).json, created.json, "{location}");
        shop.client.delete(&location).expect(204);
        shop.client.get(&location).expect(404);
    }
    server.stop();
}

#[test]
fn an_answer_holds_what_defaults_triggers_and_declared_types_made_of_the_record() {
    let (server, shop) = open("shop");
    let customer = shop.create("customers", json!({"name": "x", "email": "e"}));
    assert_eq!(customer["id"].as_str().unwrap().len(), 36);
    assert_eq!(customer["newsletter"], 0, "an INTEGER is no BOOLEAN");
    let order = shop.create("orders", json!({"customer_id": customer["id"]}));
    assert_eq!(order["number"], "SO-000001");
    let contact = json!({"z": 1, "a": [true, null, 1.5, "é"], "b": {}});
    let supplier = shop.create("suppliers", json!({"code": "S", "name": "x", "contact": contact}));
    assert_eq!(supplier["contact"].to_string(), contact.to_string(), "members in their order");
    assert_eq!((&supplier["active"], &supplier["rating"]), (&json!(true), &json!(2.5)));
    let changed = shop.patch("suppliers", "S", json!({"active": false, "contact": null})).expect(200).json;
    assert_eq!((&changed["active"], &changed["contact"]), (&json!(false), &Value::Null));
    assert_eq!(shop.get("suppliers", "S"), changed);
    let product = json!({"sku": "A", "name": "Hammer", "price": 19.99, "attributes": {"colour": "red"}});
    let product = shop.create("products", product);
    assert_eq!((&product["price_cents"], &product["colour"]), (&json!(1_999), &json!("red")));
    assert_faults(
        shop.post("products", json!({"sku": "B", "name": "x", "price": 1, "price_cents": 1, "colour": "x"})),
        422,
        "read_only",
        &["colour", "price_cents"],
    );
    for value in [json!(1), json!("1"), json!("007"), json!(1.5), Value::Null] {
        // ON CONFLICT REPLACE: the second record of a key takes the place of the first.
        let setting = shop.create("shop_settings", json!({"key": "k", "value": value}));
        assert_eq!(setting["value"].to_string(), value.to_string(), "ANY keeps what was given");
        assert_eq!(shop.list("shop_settings", "key=k"), [setting]);
    }
    server.stop();
}

#[test]
fn an_array_with_one_bad_record_names_it_and_stores_none() {
    let (server, shop) = open("shop");
    let cases = [
        ("categories", json!([{"name": "a"}, {"name": "A"}]), 409, "unique", vec!["[1].name"]),
        (
            "categories",
            json!([{"name": "a"}, {"nome": "b", "name": "b"}]),
            422,
            "unknown_field",
            vec!["[1].nome"],
        ),
        (
            "coupons",
            json!([{"code": "a", "percent": 5}, {"code": "b"}]),
            422,
            "check",
            vec!["[1].percent", "[1].amount_cents"],
        ),
        (
            "products",
            json!([{"sku": "a", "name": "a", "price": 1}, {"sku": "b", "name": "b", "price": 1, "category_id": 99}]),
            409,
            "foreign_key",
            vec!["[1].category_id"],
        ),
        (
            "customers",
            json!([{"name": "a", "email": "a"}, {"email": "b"}]),
            422,
            "required",
            vec!["[1].name"],
        ),
        ("gift_cards", json!([{"code": "a"}, {"code": "b"}, {"code": "a"}]), 409, "unique", vec!["[2].code"]),
    ];
    for (table, body, status, code, fields) in cases {
        let before = shop.count(table, "");
        assert_faults(shop.post(table, body), status, code, &fields);
        assert_eq!(shop.count(table, ""), before, "{table}");
    }
    server.stop();
}

#[test]
fn rules_of_triggers_and_views_answer_in_words_a_client_can_use() {
    let (server, shop) = open("shop");
    let customer = shop.create("customers", json!({"name": "x", "email": "e"}));
    shop.create("products", json!({"id": 5, "sku": "A", "name": "Hammer", "price": 1}));
    shop.create("orders", json!({"customer_id": customer["id"]}));
    let item = json!({"order_id": 1, "line_no": 1, "product_id": 5, "unit_cents": 1});
    assert_raised(shop.post("order_items", item), "not enough stock");
    let movement = json!({"warehouse_id": 1, "product_id": 5, "quantity": 1, "reason": "delivery"});
    shop.create("stock_movements", movement);
    assert_raised(
        shop.patch("stock_movements", "1", json!({"quantity": 2})),
        "stock movements are append-only",
    );
    assert_raised(shop.delete("stock_movements", "1"), "stock movements are append-only");
    let shipment = shop.post("shipments", json!({"id": 1, "order_id": 1}));
    assert_faults(shipment, 409, "foreign_key", &["id", "papers_in"]);
    let mut cases = Vec::new();
    for view in ["order_totals", "product_catalogue", "customer_revenue", "low_stock"] {
        let one = shop.path(view, "/1");
        cases.push(Case::new("list", Call::get(shop.path(view, "")), 200).has("items"));
        cases.push(Case::new("create", Call::post(shop.path(view, ""), json!({})), 405));
        cases.push(Case::new("change", Call::patch(&one, json!({})), 405).has("read_only_table"));
        cases.push(Case::new("remove", Call::delete(&one), 405).has("read_only_table"));
    }
    run_cases(&shop.client, &cases);
    server.stop();
}

#[test]
fn what_ends_a_transaction_harms_none_of_twenty_writers_beside_it() {
    let (server, shop) = open("shop");
    shop.create("customers", json!({"name": "x", "email": "dropped@example.com", "newsletter": 1}));
    shop.create("gift_cards", json!({"code": "blocked", "blocked": 1}));
    shop.create("gift_cards", json!({"code": "open"}));
    let stored = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..20)
            .map(|writer| {
                let shop = &shop;
                scope.spawn(move || write_among_failures(shop, writer))
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect::<BTreeSet<String>>()
    });
    assert_eq!(stored.len(), 20 * 6);
    let found = shop.all("customers", "limit=500&fields=id&name=like.w*");
    let found: BTreeSet<String> =
        found.iter().map(|record| record["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(found, stored, "every acknowledged record, and no other");
    assert_eq!(shop.count("gift_cards", ""), 2);
    assert_eq!(shop.get("gift_cards", "open")["balance_cents"], 0);
    assert_eq!(shop.count("newsletter_signups", ""), 0);
    server.stop();
}

/// Six good records, each followed by one statement that ends badly in a way of its own; returns their ids.
fn write_among_failures(shop: &Records, writer: usize) -> Vec<String> {
    let mut stored = Vec::new();
    for round in 0..6 {
        let name = format!("w{writer}-{round}");
        let record = shop.create("customers", json!({"name": name, "email": format!("{name}@example.com")}));
        stored.push(record["id"].as_str().unwrap().to_owned());
        match (writer + round) % 5 {
            0 => assert_faults(shop.post("gift_cards", json!({"code": "open"})), 409, "unique", &["code"]),
            1 => assert_raised(
                shop.patch("gift_cards", "blocked", json!({"balance_cents": 5})),
                "a blocked gift card cannot be used",
            ),
            2 => assert_raised(
                shop.patch("gift_cards", "open", json!({"balance_cents": 1_000_001})),
                "a gift card holds at most 10000.00",
            ),
            3 => drop(
                shop.post("newsletter_signups", json!({"email": "DROPPED@example.com"}))
                    .expect_code(422, "dropped"),
            ),
            _ => assert_faults(
                shop.post("gift_cards", json!([{"code": name}, {"code": "open"}])),
                409,
                "unique",
                &["[1].code"],
            ),
        }
    }
    stored
}
