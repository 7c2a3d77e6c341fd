//! Related records along foreign keys, both ways and two levels deep.

use super::hidden::restriction;
use super::*;

const SHOP: &str = "
    CREATE TABLE regions (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE customers (id TEXT PRIMARY KEY, name TEXT, secret TEXT, region_id INTEGER REFERENCES regions);
    CREATE TABLE coupons (code TEXT COLLATE NOCASE PRIMARY KEY, percent INT);
    CREATE TABLE k (a INT, b TEXT, label TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE TABLE \"t.1,x:y\" (id INTEGER PRIMARY KEY, invoice INTEGER REFERENCES invoices (id));
    CREATE TABLE invoices (id INTEGER PRIMARY KEY, customer_id TEXT REFERENCES customers (id),
      other_id TEXT REFERENCES customers (id), coupon TEXT REFERENCES coupons (code), a INT, b TEXT,
      hidden_by TEXT REFERENCES customers (id), FOREIGN KEY (a, b) REFERENCES k (a, b));
    CREATE TABLE lines (invoice_id INTEGER REFERENCES invoices (id), no INT, k_a INT, k_b TEXT,
      PRIMARY KEY (invoice_id, no), FOREIGN KEY (k_a, k_b) REFERENCES k (a, b)) WITHOUT ROWID;
    CREATE TABLE plain (id INTEGER PRIMARY KEY, expand TEXT, up INTEGER REFERENCES plain (id));
    INSERT INTO regions VALUES (1, 'north');
    INSERT INTO customers VALUES ('c1', 'Ada', 'planted', 1), ('c2', 'Bob', 'planted', NULL);
    INSERT INTO coupons VALUES ('Spring', 5); INSERT INTO k VALUES (1, 'x', 'kx'), (2, 'x', 'k2');
    INSERT INTO invoices VALUES (1, 'c1', 'c2', 'SPRING', 1, 'x', 'c1'), (2, 'c1', NULL, NULL, 2, NULL, NULL),
      (3, NULL, 'c1', 'spring', NULL, NULL, NULL);
    INSERT INTO lines VALUES (1, 2, 2, 'x'), (1, 1, 1, 'x'), (3, 1, NULL, 'x');
    INSERT INTO \"t.1,x:y\" VALUES (5, 2), (4, 2);";

fn shop() -> App {
    App::sql(SHOP)
        .restricted("customers", &restriction(None, &["secret"], &[]))
        .restricted("invoices", &restriction(None, &["hidden_by"], &[]))
}

/// What each of the records is expanded by.
fn expanded(app: &App, table: &str, params: &[(&str, &str)]) -> Vec<Json> {
    app.list(table, params).iter().map(|record| record["expand"].clone()).collect()
}

#[test]
fn relations_lead_both_ways_and_two_levels() {
    let app = shop();
    let (ada, bob) = (
        json!({"id": "c1", "name": "Ada", "region_id": 1}),
        json!({"id": "c2", "name": "Bob", "region_id": null}),
    );
    let with = |base: &Json, expand: Json| {
        let mut record = base.clone();
        record["expand"] = expand;
        record
    };
    let kx = json!({"a": 1, "b": "x", "label": "kx"});
    let north = json!({"region_id": {"id": 1, "name": "north"}});
    assert_eq!(
        expanded(
            &app,
            "invoices",
            &[("expand", "customer_id.region_id,other_id,customer_id,coupon,b"), ("fields", "id")]
        ),
        [
            json!({"customer_id": with(&ada, north.clone()), "other_id": bob, "coupon": {"code": "Spring", "percent": 5}, "b": kx}),
            json!({"customer_id": with(&ada, north), "other_id": null, "coupon": null, "b": null}),
            json!({"customer_id": null, "other_id": ada, "coupon": {"code": "Spring", "percent": 5}, "b": null}),
        ]
    );
    let line = |invoice: i64, no: i64, k: Json| {
        let (a, b) = if k.is_null() { (Json::Null, json!("x")) } else { (k["a"].clone(), k["b"].clone()) };
        json!({"invoice_id": invoice, "no": no, "k_a": a, "k_b": b, "expand": {"k_a": k}})
    };
    let k2 = json!({"a": 2, "b": "x", "label": "k2"});
    assert_eq!(
        expanded(&app, "invoices", &[("expand", "lines.k_a,\"t.1,x:y\"")]),
        [
            json!({"lines": [line(1, 1, kx), line(1, 2, k2)], "t.1,x:y": []}),
            json!({"lines": [], "t.1,x:y": [{"id": 4, "invoice": 2}, {"id": 5, "invoice": 2}]}),
            json!({"lines": [line(3, 1, Json::Null)], "t.1,x:y": []}),
        ]
    );
    let ids =
        |list: &Json| list.as_array().unwrap().iter().map(|record| record["id"].clone()).collect::<Vec<_>>();
    let customers =
        expanded(&app, "customers", &[("expand", "invoices:customer_id.lines,invoices:other_id")]);
    assert_eq!(ids(&customers[0]["invoices:customer_id"]), [1, 2]);
    assert_eq!(customers[0]["invoices:customer_id"][0]["expand"]["lines"].as_array().unwrap().len(), 2);
    assert_eq!(ids(&customers[0]["invoices:other_id"]), [3]);
    assert_eq!(ids(&customers[1]["invoices:other_id"]), [1]);
    assert_eq!(
        ids(&expanded(&app, "coupons", &[("expand", "invoices")])[0]["invoices"]),
        [1, 3],
        "by NOCASE"
    );
    assert_eq!(
        expanded(&app, "k", &[("expand", "invoices,lines:k_b"), ("order", "-a")])[1]["invoices"][0]["id"],
        1
    );
    assert!(!app.list("invoices", &[("expand", "customer_id")])[0].to_string().contains("planted"));
}

#[test]
fn an_expanded_page_goes_on_as_any_other() {
    let app = shop();
    for order in ["id", "-customer_id", "b,-id"] {
        let whole = app.list("invoices", &[("expand", "customer_id,lines"), ("order", order)]);
        let (mut found, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut params =
                vec![("expand", "customer_id,lines"), ("order", order), ("limit", "1"), ("fields", "id")];
            if !cursor.is_empty() {
                params.push(("cursor", &cursor));
            }
            let page = app.page("invoices", &params).unwrap();
            found.extend(
                page["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|item| (item["id"].clone(), item["expand"].clone())),
            );
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = next.to_owned();
        }
        let whole: Vec<_> = whole.iter().map(|item| (item["id"].clone(), item["expand"].clone())).collect();
        assert_eq!(found, whole, "{order}");
    }
}

#[test]
fn what_may_not_be_known_of_is_not_expanded() {
    let app = shop();
    let detail = |table: &str, expand: &str, code: &str| {
        let error = app.page(table, &[("expand", expand)]).unwrap_err();
        assert_eq!(error.code(), code, "{expand}: {error:?}");
        error.detail().to_owned()
    };
    let nothing = detail("invoices", "nope", "unknown_expand");
    for name in ["hidden_by", "id", "regions", "\"customers\"", "lines:no", "lines:nope", "_changes"] {
        let shown = name.replace('"', "");
        assert_eq!(detail("invoices", name, "unknown_expand"), nothing.replace("nope", &shown), "{name}");
    }
    assert_eq!(
        detail("customers", "invoices:hidden_by", "unknown_expand"),
        detail("customers", "invoices:nope", "unknown_expand").replace("nope", "hidden_by")
    );
    let ways = detail("customers", "invoices", "ambiguous_expand");
    assert!(
        ways.contains("invoices:customer_id, invoices:other_id.") && !ways.contains("hidden_by"),
        "{ways}"
    );
    for text in
        ["", ",", "customer_id,", "customer_id.", "\"customer_id", "lines:", "\"lines\"x", "a.b.c", ".a"]
    {
        detail("invoices", text, "bad_expand");
    }
    detail("plain", "up", "bad_expand");
    assert_eq!(expanded(&app, "plain", &[("expand", "plain"), ("fields", "id")]), [] as [Json; 0]);
    // What the caller may not read is left out of `Readable`, and then like what does not exist.
    let table = app.table("invoices");
    let some: Readable = app.schema.tables().filter(|table| table.name != "customers").collect();
    let error = Expansion::parse(&table, "customer_id", None, &some).unwrap_err();
    assert_eq!(error.detail(), nothing.replace("nope", "customer_id"));
}

#[test]
fn expansions_are_bounded() {
    let app = App::sql(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, big TEXT); CREATE TABLE c (id INTEGER PRIMARY KEY, p INT REFERENCES p);
         CREATE INDEX by_p ON c (p);
         INSERT INTO p VALUES (1, ''), (2, ''), (3, hex(zeroblob(1500000)));",
    );
    app.execute(
        "INSERT INTO c WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
        SELECT i, CASE WHEN i <= 100 THEN 2 WHEN i <= 103 THEN 3 ELSE 1 END FROM n",
    );
    let items = app.list("p", &[("expand", "c"), ("fields", "id")]);
    let ids: Vec<_> =
        items[0]["expand"]["c"].as_array().unwrap().iter().map(|c| c["id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (104..204).collect::<Vec<_>>());
    assert_eq!(items[0]["expand_truncated"], json!(["c"]));
    assert_eq!(items[1]["expand"]["c"].as_array().unwrap().len(), 100);
    assert!(items[1].get("expand_truncated").is_none());
    // One large record, repeated for each that refers to it.
    let large = app.page("c", &[("p", "3"), ("expand", "p")]).unwrap_err();
    assert_eq!(large.code(), "expand_too_large");
    assert!(app.page("c", &[("p", "3"), ("expand", "p"), ("limit", "1")]).is_ok());
    let many = (0..11).map(|_| "c".to_owned()).collect::<Vec<_>>().join(",");
    assert!(app.page("p", &[("expand", &many), ("fields", "id"), ("id", "2")]).is_ok(), "the same is one");
}

#[test]
fn one_record_is_expanded_too() {
    let app = shop();
    let table = app.table("invoices");
    let expand =
        Expansion::parse(&table, "customer_id.region_id,lines", Some(&[0]), &app.readable()).unwrap();
    let find = |key: &str| {
        let key = RecordKey::parse(&table, key).unwrap();
        app.database.read_blocking(|tx| find_expanded(tx.app(), &table, &key, Some(&[0]), &expand)).unwrap()
    };
    let found = read(&find("1").unwrap());
    assert_eq!(
        found,
        app.list("invoices", &[("id", "1"), ("expand", "customer_id.region_id,lines"), ("fields", "id")])[0]
    );
    assert_eq!(find("9"), None);
}

#[test]
fn a_relation_of_a_page_is_one_statement_that_enters_an_index() {
    let app = App::sql(
        "CREATE TABLE p (id TEXT PRIMARY KEY, a INT); CREATE TABLE c (id TEXT PRIMARY KEY, p TEXT REFERENCES p);
         CREATE INDEX by_p ON c (p);",
    );
    for (table, name, ways) in [
        ("c", "p", ["SEARCH t USING INDEX sqlite_autoindex_p_1 (id=?)"].as_slice()),
        (
            "p",
            "c",
            &["SEARCH t USING INTEGER PRIMARY KEY (rowid=?)", "SEARCH c USING COVERING INDEX by_p (p=?)"],
        ),
    ] {
        let expand = Expansion::parse(&app.table(table), name, None, &app.readable()).unwrap();
        let value = [crate::db::Value::from("x")];
        let (sql, params) = related::statement(&expand[0], &[&value, &value, &value]);
        assert_eq!(params.len(), 4, "filled up to a power of two");
        let mut plan = Vec::new();
        app.database
            .read_blocking(|tx| {
                Ok(tx.app().each(&format!("EXPLAIN QUERY PLAN {sql}"), params.clone(), |row| {
                    plan.push(row.get::<String>(3)?);
                    Ok(ControlFlow::Continue(()))
                })?)
            })
            .unwrap();
        for way in ways {
            assert!(plan.iter().any(|line| line == way), "{way}: {plan:?}");
        }
    }
}
