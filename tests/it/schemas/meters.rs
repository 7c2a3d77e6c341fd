//! The log of meters: numbers at the edges of their types, values out of JSON, keys of several parts and of bytes.

use serde_json::{Value, json};

use super::{Records, assert_faults, assert_raised, base64, encoded, open};
use crate::harness::{Call, Case, run_cases};

/// One more than what a double holds exactly.
const BEYOND: i64 = 9_007_199_254_740_993;
const START: i64 = 1_767_225_600_000;

fn device(number: usize) -> String {
    format!("hall/{},{number}%2F", number / 5)
}

/// More than a thousand records, parents first.
pub fn fill(log: &Records) {
    let serial = |n: i64| json!((BEYOND + 1 + n).to_string());
    let body = |n: usize| {
        json!({"device_id": device(n), "serial": serial(n as i64), "installed_on": "2026-03-01",
        "latitude": n as f64 / 8.0, "longitude": 13.4, "active": n.is_multiple_of(2),
        "info": {"firmware": format!("1.{n}"), "battery": n.is_multiple_of(3), "channels": [{"unit": "°C"}, n]}})
    };
    log.create_all("devices", (0..20).map(body));
    let certificate = |n: usize| json!({"device_id": device(n), "claims": {"sub": format!("s{n}"), "exp": 5 + n}, "der": base64([n as u8; 9])});
    log.create_all("device_certificates", (0..20).map(certificate));
    let retained = [json!(1), json!(1.5), json!("007"), json!(BEYOND.to_string()), Value::Null];
    log.create_all(
        "topics",
        (0..50).map(|n| json!({"topic": format!("$a/{n},+/#"), "retained": retained[n % 5]})),
    );
    log.create_all("settings", (0..60).map(|n| json!({"device_id": device(n % 20), "name": format!("alarm/high,{}", n / 20), "value": retained[n % 4]})));
    log.create_all(
        "notes_loose",
        (0..20).map(
            |n| json!({"name": format!("n{n}"), "value": "007", "untyped": "007", "flag": true, "doc": [n]}),
        ),
    );
    // Eighths, as sums of them are exact: serde_json, which reads the answers here, may miss the last bit of others.
    let reading = |n: usize| {
        json!({"device_id": device(n % 20), "at": START + 120_000 * (n / 20) as i64, "value": n as f64 / 8.0,
        "raw": (BEYOND + n as i64).to_string()})
    };
    log.create_all("readings", (0..1_000).map(reading));
    log.create_all("annotations", (0..50).map(|n| json!({"device_id": device(n % 20), "at": START + 120_000 * (n / 20) as i64, "text": "t", "tags": ["a", n]})));
    log.create_all("events", (0..100).map(|n| json!({"device_id": device(n % 20), "at": START, "seq": n / 20, "body": {"kind": "k", "severity": n % 10}})));
    log.create_all("frames", (0..100_u32).map(|n| json!({"sender": base64([0xfb, n as u8]), "at": -1, "payload": base64([n as u8; 40]), "rssi": -0.1})));
    log.create_all("pulse_counters", (0..50).map(|n| json!({"counter_id": (BEYOND * [1, -1][n % 2] + n as i64).to_string(), "device_id": device(n % 20), "pulses": n})));
    log.create_all(
        "calibrations",
        (0..20).map(|n| json!({"device_id": device(n), "valid_from": "2026-01-01"})),
    );
}

/// Changes and deletions of a filled log, with what follows from them.
pub fn change(log: &Records) {
    let reading = format!("{},{START}", encoded(&device(3)));
    let changed = log.patch("readings", &reading, json!({"quality": "bad"})).expect(200).json;
    assert_eq!(log.get("readings", &reading), changed);
    assert_raised(log.patch("readings", &reading, json!({"value": 1})), "readings are not changed");
    assert_eq!(log.count("annotations", &format!("at={START}&device_id={}", encoded(&device(3)))), 1);
    log.delete("readings", &reading).expect(204);
    assert_eq!(log.count("annotations", &format!("at={START}&device_id={}", encoded(&device(3)))), 0);
    let key = encoded(&device(3));
    assert_faults(log.delete("devices", &key), 409, "foreign_key", &["calibrations"]);
    log.delete("calibrations", &format!("{key},2026-01-01")).expect(204);
    let counters = log.count("pulse_counters", &format!("device_id={key}"));
    assert!(counters > 0);
    log.delete("devices", &key).expect(204);
    for table in ["readings", "daily_totals", "settings", "events", "device_certificates", "annotations"] {
        assert_eq!(log.count(table, &format!("device_id={key}")), 0, "{table}: ON DELETE CASCADE");
    }
    assert_eq!(log.count("pulse_counters", "device_id=is.null"), counters, "ON DELETE SET NULL");
}

#[test]
fn whole_numbers_of_64_bits_keep_every_digit_on_every_way() {
    let (server, log) = open("meters");
    log.delete("devices", "demo%2F1").expect(204);
    for number in [BEYOND, -BEYOND, i64::MAX, i64::MIN, 9_007_199_254_740_991, 0, -1] {
        let is_safe = number.unsigned_abs() < 1 << 53;
        let shown = if is_safe { json!(number) } else { json!(number.to_string()) };
        // Given as a number, which JSON allows, and as a string.
        let counter = log.post("pulse_counters", json!({"counter_id": number})).expect(201);
        assert_eq!(counter.json["counter_id"], shown);
        let location = counter.header("location").unwrap();
        assert!(location.ends_with(&format!("/{number}")), "{location}");
        assert_eq!(log.client.get(location).expect(200).json, counter.json);
        assert_eq!(log.list("pulse_counters", &format!("counter_id={number}")), [counter.json]);
        let topic = json!({"topic": number.to_string(), "retained": number});
        assert_eq!(log.create("topics", topic)["retained"], shown, "ANY");
        let device = json!({"device_id": number.to_string(), "serial": number.to_string()});
        assert_eq!(log.create("devices", device)["serial"], shown);
    }
    assert_eq!(log.count("pulse_counters", &format!("counter_id=gt.{}", BEYOND - 1)), 2);
    assert_eq!(log.count("pulse_counters", &format!("counter_id=gt.{BEYOND}")), 1);
    let descending = log.list("pulse_counters", "order=-counter_id&limit=2");
    let ids: Vec<&Value> = descending.iter().map(|counter| &counter["counter_id"]).collect();
    assert_eq!(ids, [&json!(i64::MAX.to_string()), &json!(BEYOND.to_string())]);
    for wrong in ["9223372036854775808", "-9223372036854775809", "1.5", ""] {
        let answer = log.post("pulse_counters", json!({"counter_id": wrong}));
        assert_faults(answer, 422, "type", &["counter_id"]);
    }
    assert_faults(log.post("pulse_counters", json!({"pulses": i64::MAX})), 422, "type", &["pulses"]);
    server.stop();
}

#[test]
fn keys_of_slashes_commas_bytes_and_numbers_name_their_record() {
    let (server, log) = open("meters");
    let hostile = ["a/b", "a,b", "a%2Fb", "%", "a b+c", "é🙂", "?x=1#y", "'\"\\", "demo/1/", "a..b", "\u{1}"];
    for id in hostile {
        log.create("devices", json!({"device_id": id, "serial": log.count("devices", "")}));
        log.create("readings", json!({"device_id": id, "at": 5, "value": 21}));
        log.create("events", json!({"device_id": id, "at": 5, "seq": -2, "body": {"kind": "k"}}));
        log.create("settings", json!({"device_id": id, "name": id, "value": "007"}));
        let key = encoded(id);
        assert_eq!(log.get("devices", &key)["device_id"], id);
        assert_eq!(log.get("readings", &format!("{key},5"))["value"].to_string(), "21.0");
        assert_eq!(log.get("events", &format!("{key},5,-2"))["kind"], "k");
        assert_eq!(log.get("settings", &format!("{key},{key}"))["kind"], "text");
        log.delete("settings", &format!("{key},{key}")).expect(204);
        log.delete("devices", &key).expect(204);
        assert_eq!(log.count("readings", &format!("device_id={key}")), 0, "{id}");
    }
    let frame = log.post("frames", json!({"sender": base64([0xfb, 0xff]), "at": -1})).expect(201);
    assert!(frame.header("location").unwrap().ends_with("/-_8,-1"), "base64url");
    assert_eq!((&frame.json["payload"], &frame.json["bytes"]), (&json!(""), &json!(0)));
    let path = |key: &str| Call::get(log.path("frames", key));
    run_cases(
        &log.client,
        &[
            Case::new("bytes", path("/-_8,-1"), 200),
            Case::new("the other alphabet", path("/%2B%2F8,-1"), 404),
            Case::new("with padding", path("/-_8%3D,-1"), 404),
            Case::new("another spelling of a number", path("/-_8,-01"), 404),
            Case::new("too few parts", path("/-_8"), 400).has("bad_key"),
            Case::new("too many parts", path("/-_8,-1,0"), 400).has("bad_key"),
            Case::new("the comma encoded", path("/-_8%2C-1"), 400).has("bad_key"),
            Case::new("no UTF-8", Call::get(log.path("devices", "/%FF")), 404),
        ],
    );
    server.stop();
}

#[test]
fn values_out_of_json_and_without_a_type_are_what_was_given() {
    let (server, log) = open("meters");
    let info = json!({"z": {}, "firmware": "1.4", "battery": true, "channels": [{"unit": "°C"}], "a": null});
    let device = log.create("devices", json!({"device_id": "d", "serial": 1, "info": info, "active": false}));
    assert_eq!(device["info"].to_string(), info.to_string(), "members in their order");
    assert_eq!((&device["battery"], &device["active"]), (&json!(true), &json!(false)));
    assert_eq!((&device["channels"], &device["first_channel"]), (&json!(1), &json!({"unit": "°C"})));
    assert_eq!(log.list("devices", "battery=true&active=false&firmware=1.4"), [device]);
    assert_eq!(log.list("device_overview", "device_id=d")[0]["active"], false, "through a view");
    for value in [json!(1), json!(1.0), json!("1"), json!("007"), Value::Null] {
        let topic = log.create("topics", json!({"topic": "t", "retained": value}));
        assert_eq!(topic["retained"].to_string(), value.to_string());
        assert_eq!(log.get("topics", "t"), topic);
        log.delete("topics", "t").expect(204);
    }
    for (table, body, status, code, field) in [
        ("devices", json!({"device_id": "e", "serial": 2, "info": []}), 422, "check", "info"),
        ("devices", json!({"device_id": "e", "serial": 2, "firmware": "x"}), 422, "read_only", "firmware"),
        (
            "events",
            json!({"device_id": "d", "at": 1, "body": {"kind": "k", "severity": 12}}),
            422,
            "check",
            "body",
        ),
        ("events", json!({"device_id": "d", "at": 1, "body": {}}), 422, "required", "body"),
        (
            "events",
            json!({"device_id": "x", "at": 1, "body": {"kind": "k"}}),
            409,
            "foreign_key",
            "device_id",
        ),
        (
            "readings",
            json!({"device_id": "d", "at": 1, "value": 1, "quality": "new"}),
            422,
            "check",
            "quality",
        ),
        ("readings", json!({"device_id": "d", "at": 1, "value": "1.5x"}), 422, "type", "value"),
        ("frames", json!({"sender": "no base64!", "at": 1}), 422, "type", "sender"),
    ] {
        assert_faults(log.post(table, body), status, code, &[field]);
    }
    let place = json!({"device_id": "e", "serial": 2, "latitude": 1});
    assert_faults(log.post("devices", place), 422, "check", &["latitude", "longitude"]);
    let orphan = json!({"device_id": "d", "at": 1, "text": "t"});
    assert_faults(log.post("annotations", orphan), 409, "foreign_key", &["at", "device_id"]);
    log.create("calibrations", json!({"device_id": "d", "valid_from": "2026-01-01"}));
    let overlapping = json!({"device_id": "d", "valid_from": "2026-02-01"});
    assert_raised(log.post("calibrations", overlapping), "another calibration is valid in that time");
    server.stop();
}

#[test]
fn a_view_that_cannot_be_computed_says_so_and_the_others_still_answer() {
    let (server, log) = open("meters");
    log.create("devices", json!({"device_id": "d", "serial": 1}));
    let reading = |at: i64| json!({"device_id": "d", "at": at, "value": 1, "raw": i64::MAX.to_string()});
    log.create_all("readings", [reading(1), reading(2)]);
    log.client.get(&log.path("readings_by_hour", "")).expect_code(422, "not_computable");
    let first = log.list("readings_by_hour", "device_id=demo/1");
    assert_eq!(first[0]["readings"], 3, "what can be computed is answered");
    for view in ["latest_readings", "silences", "event_fields", "device_overview", "quality_counts"] {
        assert!(!log.list(view, "").is_empty(), "{view}");
        log.client.post(&log.path(view, ""), json!({})).expect_code(405, "read_only_table");
    }
    assert_eq!(log.count("quality_counts", &format!("{}=5", encoded("how many"))), 1);
    let daily = log.list("daily_totals", "device_id=d");
    assert_eq!((daily.len(), &daily[0]["readings"]), (1, &json!(2)), "kept by a trigger's upsert");
    server.stop();
}
