//! Every table of the shop is created in, read, listed, changed and deleted from as its migrations made it.

use super::*;
use crate::error::Kind;

/// What each table needs, parents first.
fn fill(app: &App) -> Vec<(&'static str, String, Json)> {
    let bodies = [
        ("categories", json!({"name": "Tools"})),
        ("suppliers", json!({"code": "ACME", "name": "Acme", "contact": {"z": 1, "a": [true, null]}})),
        (
            "products",
            json!({"id": "5", "sku": "SKU-1", "name": "Hammer", "supplier_code": "ACME", "price": "19.99",
            "category_id": 2, "attributes": {"colour": "red"}}),
        ),
        (
            "product_images",
            json!({"product_id": 5, "sha256": "//".repeat(16) + "AAAAAAAAAAA=",
            "thumbnail": ""}),
        ),
        ("supplier_offers", json!({"supplier_code": "ACME", "product_sku": "sku-1", "unit_cents": 900})),
        ("customers", json!({"name": "Ada", "email": "ada@example.test"})),
        ("coupons", json!({"code": "Spring", "percent": 10})),
        (
            "stock_movements",
            json!({"warehouse_id": 1, "product_id": 5, "quantity": 50, "reason": "delivery"}),
        ),
        ("warehouses", json!({"id": 2, "name": "Other"})),
        (
            "stock_transfers",
            json!({"from_warehouse_id": 1, "to_warehouse_id": 2, "product_id": 5, "quantity": 3}),
        ),
        ("shop_settings", json!({"key": "greeting", "value": 1.5})),
        ("gift_cards", json!({"code": "G/1, a"})),
        ("newsletter_signups", json!({"email": "bob@example.test"})),
    ];
    let mut made = Vec::new();
    for (table, body) in bodies {
        let (record, key) = app.create(table, &body);
        made.push((table, key, record));
    }
    let customer = made[5].1.clone();
    let more = [
        ("addresses", json!({"customer_id": customer, "label": "home, 1/2 é", "street": "s", "city": "c"})),
        ("orders", json!({"customer_id": customer, "ship_label": "home, 1/2 é", "coupon_code": "SPRING"})),
        (
            "order_items",
            json!({"order_id": 1, "line_no": 1, "product_id": 5, "quantity": 2, "unit_cents": 1999}),
        ),
        (
            "payments",
            json!({"order_id": 1, "amount": 39.98, "provider": "p", "provider_ref": "r", "captured": true,
            "raw_event": [1, "two"]}),
        ),
        ("reviews", json!({"product_id": 5, "customer_id": customer, "stars": 5})),
    ];
    for (table, body) in more {
        let (record, key) = app.create(table, &body);
        made.push((table, key, record));
    }
    made
}

#[test]
fn every_table_is_created_in_and_found_again_by_its_key() {
    let app = App::shop();
    let made = fill(&app);
    for (table, key, record) in &made {
        assert_eq!(app.get(table, key).unwrap().as_ref(), Some(record), "{table} {key}");
        assert!(app.list(table, &[]).contains(record) || *table == "products", "{table}");
        assert_eq!(app.patch(table, key, &json!({})).unwrap().as_ref(), Some(record), "{table}");
    }
    let tables: Vec<_> =
        app.schema.tables().filter(|table| table.is_writable()).map(|t| t.name.clone()).collect();
    for table in tables {
        let is_filled = made.iter().any(|(name, ..)| *name == table);
        assert!(is_filled || ["stock_levels", "shipments", "parcels"].contains(&table.as_str()), "{table}");
    }
}

#[test]
fn values_are_what_the_schema_says() {
    let app = App::shop();
    let made = fill(&app);
    let record = |table: &str| &made.iter().find(|(name, ..)| *name == table).unwrap().2;
    let key = |table: &str| made.iter().find(|(name, ..)| *name == table).unwrap().1.as_str();
    let product = record("products");
    assert_eq!(product["price"], json!(19.99));
    assert_eq!(product["price_cents"], json!(1999));
    assert_eq!(product["colour"], json!("red"));
    assert_eq!(product["discontinued"], json!(false));
    assert_eq!(product["attributes"], json!({"colour": "red"}));
    assert_eq!(record("suppliers")["active"], json!(true));
    assert_eq!(record("suppliers")["contact"], json!({"z": 1, "a": [true, null]}));
    assert_eq!(record("customers")["newsletter"], json!(0));
    assert_eq!(record("customers")["id"].as_str().unwrap().len(), 36);
    assert_eq!(record("payments")["captured"], json!(true));
    assert_eq!(record("payments")["raw_event"], json!([1, "two"]));
    assert_eq!(record("payments")["id"].as_str().unwrap().len(), 24);
    assert_eq!(key("payments").len(), 22);
    assert_eq!(record("orders")["number"], json!("SO-000001"), "filled by a trigger after the insert");
    assert_eq!(record("order_items")["total_cents"], json!(3998));
    assert_eq!(record("shop_settings")["value"], json!(1.5));
    assert_eq!(record("product_images")["thumbnail"], json!(""));
    assert_eq!(record("product_images")["alt_text"], Json::Null);
    assert!(key("addresses").ends_with(",home%2C%201%2F2%20%C3%A9"));
    assert_eq!(key("gift_cards"), "G%2F1%2C%20a");
    assert_eq!(app.get("coupons", "SPRING").unwrap().unwrap()["code"], json!("Spring"));
    assert_eq!(app.get("stock_levels", "1,5").unwrap().unwrap()["on_hand"], json!(45));
}

#[test]
fn every_view_is_listed_and_none_is_written() {
    let app = App::shop();
    fill(&app);
    for view in ["order_totals", "product_catalogue", "customer_revenue", "low_stock"] {
        assert_eq!(app.list(view, &[]).len(), 1, "{view}");
        assert_eq!(app.post(view, &json!({})).unwrap_err().code(), "read_only_table");
        assert_eq!(app.get(view, "1").unwrap_err().kind(), Kind::NotAllowed);
    }
    assert_eq!(app.list("order_totals", &[("pieces", "gte.2"), ("total_cents", "3998")]).len(), 1);
    assert_eq!(app.list("customer_revenue", &[("largest order", "gt.5")])[0]["largest order"], json!(3998));
    assert_eq!(app.list("product_catalogue", &[("discontinued", "false")])[0]["discontinued"], json!(false));
}

#[test]
fn records_are_changed_and_deleted() {
    let app = App::shop();
    let made = fill(&app);
    let key = |table: &str| made.iter().find(|(name, ..)| *name == table).unwrap().1.clone();
    let changed =
        app.patch("products", "5", &json!({"price": 20, "attributes": {}, "id": 5})).unwrap().unwrap();
    assert_eq!((&changed["price"], &changed["colour"]), (&json!(20), &Json::Null));
    assert_eq!(
        app.patch("coupons", "spring", &json!({"code": "Spring", "percent": 11})).unwrap().unwrap()["percent"],
        11
    );
    assert_eq!(app.patch("products", "99", &json!({"price": 1})).unwrap(), None);
    assert_eq!(app.patch("products", "99", &json!({"id": 99})).unwrap(), None);
    for table in
        ["payments", "reviews", "product_images", "shop_settings", "gift_cards", "newsletter_signups"]
    {
        assert!(app.delete(table, &key(table)).unwrap(), "{table}");
        assert!(!app.delete(table, &key(table)).unwrap(), "{table}");
        assert_eq!(app.get(table, &key(table)).unwrap(), None, "{table}");
    }
}

#[test]
fn tables_are_described_as_the_interface_says() {
    let app = App::shop();
    let all = TableRights { read: true, write: true };
    let described = |name: &str| serde_json::to_value(app.table(name).describe(all, &|_| true)).unwrap();
    let orders = described("orders");
    assert_eq!((&orders["kind"], &orders["key"]), (&json!("table"), &json!(["id"])));
    assert_eq!(orders["permissions"], json!(["read", "write"]));
    let column = |table: &Json, name: &str| {
        table["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap().clone()
    };
    assert_eq!(
        column(&orders, "customer_id"),
        json!({"name": "customer_id", "type": "text", "declared": "TEXT", "required": true, "has_default": false,
            "generated": false, "read_only": false, "references": {"table": "customers", "column": "id"}})
    );
    assert_eq!(column(&orders, "ship_label")["references"], json!({"table": "addresses", "column": "label"}));
    assert_eq!(column(&orders, "placed_on")["generated"], json!(true));
    assert_eq!(column(&orders, "id")["required"], json!(false));
    let payments = described("payments");
    assert_eq!(column(&payments, "order_id")["references"], json!({"table": "orders", "column": "id"}));
    assert_eq!(column(&payments, "raw_event")["type"], json!("json"));
    assert_eq!(column(&described("suppliers"), "code")["required"], json!(true));
    assert_eq!(column(&described("product_images"), "alt_text")["has_default"], json!(false));
    assert_eq!(described("order_totals")["key"], json!([]));
    assert!(app.schema.table("_migrations").is_none() && app.schema.table("sqlite_sequence").is_none());
}

#[test]
fn files_of_the_same_migrations_have_the_same_fingerprint() {
    let (one, other) = (App::shop(), App::shop());
    assert_eq!(one.fingerprint, other.fingerprint);
    one.execute("CREATE TABLE _own (a)");
    assert_eq!(one.database.read_blocking(fingerprint).unwrap(), other.fingerprint);
    one.execute("CREATE INDEX another ON orders (paid_at)");
    assert_ne!(one.database.read_blocking(fingerprint).unwrap(), other.fingerprint);
}
