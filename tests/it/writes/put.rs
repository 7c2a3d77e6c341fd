//! PUT: created where there is none, changed where there is one.

use serde_json::json;

use super::{etag, send};
use crate::harness::{Call, Case, Installation, run_cases};
use crate::schemas::{assert_faults, base64, open};

#[test]
fn put_creates_once_and_then_changes_whatever_the_key_is_made_of() {
    let (server, shop) = open("shop");
    shop.create("products", json!({"id": 5, "sku": "A", "name": "Hammer", "price": 1}));
    let digest = [0xfb; 32];
    let in_path = base64(digest).replace('+', "-").replace('/', "_").replace('=', "");
    for (table, key, first, then) in [
        ("customers", "a%2Fb%2Cc".to_owned(), json!({"name": "x", "email": "e"}), json!({"tier": "gold"})),
        (
            "addresses",
            "a%2Fb%2Cc,%252C".to_owned(),
            json!({"street": "s", "city": "c"}),
            json!({"city": "d"}),
        ),
        ("categories", "77".to_owned(), json!({"name": "Tools"}), json!({"name": "Saws"})),
        ("coupons", "sale".to_owned(), json!({"percent": 5}), json!({"percent": 6})),
        ("product_images", format!("5,{in_path}"), json!({}), json!({"thumbnail": base64([0])})),
        ("stock_levels", "1,5".to_owned(), json!({}), json!({"on_hand": 3})),
    ] {
        let path = shop.path(table, &format!("/{key}"));
        let created = shop.client.send(&Call::put(&path, first)).expect(201);
        assert_eq!(created.header("location"), Some(path.as_str()));
        let read = shop.client.get(&path).expect(200);
        assert_eq!((&created.json, etag(&created)), (&read.json, etag(&read)), "{path}");
        let changed = shop.client.send(&Call::put(&path, then.clone())).expect(200);
        assert_eq!(changed.header("location"), None);
        let mut expected = read.json;
        expected.as_object_mut().unwrap().extend(then.as_object().unwrap().clone());
        assert_eq!(changed.json, expected, "the given columns and no other: {path}");
        assert_ne!(etag(&changed), etag(&created), "{path}");
    }
    server.stop();
}

#[test]
fn put_refuses_what_post_and_patch_refuse() {
    let (server, shop) = open("shop");
    let product = json!({"sku": "A", "name": "Hammer", "price": 1});
    let put = |table: &str, key: &str, body| Call::put(shop.path(table, &format!("/{key}")), body);
    let with = |name: &str, value: serde_json::Value| {
        let mut product = product.clone();
        product[name] = value;
        product
    };
    for (call, status, code, fields) in [
        (put("products", "5", with("id", json!(6))), 422, "read_only", &["id"][..]),
        (put("products", "5", with("price_cents", json!(6))), 422, "read_only", &["price_cents"]),
        (put("products", "5", with("colr", json!(6))), 422, "unknown_field", &["colr"]),
        (put("products", "5", json!({"sku": "B"})), 422, "required", &["name", "price"]),
        (put("products", "5", with("name", json!(1))), 422, "type", &["name"]),
        (put("products", "5", with("category_id", json!(99))), 409, "foreign_key", &["category_id"]),
    ] {
        assert_faults(shop.client.send(&call), status, code, fields);
        shop.client.get(&shop.path("products", "/5")).expect(404);
    }
    shop.client.send(&put("products", "5", product.clone())).expect(201);
    assert_faults(shop.client.send(&put("products", "5", json!({"id": 6}))), 422, "read_only", &["id"]);
    assert_faults(shop.client.send(&put("products", "6", product)), 409, "unique", &["name"]);
    run_cases(
        &shop.client,
        &[
            Case::new("a view", put("order_totals", "5", json!({})), 405).has("read_only_table"),
            Case::new("an unknown table", put("nothing", "5", json!({})), 404).has("unknown_table"),
            Case::new("half a key", put("stock_levels", "5", json!({})), 400).has("bad_key"),
            Case::new("no number", put("products", "five", json!({})), 404),
            Case::new("an array", put("products", "5", json!([{}])), 422).has("must be an object"),
            Case::new("a parameter", Call::put(shop.path("products", "/5?x=1"), json!({})), 400)
                .has("unknown_parameter"),
        ],
    );
    server.stop();
}

#[test]
fn a_table_without_a_key_is_put_to_by_rowid() {
    let tables = "CREATE TABLE lines (text TEXT NOT NULL);";
    let server = Installation::with_migrations(&[("0001_lines.sql", tables)]).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let path = acme.path("/records/lines/7");
    let created = ann.client.send(&Call::put(&path, json!({"text": "a"}))).expect(201);
    assert_eq!(
        (&created.json, created.header("location")),
        (&json!({"rowid": 7, "text": "a"}), Some(path.as_str()))
    );
    let changed = ann.client.send(&Call::put(&path, json!({"rowid": 7, "text": "b"}))).expect(200);
    assert_eq!(changed.json, json!({"rowid": 7, "text": "b"}));
    assert_faults(ann.client.send(&Call::put(&path, json!({"rowid": 8}))), 422, "read_only", &["rowid"]);
    server.stop();
}

#[test]
fn minimal_answers_have_no_body_and_say_so() {
    let server = Installation::new().serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (all, one) = (acme.path("/records/customers"), acme.path("/records/customers/one"));
    let batch = json!({"operations": [{"op": "create", "table": "notes", "record": {"title": "t"}}]});
    let name = json!({"name": "x"});
    for (method, path, body, status, location, tagged) in [
        ("PUT", &one, &name, 201, true, true),
        ("PUT", &one, &name, 204, false, true),
        ("PATCH", &one, &name, 204, false, true),
        ("POST", &all, &name, 201, true, true),
        ("POST", &all, &json!([{"name": "x"}, {"name": "y"}]), 201, false, false),
        ("POST", &acme.path("/batch"), &batch, 204, false, false),
    ] {
        let minimal = [("prefer", "respond-async, return=minimal")];
        let answer = send(&ann.client, method, path, Some(body), &minimal).expect(status);
        assert!(answer.bytes.is_empty(), "{} answered {}", answer.asked, answer.text());
        assert_eq!(answer.header("preference-applied"), Some("return=minimal"));
        assert_eq!(answer.header("location").is_some(), location, "{}", answer.asked);
        assert_eq!(answer.header("etag").is_some(), tagged, "{}", answer.asked);
        if let Some(location) = answer.header("location") {
            assert_eq!(etag(&ann.client.get(location).expect(200)), etag(&answer));
        }
    }
    let whole =
        send(&ann.client, "PATCH", &one, Some(&name), &[("prefer", "return=representation")]).expect(200);
    assert_eq!(whole.header("preference-applied"), Some("return=representation"));
    assert_eq!(
        send(&ann.client, "PATCH", &one, Some(&name), &[]).expect(200).header("preference-applied"),
        None
    );
    server.stop();
}
