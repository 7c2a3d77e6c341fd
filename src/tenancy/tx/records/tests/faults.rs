//! Every violated constraint comes back as an error that names the fields.

use super::*;
use crate::error::Kind;

fn with_order() -> (App, String) {
    let app = App::shop();
    let (_, customer) = app.create("customers", &json!({"name": "Ada", "email": "ada@example.test"}));
    app.create("products", &json!({"id": 5, "sku": "A", "name": "Hammer", "price": 3, "barcode": "1"}));
    app.create(
        "stock_movements",
        &json!({"warehouse_id": 1, "product_id": 5, "quantity": 9, "reason": "delivery"}),
    );
    app.create("orders", &json!({"customer_id": customer, "client_ref": "x"}));
    (app, customer)
}

#[track_caller]
fn assert_fault(error: Error, kind: Kind, code: &str, fields: &[(&str, &str)]) {
    assert_eq!((error.kind(), error.code()), (kind, code), "{error:?}");
    assert_eq!(faults_of(&error), pairs(fields), "{error:?}");
}

#[test]
fn every_wrong_field_of_a_body_is_named_at_once() {
    let app = App::shop();
    let body = json!({"sku": 5, "price": "a lot", "price_cents": 1, "nope": 1, "discontinued": "yes",
        "attributes": null, "weight_g": 1.5, "barcode": ["1"]});
    let error = app.post("products", &body).unwrap_err();
    assert_fault(
        error,
        Kind::Invalid,
        "invalid",
        &[
            ("attributes", "required"),
            ("barcode", "type"),
            ("discontinued", "type"),
            ("name", "required"),
            ("nope", "unknown_field"),
            ("price", "type"),
            ("price_cents", "read_only"),
            ("sku", "type"),
            ("weight_g", "type"),
        ],
    );
    let error = app.post("categories", &json!([{"name": "a"}, 5, {"position": "x"}])).unwrap_err();
    assert_fault(
        error,
        Kind::Invalid,
        "invalid",
        &[("[1]", "type"), ("[2].name", "required"), ("[2].position", "type")],
    );
    let twice = app.insert("categories", br#"{"name":"a","name":"b"}"#).unwrap_err();
    assert_fault(twice, Kind::Invalid, "invalid", &[("name", "repeated_field")]);
    assert_eq!(app.insert("categories", b"5").unwrap_err().kind(), Kind::Invalid);
    let error = app.insert("categories", br#"{"name":"\ud800"}"#).unwrap_err();
    assert_fault(error, Kind::Invalid, "invalid", &[("name", "type")]);
}

#[test]
fn a_unique_constraint_names_its_columns() {
    let (app, customer) = with_order();
    let unique = |table: &str, body: Json, fields: &[(&str, &str)]| {
        assert_fault(app.post(table, &body).unwrap_err(), Kind::Conflict, "unique", fields);
    };
    unique(
        "orders",
        json!({"customer_id": customer, "client_ref": "x"}),
        &[("client_ref", "unique"), ("customer_id", "unique")],
    );
    unique("products", json!({"sku": "a", "name": "B", "price": 1}), &[("sku", "unique")]);
    unique("products", json!({"sku": "b", "name": " HAMMER", "price": 1}), &[("name", "unique")]);
    unique(
        "products",
        json!({"sku": "b", "name": "b", "price": 1, "barcode": "1"}),
        &[("barcode", "unique")],
    );
    unique("customers", json!({"name": "x", "email": "ADA@example.test"}), &[("email", "unique")]);
    unique("products", json!({"id": 5, "sku": "b", "name": "b", "price": 1}), &[("id", "unique")]);
    unique(
        "stock_levels",
        json!({"warehouse_id": 1, "product_id": 5}),
        &[("product_id", "unique"), ("warehouse_id", "unique")],
    );
    let (_, other) = app.create("customers", &json!({"name": "x", "email": "x@example.test"}));
    let error = app.patch("customers", &other, &json!({"email": "Ada@Example.test"})).unwrap_err();
    assert_fault(error, Kind::Conflict, "unique", &[("email", "unique")]);
    let error = app.post("categories", &json!([{"name": "a"}, {"name": "A"}])).unwrap_err();
    assert_fault(error, Kind::Conflict, "unique", &[("[1].name", "unique")]);
    assert_eq!(app.list("categories", &[]).len(), 1, "all or nothing");
    // ON CONFLICT ROLLBACK ends the transaction; the next write works again.
    app.create("gift_cards", &json!({"code": "G"}));
    unique("gift_cards", json!({"code": "G"}), &[("code", "unique")]);
    app.create("gift_cards", &json!({"code": "H"}));
    // ON CONFLICT REPLACE is what the founder asked for.
    app.create("shop_settings", &json!({"key": "k", "value": 1}));
    app.create("shop_settings", &json!({"key": "k", "value": "1"}));
    assert_eq!(app.list("shop_settings", &[]).len(), 1);
}

#[test]
fn all_broken_checks_are_named_with_the_columns_they_mention() {
    let (app, customer) = with_order();
    let check = |error: Error, fields: &[(&str, &str)]| assert_fault(error, Kind::Invalid, "check", fields);
    check(app.post("suppliers", &json!({"code": "low", "name": "x"})).unwrap_err(), &[("code", "check")]);
    check(
        app.post(
            "customers",
            &json!({"name": " ", "email": "e", "tier": "iron", "newsletter": 3, "born_on": "2026-02-30"}),
        )
        .unwrap_err(),
        &[("born_on", "check"), ("name", "check"), ("newsletter", "check"), ("tier", "check")],
    );
    check(
        app.post("coupons", &json!({"code": "c"})).unwrap_err(),
        &[("amount_cents", "check"), ("percent", "check")],
    );
    check(
        app.post("coupons", &json!({"code": "c", "percent": 5, "valid_from": "2027-01-01"})).unwrap_err(),
        &[("valid_from", "check"), ("valid_to", "check")],
    );
    check(
        app.patch("products", "5", &json!({"sale_price": 4, "barcode": "x"})).unwrap_err(),
        &[("barcode", "check"), ("price", "check"), ("sale_price", "check")],
    );
    check(
        app.patch("orders", "1", &json!({"status": "shipped"})).unwrap_err(),
        &[("shipped_at", "check"), ("status", "check")],
    );
    check(
        app.post(
            "order_items",
            &json!({"order_id": 1, "line_no": 1, "product_id": 5, "unit_cents": 1, "discount_cents": 5}),
        )
        .unwrap_err(),
        &[("discount_cents", "check"), ("quantity", "check"), ("unit_cents", "check")],
    );
    let error = app
        .post("reviews", &json!([{"product_id": 5, "customer_id": customer, "stars": 5, "complaint": 1}]))
        .unwrap_err();
    check(error, &[("[0].complaint", "check"), ("[0].stars", "check")]);
    // The rule is of another table, two triggers further.
    let error = app
        .post(
            "stock_transfers",
            &json!({"from_warehouse_id": 1, "to_warehouse_id": 1, "product_id": 5, "quantity": 1}),
        )
        .unwrap_err();
    check(error, &[("from_warehouse_id", "check"), ("to_warehouse_id", "check")]);
    app.create("warehouses", &json!({"id": 2, "name": "b"}));
    let error = app
        .post(
            "stock_transfers",
            &json!({"from_warehouse_id": 1, "to_warehouse_id": 2, "product_id": 5, "quantity": 99}),
        )
        .unwrap_err();
    check(error, &[]);
}

#[test]
fn foreign_keys_name_what_points_nowhere_and_who_still_refers() {
    let (app, customer) = with_order();
    let foreign =
        |error: Error, fields: &[(&str, &str)]| assert_fault(error, Kind::Conflict, "foreign_key", fields);
    foreign(
        app.post(
            "products",
            &json!({"sku": "b", "name": "b", "price": 1, "category_id": 9, "supplier_code": "X"}),
        )
        .unwrap_err(),
        &[("category_id", "foreign_key"), ("supplier_code", "foreign_key")],
    );
    foreign(
        app.post("orders", &json!({"customer_id": customer, "bill_label": "none"})).unwrap_err(),
        &[("bill_label", "foreign_key"), ("customer_id", "foreign_key")],
    );
    foreign(
        app.patch("orders", "1", &json!({"coupon_code": "none"})).unwrap_err(),
        &[("coupon_code", "foreign_key")],
    );
    // Without an order a trigger fails first, on a column of another table.
    foreign(
        app.post("order_items", &json!({"order_id": 9, "line_no": 1, "product_id": 5, "unit_cents": 1}))
            .unwrap_err(),
        &[("order_id", "foreign_key")],
    );
    foreign(
        app.post("payments", &json!([{"order_id": 9, "amount": 1, "provider": "p", "provider_ref": "r"}]))
            .unwrap_err(),
        &[("[0].order_id", "foreign_key")],
    );
    foreign(app.delete("customers", &customer).unwrap_err(), &[("orders", "foreign_key")]);
    foreign(app.delete("products", "5").unwrap_err(), &[("stock_movements", "foreign_key")]);
    // The default that products of a deleted category turn to would be that category itself.
    foreign(app.delete("categories", "1").unwrap_err(), &[("products", "foreign_key")]);
    // CASCADE deletes the addresses, which an order names.
    let (_, other) = app.create("customers", &json!({"name": "B", "email": "b@example.test"}));
    app.create("addresses", &json!({"customer_id": other, "label": "l", "street": "s", "city": "c"}));
    app.create("orders", &json!({"customer_id": other, "ship_label": "l"}));
    foreign(app.delete("addresses", &format!("{other},l")).unwrap_err(), &[("orders", "foreign_key")]);
}

#[test]
fn a_deferred_key_that_stays_open_is_named() {
    let (app, _) = with_order();
    let error = app.post("shipments", &json!({"id": 1, "order_id": 1})).unwrap_err();
    assert_fault(
        error,
        Kind::Conflict,
        "foreign_key",
        &[("id", "foreign_key"), ("papers_in", "foreign_key")],
    );
    let error = app.post("shipments", &json!([{"id": 1, "order_id": 1, "papers_in": 7}])).unwrap_err();
    assert_fault(
        error,
        Kind::Conflict,
        "foreign_key",
        &[("[0].id", "foreign_key"), ("[0].papers_in", "foreign_key")],
    );
    // In one transaction both can be written, in either order.
    let (shipments, parcels) = (app.table("shipments"), app.table("parcels"));
    let shipment = NewRecords::parse(&shipments, br#"{"id":1,"order_id":1}"#, NOW).unwrap();
    let parcel =
        NewRecords::parse(&parcels, br#"{"shipment_id":1,"parcel_no":1,"weight_g":5}"#, NOW).unwrap();
    let both = app.write(move |tx| {
        let tx = tx.app();
        let keys = insert_unsettled(tx, &shipments, &shipment)?.keys;
        insert_unsettled(tx, &parcels, &parcel)?;
        settle(tx, &[(0, &shipments, &keys[0])])
    });
    app.runtime.block_on(both).unwrap();
    let error = app.delete("parcels", "1,1").unwrap_err();
    assert_fault(error, Kind::Conflict, "foreign_key", &[("shipments", "foreign_key")]);
}

#[test]
fn triggers_refuse_in_their_own_words_and_dropped_rows_are_no_success() {
    let (app, customer) = with_order();
    let error = app
        .post(
            "order_items",
            &json!({"order_id": 1, "line_no": 1, "product_id": 5, "quantity": 10, "unit_cents": 1}),
        )
        .unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Invalid, "refused"));
    assert!(error.detail().ends_with("not enough stock"));
    let error = app.delete("stock_movements", "1").unwrap_err();
    assert!(error.detail().ends_with("stock movements are append-only"));
    app.create("gift_cards", &json!({"code": "G", "blocked": 1}));
    let error = app.patch("gift_cards", "G", &json!({"balance_cents": 5})).unwrap_err();
    assert!(error.detail().ends_with("a blocked gift card cannot be used"));
    app.patch("customers", &customer, &json!({"newsletter": 1})).unwrap();
    let error = app.post("newsletter_signups", &json!({"email": "ADA@example.test"})).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Invalid, "dropped"));
    let error =
        app.post("newsletter_signups", &json!([{"email": "b"}, {"email": "ada@example.test"}])).unwrap_err();
    assert_fault(error, Kind::Invalid, "dropped", &[("[1]", "dropped")]);
    assert!(app.list("newsletter_signups", &[]).is_empty());
}

#[test]
fn an_ignored_change_or_delete_is_no_success() {
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a INT);
         INSERT INTO t VALUES (1, 1);
         CREATE TRIGGER u BEFORE UPDATE ON t BEGIN SELECT RAISE(IGNORE); END;
         CREATE TRIGGER d BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END;",
    );
    assert_eq!(app.patch("t", "1", &json!({"a": 2})).unwrap_err().code(), "dropped");
    assert_eq!(app.delete("t", "1").unwrap_err().code(), "dropped");
    assert_eq!(app.patch("t", "2", &json!({"a": 2})).unwrap(), None);
    assert!(!app.delete("t", "2").unwrap());
}

#[test]
fn a_key_cannot_be_changed() {
    let (app, _) = with_order();
    let error = app.patch("products", "5", &json!({"id": 6, "price": 1})).unwrap_err();
    assert_fault(error, Kind::Invalid, "invalid", &[("id", "read_only")]);
    app.create("coupons", &json!({"code": "Spring", "percent": 1}));
    let error = app.patch("coupons", "SPRING", &json!({"code": "spring"})).unwrap_err();
    assert_fault(error, Kind::Invalid, "invalid", &[("code", "read_only")]);
    assert!(app.patch("coupons", "SPRING", &json!({"code": "SPRING"})).unwrap().is_some());
}

#[test]
fn a_changed_column_that_others_refer_to_says_who_they_are() {
    let app = App::sql(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE);
         CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT REFERENCES p (code));
         INSERT INTO p VALUES (1, 'a'); INSERT INTO c VALUES (1, 'a');
         CREATE TABLE self (id INTEGER PRIMARY KEY, up INTEGER NOT NULL REFERENCES self, b INTEGER REFERENCES p);",
    );
    let error = app.patch("p", "1", &json!({"code": "b"})).unwrap_err();
    assert_fault(error, Kind::Conflict, "foreign_key", &[("c", "foreign_key")]);
    // A row that refers to itself is not at fault; its other key is.
    app.create("self", &json!({"id": 1, "up": 1}));
    let error = app.post("self", &json!({"id": 2, "up": 2, "b": 9})).unwrap_err();
    assert_fault(error, Kind::Conflict, "foreign_key", &[("b", "foreign_key")]);
}
