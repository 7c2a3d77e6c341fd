//! Values come back as they went in, whatever is in them, and may be sent again as they came.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::etag;
use crate::harness::{Call, Client, Installation, Tenant};

const TABLES: &str = "
    CREATE TABLE loose (id INTEGER PRIMARY KEY, i INT, r DOUBLE, n DECIMAL(10, 2), t TEXT, b BLOB, f BOOLEAN, j JSON,
      d DATETIME, a, u UUID);
    CREATE TABLE firm (id TEXT PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB, a ANY) STRICT;
    CREATE TABLE noisy (id INTEGER PRIMARY KEY, r REAL, n NUMERIC, a, log TEXT);
    CREATE TRIGGER noisy_log AFTER UPDATE OF r, n, a ON noisy BEGIN
      UPDATE noisy SET log = coalesce(log, '') || 'x' WHERE id = NEW.id;
    END;
    CREATE TABLE bare (r REAL, n NUMERIC, t TEXT);";

/// JSON texts of numbers, whole or not, of any length.
fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("JSON has no such number", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        any::<f64>()
            .prop_filter("JSON has no such number", |n| n.is_finite())
            .prop_map(|n| json!(n).to_string()),
        (-1_000_i64..1_000).prop_map(|n| n.to_string()),
        (-1_000_i64..1_000, 0_u32..100).prop_map(|(n, cents)| format!("{n}.{cents:02}")),
        Just("-0.0".to_owned()),
        Just("-0".to_owned()),
        Just("0.0".to_owned()),
        Just("9007199254740993".to_owned()),
        Just("9223372036854775807".to_owned()),
        Just("-9223372036854775808".to_owned()),
        Just("5e-324".to_owned()),
        Just("1.7976931348623157e308".to_owned()),
        Just("1e3".to_owned()),
    ]
}

fn real() -> impl Strategy<Value = String> {
    prop_oneof![9 => number(), 1 => Just("\"Infinity\"".to_owned()), 1 => Just("\"-Infinity\"".to_owned())]
}

fn whole() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<i64>().prop_map(|n| format!("\"{n}\"")),
        (-9_007_199_254_740_993_i64..=-9_007_199_254_740_991).prop_map(|n| n.to_string()),
        (9_007_199_254_740_991_i64..=9_007_199_254_740_993).prop_map(|n| n.to_string()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,20}".prop_map(|text| json!(text).to_string()),
        "[\\x00-\\x20\"\\\\/\u{7f}\u{2028}\u{feff}é\u{10ffff}]{0,12}"
            .prop_map(|text| json!(text).to_string()),
        "[0-9eE+.-]{0,8}".prop_map(|text| json!(text).to_string()),
        Just("\"\\u0000a\\u0000\"".to_owned()),
    ]
}

/// Any JSON, with the spellings that a parser would lose: long numbers, repeated names, the order of names.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        number(),
        text(),
        Just("true".to_owned()),
        Just("null".to_owned()),
        "[1-9][0-9]{17,60}".prop_map(|digits| digits),
        "[1-9][0-9]{0,30}[.][0-9]{1,30}".prop_map(|digits| digits),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(|parts| format!("[{}]", parts.join(","))),
            proptest::collection::vec(("[ab\u{e9}\"]{0,2}", inner), 0..5).prop_map(|fields| {
                let fields = fields.into_iter().map(|(name, value)| format!("{}:{value}", json!(name)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }),
        ]
    })
}

fn inside_json() -> impl Strategy<Value = String> {
    any_json().prop_map(|value| format!("[{value}]"))
}

fn bytes() -> impl Strategy<Value = String> {
    proptest::collection::vec(any::<u8>(), 0..40)
        .prop_map(|bytes| json!(crate::schemas::base64(bytes)).to_string())
}

fn flag() -> impl Strategy<Value = String> {
    prop_oneof![Just("true".to_owned()), Just("false".to_owned())]
}

fn or_null(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![9 => inner, 1 => Just("null".to_owned())]
}

fn text_or_number() -> impl Strategy<Value = String> {
    prop_oneof![number(), text()]
}

fn object(fields: &[(&str, &String)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("\"{name}\":{value}"));
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

struct Place {
    client: Client,
    tenant: Tenant,
}

impl Place {
    /// Writes, reads, writes what was read, and reads again: always the same bytes and the same tag.
    fn there_and_back(&self, table: &str, key: &str, body: &str) -> Result<Value, TestCaseError> {
        let path = self.tenant.path(&format!("/records/{table}"));
        let send = |method: &str, path: &str, body: &str| {
            self.client.send(&Call::new(method, path).bytes("application/json", body))
        };
        let created = send("POST", &path, body);
        prop_assert_eq!(created.status, 201, "{} for {}", created.text(), body);
        let one = format!(
            "{path}/{}",
            created.json[key].as_str().map_or_else(|| created.json[key].to_string(), str::to_owned)
        );
        let read = self.client.get(&one).expect(200);
        prop_assert_eq!(created.text(), read.text(), "POST answers what GET answers");
        prop_assert_eq!(etag(&created), etag(&read));
        let put = send("PUT", &one, &read.text());
        prop_assert_eq!(put.status, 200, "{} for {}", put.text(), read.text());
        let again = self.client.get(&one).expect(200);
        prop_assert_eq!(put.text(), again.text(), "PUT answers what GET answers");
        prop_assert_eq!(etag(&put), etag(&again));
        if table != "noisy" {
            prop_assert_eq!(read.text(), again.text(), "what was read changes nothing");
        }
        self.client.delete(&one).expect(204);
        Ok(read.json)
    }
}

fn run<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    if let Err(error) = runner.run(&strategy, test) {
        panic!("{error}");
    }
}

#[test]
fn every_value_comes_back_as_it_went_in() {
    let server = Installation::with_migrations(&[("0001_values.sql", TABLES)]).serve();
    let (ann, tenant) = server.sign_up_with_tenant("ann", "acme");
    let place = Place { client: ann.client, tenant };
    let loose = (
        or_null(whole()),
        or_null(real()),
        or_null(real()),
        or_null(text()),
        or_null(bytes()),
        or_null(flag()),
        or_null(inside_json()),
        or_null(text_or_number()),
        or_null(text_or_number()),
    );
    run(200, loose, |(i, r, n, t, b, f, j, d, a)| {
        let fields = [
            ("i", &i),
            ("r", &r),
            ("n", &n),
            ("t", &t),
            ("b", &b),
            ("f", &f),
            ("j", &j),
            ("d", &d),
            ("a", &a),
            ("u", &d),
        ];
        let read = place.there_and_back("loose", "id", &object(&fields))?;
        for (name, sent) in [("t", &t), ("b", &b), ("f", &f)] {
            prop_assert_eq!(&read[name], &serde_json::from_str::<Value>(sent).unwrap());
        }
        prop_assert_eq!(whole_of(&read["i"]), whole_of(&serde_json::from_str(&i).unwrap()));
        Ok(())
    });
    let firm =
        (or_null(whole()), or_null(real()), or_null(text()), or_null(bytes()), or_null(text_or_number()));
    run(150, firm, |(i, r, t, b, a)| {
        let fields = [("i", &i), ("r", &r), ("t", &t), ("b", &b), ("a", &a)];
        place.there_and_back("firm", "id", &object(&fields)).map(drop)
    });
    run(60, (or_null(real()), or_null(real()), or_null(text_or_number())), |(r, n, a)| {
        place.there_and_back("noisy", "id", &object(&[("r", &r), ("n", &n), ("a", &a)])).map(drop)
    });
    run(60, (or_null(real()), or_null(real()), or_null(text())), |(r, n, t)| {
        place.there_and_back("bare", "rowid", &object(&[("r", &r), ("n", &n), ("t", &t)])).map(drop)
    });
    server.stop();
}

fn whole_of(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str().map(|text| text.parse().unwrap()))
}

#[test]
fn json_keeps_every_byte_that_means_something() {
    let server = Installation::with_migrations(&[("0001_values.sql", TABLES)]).serve();
    let (ann, tenant) = server.sign_up_with_tenant("ann", "acme");
    let path = tenant.path("/records/loose");
    run(150, any_json(), |value| {
        let call = Call::new("POST", &path).bytes("application/json", format!("{{\"j\":{value}}}"));
        let answer = ann.client.send(&call);
        if answer.status == 422 {
            // A number alone that SQLite would round is refused rather than changed.
            let is_long = value.starts_with(|first: char| first == '-' || first.is_ascii_digit());
            prop_assert!(is_long, "{} for {}", answer.text(), value);
            return Ok(());
        }
        let text = answer.expect(201).text();
        let kept = text.split_once("\"j\":").unwrap().1.rsplit_once(",\"d\":").unwrap().0.to_owned();
        if value.starts_with(['[', '{', '"']) {
            prop_assert_eq!(kept, value);
        } else {
            let number = |text: &str| serde_json::from_str::<Value>(text).unwrap().as_f64();
            prop_assert_eq!(number(&kept), number(&value));
        }
        Ok(())
    });
    server.stop();
}

#[test]
fn what_json_or_the_column_cannot_hold_is_refused_or_has_a_spelling() {
    let server = Installation::with_migrations(&[("0001_values.sql", TABLES)]).serve();
    let (ann, tenant) = server.sign_up_with_tenant("ann", "acme");
    let path = tenant.path("/records/loose");
    for (body, status, expected) in [
        // JSON has no infinities, so they are texts; a double has no more than that.
        (r#"{"r":"Infinity","n":"-Infinity"}"#, 201, r#""r":"Infinity","n":"-Infinity""#),
        (r#"{"r":1e999}"#, 422, "must be a number"),
        (r#"{"r":"NaN"}"#, 422, "must be a number"),
        (r#"{"r":NaN}"#, 400, "malformed_json"),
        (r#"{"r":-0.0}"#, 201, r#""r":0.0"#),
        (r#"{"i":9223372036854775808}"#, 422, "must be a whole number"),
        (r#"{"i":"-9223372036854775808"}"#, 201, r#""i":"-9223372036854775808""#),
        (r#"{"i":9007199254740993}"#, 201, r#""i":"9007199254740993""#),
        // Both alphabets of base64 go in, the standard one comes out.
        (r#"{"b":"-_8"}"#, 201, r#""b":"+/8=""#),
        (r#"{"b":"+/8="}"#, 201, r#""b":"+/8=""#),
        (r#"{"b":"no base64"}"#, 422, "must be bytes in base64"),
        (r#"{"t":"a\u0000b"}"#, 201, r#""t":"a\u0000b""#),
        (r#"{"t":"\ud800"}"#, 422, "must be text"),
        (r#"{"f":1}"#, 201, r#""f":true"#),
        (r#"{"f":"true"}"#, 422, "must be true or false"),
        (r#"{"d":"2026-02-30T25:00"}"#, 201, r#""d":"2026-02-30T25:00""#),
        (
            r#"{"j":{"b":1,"a":1,"b":12345678901234567890.10}}"#,
            201,
            r#"{"b":1,"a":1,"b":12345678901234567890.10}"#,
        ),
        (r#"{"j":12345678901234567890}"#, 422, "within an array or object"),
        (r#"{"j":1.50}"#, 201, r#""j":1.5"#),
    ] {
        let answer =
            ann.client.send(&Call::new("POST", &path).bytes("application/json", body)).expect(status);
        assert!(answer.text().contains(expected), "{body}: {}", answer.text());
    }
    let call = Call::new("POST", &path).bytes("application/json", r#"{"t":"a\u0000b","j":"a\u0000b"}"#);
    let id = ann.client.send(&call).expect(201).json["id"].clone();
    let found = ann.client.get(&format!("{path}?t=a%00b&id={id}")).expect(200);
    assert_eq!(found.json["items"][0]["t"], "a\0b");
    server.stop();
}
