//! The whole way of a tenant in each app: filled, read, changed, exported, closed and erased beside a neighbour.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{Records, encoded, meters, shop, tickets};
use crate::erasure::erase;
use crate::export::{entries, export};
use crate::harness::{Installation, Server};

#[test]
fn a_shop_goes_the_whole_way() {
    go_the_whole_way("shop", shop::fill, shop::change);
}

#[test]
fn a_ticket_tracker_goes_the_whole_way() {
    go_the_whole_way("tickets", tickets::fill, tickets::change);
}

#[test]
fn a_log_of_meters_goes_the_whole_way() {
    go_the_whole_way("meters", meters::fill, meters::change);
}

fn go_the_whole_way(app: &str, fill: fn(&Records), change: fn(&Records)) {
    let installation = Installation::with_app_of_tests(app);
    let server = installation.serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    let (bob, bolt) = server.sign_up_with_tenant("bob", "bolt");
    let (records, neighbour) = (Records::new(&ann.client, &acme), Records::new(&bob.client, &bolt));
    assert_eq!(offered(&records), tables_of_migrations(app), "neither more nor less than a client may name");
    // The same keys in both, and other records behind them as soon as one of them changes.
    fill(&neighbour);
    let before = neighbour.everything();
    fill(&records);
    let filled: usize = records.everything().values().map(Vec::len).sum();
    assert!(filled > 500, "{filled} records prove little");
    for table in records.tables.keys() {
        read_in_every_way(&records, table);
    }
    change(&records);
    for table in records.tables.keys() {
        let path = acme.path(&format!("/records/{}", encoded(table)));
        bob.client.get(&path).expect(404);
        bob.client.post(&path, json!([])).expect(404);
    }
    assert_eq!(neighbour.everything(), before, "the neighbour's records as they were");

    let (_, download) = export(&ann.client, &acme);
    check_export(&records, &entries(&download.bytes), &installation.beside("exported.db"));
    ann.client.post(&acme.path("/close"), json!({"confirm": "acme"})).expect(202);
    let receipt = erase(&server, &acme);
    assert!(!installation.tenant_directory(&acme.id).exists());
    ann.client.get(&acme.path("/tables")).expect(404);
    verify(&installation, &receipt);
    assert_eq!(neighbour.everything(), before, "the neighbour's records as they were");
    stop_and_check_file(server, &installation.tenant_file(&bolt.id));
}

/// Tables and views with their columns, without the number of the row that stands in for a missing key.
fn offered(records: &Records) -> BTreeMap<String, Vec<String>> {
    let of = |table: &String| {
        let columns = records.columns(table).iter();
        let shown = columns.filter(|column| {
            column["declared"] != "INTEGER"
                || column["read_only"] == false
                || !["rowid", "_rowid_"].contains(&column["name"].as_str().unwrap())
        });
        let names = shown.map(|column| column["name"].as_str().unwrap().to_owned());
        (table.clone(), names.collect())
    };
    records.tables.keys().map(of).collect()
}

/// What SQLite itself calls a table, a view or a virtual table, after the same migrations, and what a SELECT of all
/// columns answers.
fn tables_of_migrations(app: &str) -> BTreeMap<String, Vec<String>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/apps").join(app).join("migrations");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let database = Connection::open_in_memory().unwrap();
    for file in files {
        database.execute_batch(&std::fs::read_to_string(file).unwrap()).unwrap();
    }
    let sql =
        "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'view', 'virtual')
        AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let mut statement = database.prepare(sql).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    let columns = |name: rusqlite::Result<String>| {
        let name = name.unwrap();
        let all = database.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = all.column_names().into_iter().map(str::to_owned).collect();
        (name, columns)
    };
    names.map(columns).collect()
}

/// Pages in both directions, single records by key, some fields, and every column as a filter.
#[track_caller]
fn read_in_every_way(records: &Records, table: &str) {
    let whole = records.all(table, "limit=500");
    if whole.is_empty() {
        // Each needs the other, so neither can be written by a request of its own.
        assert!(["shipments", "parcels"].contains(&table), "{table} is not filled");
        return;
    }
    let pages = records.all(table, "limit=37");
    assert_eq!(pages, whole, "pages of {table} visit every record once");
    for (index, name) in [(0, &whole[0]), (whole.len() - 1, &whole[whole.len() - 1])] {
        assert_columns_filter(records, table, name, &format!("{table}[{index}]"));
    }
    let names = records.key_columns(table);
    if names.is_empty() {
        return;
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.replace('"', "\\\""))).collect();
    let order = |sign: &str| {
        let terms: Vec<String> = quoted.iter().map(|name| format!("{sign}{name}")).collect();
        records.all(table, &format!("limit=41&order={}", encoded(&terms.join(","))))
    };
    let mut backwards = order("-");
    backwards.reverse();
    assert_eq!(backwards, order(""), "{table} backwards");
    let keys: Vec<String> = whole.iter().filter_map(|record| records.key(table, record)).collect();
    let different: BTreeSet<&String> = keys.iter().collect();
    assert_eq!(different.len(), whole.len(), "every record of {table} has a key of its own");
    let fields = encoded(&quoted.join(","));
    for (key, record) in keys.iter().zip(&whole).step_by(1 + whole.len() / 40) {
        assert_eq!(&records.get(table, key), record, "{table} {key}");
        let some = records.get(table, &format!("{key}?fields={fields}"));
        let expected: BTreeMap<&str, &Value> = names.iter().map(|name| (*name, &record[name])).collect();
        assert_eq!(some, json!(expected), "{table} {key}");
    }
}

/// A record is found by the value of each of its columns, as it stands in the answer.
#[track_caller]
fn assert_columns_filter(records: &Records, table: &str, record: &Value, place: &str) {
    for column in records.columns(table) {
        let name = column["name"].as_str().unwrap();
        let value = match &record[name] {
            Value::Null => "is.null".to_owned(),
            Value::String(text) => format!("eq.{text}"),
            Value::Number(_) | Value::Bool(_) => format!("eq.{}", record[name]),
            Value::Array(_) | Value::Object(_) => continue,
        };
        if column["type"] == "json" {
            continue;
        }
        let query = format!("limit=500&{}={}", encoded(&format!("col:{name}")), encoded(&value));
        let found = records.all(table, &query);
        assert!(found.contains(record), "{place} is not found by {name} = {value}");
    }
}

/// The file is whole, and all three forms hold what the API answers.
#[track_caller]
fn check_export(records: &Records, entries: &BTreeMap<String, Vec<u8>>, file: &Path) {
    std::fs::write(file, &entries["data.db"]).unwrap();
    let database = Connection::open(file).unwrap();
    check_database(&database);
    let manifest: Value = serde_json::from_slice(&entries["manifest.json"]).unwrap();
    for (table, description) in records.tables.iter() {
        let mut answered: Vec<String> =
            records.all(table, "limit=500").iter().map(ToString::to_string).collect();
        let sql = format!("SELECT count(*) FROM \"{}\"", table.replace('"', "\"\""));
        let rows: u32 = database.query_row(&sql, [], |row| row.get(0)).unwrap();
        let rows = rows as usize;
        assert_eq!(rows, answered.len(), "{table} in data.db");
        let left_out =
            manifest["left_out"].as_array().unwrap().iter().any(|entry| entry["table"] == table.as_str());
        assert!(!left_out || description["kind"] == "search", "{table} is left out");
        if description["kind"] == "view" || left_out {
            continue;
        }
        assert_eq!(manifest["records"][table], rows, "{table} in the manifest");
        let entry = |extension: &str| {
            let tail = format!(".{extension}");
            let is_of_table = |name: &&String| {
                name.strip_prefix("tables/").and_then(|name| name.strip_suffix(&tail)).is_some_and(|name| {
                    percent_encoding::percent_decode_str(name).decode_utf8().unwrap() == table.as_str()
                })
            };
            let name = entries.keys().find(is_of_table).unwrap_or_else(|| panic!("no {table}{tail}"));
            entries[name].as_slice()
        };
        let lines = std::str::from_utf8(entry("ndjson")).unwrap().lines();
        let lines: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
        check_csv(records, table, entry("csv"), &lines);
        let mut lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        lines.sort();
        answered.sort();
        assert_eq!(lines, answered, "{table} as NDJSON");
    }
}

/// One line under the names for each record, in the same order, and in each cell what the other form says.
#[track_caller]
fn check_csv(records: &Records, table: &str, csv: &[u8], lines: &[Value]) {
    let mut csv = csv::Reader::from_reader(csv);
    let columns = records.columns(table);
    let heads: Vec<String> = csv.headers().unwrap().iter().map(ToOwned::to_owned).collect();
    let rows: Vec<csv::StringRecord> = csv.records().collect::<Result<_, _>>().unwrap();
    assert_eq!((heads.len(), rows.len()), (columns.len(), lines.len()), "{table} as CSV");
    for (row, line) in rows.iter().zip(lines) {
        for ((cell, head), column) in row.iter().zip(&heads).zip(columns) {
            let name = column["name"].as_str().unwrap();
            // What a spreadsheet would take for a formula has an apostrophe before it.
            assert!(head == name || head.strip_prefix('\'') == Some(name), "{head} over {table}.{name}");
            let is_same = match &line[name] {
                Value::Null => cell.is_empty(),
                Value::Bool(flag) => cell == if *flag { "1" } else { "0" },
                Value::Number(number) => cell.parse::<f64>().ok() == number.as_f64(),
                Value::String(text) => cell == text || cell.strip_prefix('\'') == Some(text),
                json => serde_json::from_str::<Value>(cell).ok().as_ref() == Some(json),
            };
            assert!(is_same, "{table}.{name} is {cell:?} in CSV and {} in NDJSON", line[name]);
        }
    }
}

#[track_caller]
fn check_database(database: &Connection) {
    let integrity: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(integrity, "ok");
    let dangling = database
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get::<_, i64>(0))
        .unwrap();
    assert_eq!(dangling, 0, "foreign keys that refer to nothing");
}

#[track_caller]
fn verify(installation: &Installation, receipt: &Value) {
    let file = installation.beside("receipt.json");
    std::fs::write(&file, receipt.to_string()).unwrap();
    let elsewhere = Installation::new();
    elsewhere.run(&["verify", "receipt", file.to_str().unwrap()]).expect_code(0);
}

#[track_caller]
fn stop_and_check_file(server: Server, file: &Path) {
    server.stop();
    check_database(&Connection::open(file).unwrap());
}
