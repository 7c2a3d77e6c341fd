//! The apps of `tests/apps` over HTTP: schemas as developers bring them, with all that SQLite takes.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "records are numbered from 0 to a few hundred"
)]

mod edges;
mod meters;
mod shop;
mod tickets;
mod whole_way;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::harness::{Answer, Client, Installation, Server, Tenant};

/// What may stand in a part of a path as it is (RFC 3986, unreserved).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as a part of a path or of a query.
fn encoded(text: &str) -> String {
    utf8_percent_encode(text, PLAIN).to_string()
}

/// A server with one of the apps, and the records of a tenant of Ann's.
pub fn open(app: &str) -> (Server, Records) {
    let server = Installation::with_app_of_tests(app).serve();
    let (ann, acme) = server.sign_up_with_tenant("ann", "acme");
    (server, Records::new(&ann.client, &acme))
}

/// The records of a tenant, for somebody who may write them.
#[derive(Clone)]
pub struct Records {
    pub client: Client,
    pub tenant: Tenant,
    /// As `GET /tables` describes them.
    tables: Arc<BTreeMap<String, Value>>,
}

impl Records {
    #[track_caller]
    pub fn new(client: &Client, tenant: &Tenant) -> Records {
        let answer = client.get(&tenant.path("/tables")).expect(200);
        let tables = answer.json["items"].as_array().unwrap().iter();
        let tables = tables.map(|table| (table["name"].as_str().unwrap().to_owned(), table.clone()));
        Records { client: client.clone(), tenant: tenant.clone(), tables: Arc::new(tables.collect()) }
    }

    /// The path of a table's records; `rest` begins with a slash or a question mark.
    pub fn path(&self, table: &str, rest: &str) -> String {
        self.tenant.path(&format!("/records/{}{rest}", encoded(table)))
    }

    #[track_caller]
    pub fn post(&self, table: &str, body: Value) -> Answer {
        self.client.post(&self.path(table, ""), body)
    }

    /// Creates one record and returns it.
    #[track_caller]
    pub fn create(&self, table: &str, body: Value) -> Value {
        self.post(table, body).expect(201).json
    }

    /// Creates records by one array and returns them.
    #[track_caller]
    fn create_all(&self, table: &str, bodies: impl IntoIterator<Item = Value>) -> Vec<Value> {
        let bodies: Vec<Value> = bodies.into_iter().collect();
        let answer = self.post(table, json!(bodies)).expect(201);
        let items = answer.json["items"].as_array().unwrap().clone();
        assert_eq!(items.len(), bodies.len(), "{table}");
        items
    }

    /// The record of a key as it stands in a path.
    #[track_caller]
    pub fn get(&self, table: &str, key: &str) -> Value {
        self.client.get(&self.path(table, &format!("/{key}"))).expect(200).json
    }

    #[track_caller]
    pub fn patch(&self, table: &str, key: &str, body: Value) -> Answer {
        self.client.patch(&self.path(table, &format!("/{key}")), body)
    }

    #[track_caller]
    pub fn delete(&self, table: &str, key: &str) -> Answer {
        self.client.delete(&self.path(table, &format!("/{key}")))
    }

    /// The records of one page.
    #[track_caller]
    pub fn list(&self, table: &str, query: &str) -> Vec<Value> {
        let page = self.client.get(&self.path(table, &format!("?{query}"))).expect(200);
        page.json["items"].as_array().unwrap().clone()
    }

    /// The records of all pages, in the order in which they came.
    #[track_caller]
    fn all(&self, table: &str, query: &str) -> Vec<Value> {
        let (mut records, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self.client.get(&self.path(table, &format!("?{query}{cursor}"))).expect(200);
            records.extend(page.json["items"].as_array().unwrap().iter().cloned());
            assert!(records.len() < 10_000, "{table} has no end");
            match page.json["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={}", encoded(next)),
                None => return records,
            }
        }
    }

    #[track_caller]
    pub fn count(&self, table: &str, query: &str) -> usize {
        self.all(table, &format!("limit=500&{query}")).len()
    }

    /// Every record of every table and view, as text in no order.
    #[track_caller]
    fn everything(&self) -> BTreeMap<String, Vec<String>> {
        let of = |table: &String| {
            let mut records: Vec<String> =
                self.all(table, "limit=500").iter().map(ToString::to_string).collect();
            records.sort();
            (table.clone(), records)
        };
        self.tables.keys().map(of).collect()
    }

    fn columns(&self, table: &str) -> &[Value] {
        self.tables[table]["columns"].as_array().unwrap()
    }

    fn key_columns(&self, table: &str) -> Vec<&str> {
        let names = self.tables[table]["key"].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap()).collect()
    }

    /// The key of a record as a client makes it from the documented rules; nothing for one with NULL in it.
    fn key(&self, table: &str, record: &Value) -> Option<String> {
        let parts = self.key_columns(table).into_iter().map(|name| {
            let column = self.columns(table).iter().find(|column| column["name"] == name).unwrap();
            match &record[name] {
                Value::Null => None,
                Value::String(text) if column["type"] == "blob" => {
                    Some(URL_SAFE_NO_PAD.encode(STANDARD.decode(text).unwrap()))
                }
                Value::String(text) => Some(encoded(text)),
                other => Some(other.to_string()),
            }
        });
        let parts: Vec<String> = parts.collect::<Option<_>>()?;
        (!parts.is_empty()).then(|| parts.join(","))
    }
}

/// The fields that a problem names, each with its code.
pub fn faults(answer: &Answer) -> BTreeSet<(String, String)> {
    let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
    let errors = answer.json["errors"].as_array().into_iter().flatten();
    errors.map(|error| (text(error, "field"), text(error, "code"))).collect()
}

/// Refused, naming exactly these fields, each with this code.
#[track_caller]
pub fn assert_faults(answer: Answer, status: u16, code: &str, fields: &[&str]) {
    let answer = answer.expect(status);
    let expected = fields.iter().map(|field| ((*field).to_owned(), code.to_owned())).collect();
    assert_eq!(faults(&answer), expected, "{} answered {}", answer.asked, answer.text());
}

/// Refused by a trigger, in its own words.
#[track_caller]
fn assert_raised(answer: Answer, message: &str) {
    let answer = answer.expect_code(422, "refused");
    let detail = answer.json["detail"].as_str().unwrap();
    assert!(detail.contains(message), "{detail:?} does not say {message:?}");
}

/// Bytes as a body holds them.
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    STANDARD.encode(bytes)
}
