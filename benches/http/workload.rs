//! What is asked of every server, and what a right answer looks like.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// Records on the page that [`Work::List`] asks for.
pub const PAGE: usize = 50;

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Create one record, durably.
    Create,
    /// Read one record by its id.
    Read,
    /// List the first page of 50.
    List,
}

/// One server as the generator sees it.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The signed-in user's bearer token.
    pub token: String,
    /// Path of the collection of customers.
    pub records: &'static str,
    /// Query string of the first page of 50.
    pub list_query: &'static str,
    /// Status of a successful create.
    pub created: u16,
    /// Ids of the records that exist before the load.
    pub ids: Arc<Vec<String>>,
    /// Number of the next record, so that no e-mail address comes twice.
    pub serial: Arc<AtomicU64>,
}

/// The requests of one connection, written into the same buffers again and again.
pub struct Requests {
    target: Target,
    work: Work,
    random: u64,
    /// Version, host and credential: the same in every request.
    common: String,
    body: Vec<u8>,
    request: Vec<u8>,
    /// Index of the record that the last read asked for, or number of the one that the last create sent.
    asked: u64,
}

impl Requests {
    /// Requests of one kind; connections with different seeds read different records.
    pub fn new(target: Target, work: Work, seed: u64) -> Self {
        let common =
            format!("HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", target.address, target.token);
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { target, work, random, common, body: Vec::new(), request: Vec::new(), asked: 0 }
    }

    /// The next request, whole.
    pub fn compose(&mut self) -> &[u8] {
        let Self { target, common, body, request, .. } = self;
        let records = target.records;
        request.clear();
        let written = match self.work {
            Work::Create => {
                self.asked = target.serial.fetch_add(1, Ordering::Relaxed);
                let number = self.asked;
                body.clear();
                write!(body, r#"{{"name":"Customer {number}","email":"customer-{number}@example.com"}}"#)
                    .and_then(|()| {
                        write!(request, "POST {records} {common}Content-Type: application/json\r\n")
                    })
                    .and_then(|()| write!(request, "Content-Length: {}\r\n\r\n", body.len()))
                    .and_then(|()| request.write_all(body))
            }
            Work::Read => {
                // Marsaglia's xorshift: which record to read next needs no better.
                self.random ^= self.random << 13;
                self.random ^= self.random >> 7;
                self.random ^= self.random << 17;
                self.asked = self.random % (target.ids.len() as u64).max(1);
                write!(request, "GET {records}/{} {common}\r\n", wanted_id(target, self.asked))
            }
            Work::List => write!(request, "GET {records}?{} {common}\r\n", target.list_query),
        };
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        request
    }

    /// The status of success.
    pub fn expected(&self) -> u16 {
        if self.work == Work::Create { self.target.created } else { 200 }
    }

    /// Compares a body with the last request, and returns the record's id (of a list: nothing).
    ///
    /// # Errors
    /// The body is not the right answer; the message shows it.
    pub fn check(&self, body: &[u8]) -> Result<String, String> {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = |record: &Value, field: &str| record[field].as_str().unwrap_or_default().to_owned();
        let id = text(&value, "id");
        let right = match self.work {
            Work::Create => {
                let email = format!("customer-{}@example.com", self.asked);
                !id.is_empty()
                    && text(&value, "name") == format!("Customer {}", self.asked)
                    && value["email"] == email
            }
            Work::Read => {
                id == wanted_id(&self.target, self.asked) && text(&value, "email").starts_with("customer-")
            }
            Work::List => value["items"].as_array().is_some_and(|items| {
                let whole =
                    |item: &Value| ["id", "name", "email"].iter().all(|field| !text(item, field).is_empty());
                items.len() == PAGE && items.iter().all(whole)
            }),
        };
        if right {
            Ok(id)
        } else {
            Err(format!("wrong answer to {:?}: {}", self.work, String::from_utf8_lossy(body)))
        }
    }
}

/// The id at `index` of what was loaded before.
fn wanted_id(target: &Target, index: u64) -> &str {
    usize::try_from(index).ok().and_then(|index| target.ids.get(index)).map_or("", String::as_str)
}
