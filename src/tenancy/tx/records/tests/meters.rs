//! Numbers beyond doubles, values out of JSON, keys of several parts, NULL in a key, sums that overflow.

use super::*;
use crate::error::Kind;

fn meters() -> App {
    let app = App::from_directory("meters");
    let info = json!({"firmware": "1.4", "battery": true, "channels": [{"unit": "°C"}, {"unit": "%"}]});
    let device = json!({"device_id": "hall/3", "serial": "9007199254740993", "installed_on": "2026-03-01", "info": info});
    app.create("devices", &device);
    app
}

#[test]
fn values_out_of_json_have_their_types() {
    let app = meters();
    let device = app.get("devices", "hall%2F3").unwrap().unwrap();
    assert_eq!(device["serial"], json!("9007199254740993"));
    assert_eq!((&device["firmware"], &device["channels"]), (&json!("1.4"), &json!(2)));
    assert_eq!((&device["battery"], &device["first_channel"]), (&json!(true), &json!({"unit": "°C"})));
    assert_eq!(app.list("devices", &[("serial", "9007199254740993")]).len(), 1);
    assert_eq!(app.list("devices", &[("serial", "9007199254740992")]).len(), 0);
    assert_eq!(app.list("device_overview", &[])[0]["active"], json!(true));
}

#[test]
fn any_keeps_what_was_given() {
    let app = meters();
    for (topic, value) in
        [("a", json!(1)), ("b", json!(1.0)), ("c", json!("1")), ("d", json!(null)), ("", json!("x"))]
    {
        let (record, key) = app.create("topics", &json!({"topic": topic, "retained": value}));
        assert_eq!(record["retained"].to_string(), value.to_string());
        assert_eq!(app.get("topics", &key).unwrap(), Some(record));
    }
    let value = app.create("settings", &json!({"device_id": "hall/3", "name": "label", "value": "007"})).0;
    assert_eq!((&value["value"], &value["kind"]), (&json!("007"), &json!("text")));
    assert_eq!(
        app.post("topics", &json!({"topic": "e", "retained": true})).unwrap_err().kind(),
        Kind::Invalid
    );
}

#[test]
fn faults_of_generated_columns_name_their_source() {
    let app = meters();
    let event = |body: Json| app.post("events", &json!({"device_id": "hall/3", "at": 1, "body": body}));
    assert_eq!(
        faults_of(&event(json!({"kind": "k", "severity": 12})).unwrap_err()),
        pairs(&[("body", "check")])
    );
    assert_eq!(faults_of(&event(json!({})).unwrap_err()), pairs(&[("body", "required")]));
    event(json!({"kind": "k"})).unwrap();
    let certificate = |claims: Json| {
        app.post("device_certificates", &json!({"device_id": "hall/3", "claims": claims, "der": "AA=="}))
    };
    certificate(json!({"sub": "s", "exp": 5})).unwrap();
    assert_eq!(
        faults_of(&certificate(json!({"sub": "s", "exp": 5})).unwrap_err()),
        pairs(&[("claims", "unique")])
    );
    assert_eq!(
        faults_of(&certificate(json!({"sub": "t", "exp": -5})).unwrap_err()),
        pairs(&[("claims", "check")])
    );
    assert_eq!(faults_of(&certificate(json!({"exp": 5})).unwrap_err()), pairs(&[("claims", "required")]));
    let counter = json!({"counter_id": "9223372036854775807", "pulses": "9223372036854775807"});
    assert_eq!(faults_of(&app.post("pulse_counters", &counter).unwrap_err()), pairs(&[("pulses", "type")]));
    let device = json!({"device_id": "d", "serial": 1, "info": [], "latitude": 91});
    let mut faults = faults_of(&app.post("devices", &device).unwrap_err());
    faults.dedup();
    assert_eq!(faults, pairs(&[("info", "check"), ("latitude", "check"), ("longitude", "check")]));
}

#[test]
fn keys_of_several_parts_and_of_64_bits_are_found() {
    let app = meters();
    for (table, body) in [
        (
            "readings",
            json!({"device_id": "hall/3", "at": 1_767_225_600_000_i64, "value": 21, "raw": "9223372036854775807"}),
        ),
        (
            "annotations",
            json!({"device_id": "hall/3", "at": 1_767_225_600_000_i64, "text": "t", "tags": ["a"]}),
        ),
        ("events", json!({"device_id": "hall/3", "at": 5, "seq": 2, "body": {"kind": "k"}})),
        ("frames", json!({"sender": "/+8=", "at": -1})),
        ("pulse_counters", json!({"counter_id": "-9007199254740993"})),
        ("calibrations", json!({"device_id": "hall/3", "valid_from": "2026-01-01"})),
    ] {
        let (record, key) = app.create(table, &body);
        assert_eq!(app.get(table, &key).unwrap(), Some(record), "{table} {key}");
    }
    assert_eq!(app.list("readings", &[])[0]["value"].to_string(), "21.0");
    assert_eq!(app.list("daily_totals", &[("day", "2026-01-01")])[0]["readings"], json!(1));
    assert_eq!(app.list("annotations", &[])[0]["first_tag"], json!("a"));
    assert_eq!(app.get("frames", "_-8,-1").unwrap().unwrap()["payload"], json!(""));
    let error = app.delete("devices", "hall%2F3").unwrap_err();
    assert_eq!(faults_of(&error), pairs(&[("calibrations", "foreign_key")]));
}

#[test]
fn a_row_with_null_for_a_key_is_listed() {
    let app = meters();
    app.execute(
        "INSERT INTO notes_loose (name, value, untyped, flag, doc) VALUES
        (NULL, '007', '007', 2, '{oops'), (NULL, 'x', x'00', 'yes', '[1]'), ('a', 1, 1, 1, NULL)",
    );
    assert_eq!(
        app.list("notes_loose", &[("fields", "name,value,untyped,flag,doc")]),
        [
            json!({"name": null, "value": 7, "untyped": "007", "flag": 2, "doc": "{oops"}),
            json!({"name": null, "value": "x", "untyped": "AA==", "flag": "yes", "doc": [1]}),
            json!({"name": "a", "value": 1, "untyped": 1, "flag": true, "doc": null}),
        ]
    );
    assert_eq!(faults_of(&app.post("notes_loose", &json!({})).unwrap_err()), pairs(&[("name", "required")]));
}

#[test]
fn what_cannot_be_computed_is_the_clients_to_know() {
    let app = meters();
    for at in 1..=2 {
        app.create(
            "readings",
            &json!({"device_id": "hall/3", "at": at, "value": 1, "raw": "9223372036854775807"}),
        );
    }
    let error = app.page("readings_by_hour", &[]).unwrap_err();
    assert_eq!((error.kind(), error.code()), (Kind::Invalid, "not_computable"));
    for view in ["latest_readings", "silences", "event_fields", "quality_counts"] {
        app.list(view, &[]);
    }
    assert_eq!(app.list("quality_counts", &[("how many", "2")]).len(), 1);
}

#[test]
fn a_column_without_a_type_is_compared_as_text_through_a_view() {
    let app = meters();
    app.create(
        "events",
        &json!({"device_id": "hall/3", "at": 1, "body": {"kind": "k", "seen": 5, "ok": true}}),
    );
    for (name, value, count) in
        [("field", "kind", 1), ("type", "integer", 1), ("value", "5", 1), ("value", "k", 1)]
    {
        assert_eq!(app.list("event_fields", &[(name, value)]).len(), count, "{name}={value}");
    }
    let app = App::sql(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB, u); INSERT INTO t VALUES (1, x'fbff', 'text');
         CREATE VIEW v AS SELECT b, u, u || '' AS e FROM t;",
    );
    let described = serde_json::to_value(app.table("v").describe(TableRights::default(), &|_| true)).unwrap();
    let types: Vec<&str> = described["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["blob", "any", "any"]);
    for (name, value) in [("b", "-_8"), ("u", "text"), ("e", "text")] {
        assert_eq!(app.list("v", &[(name, value)]).len(), 1, "{name}={value}");
    }
}
