//! What is asked of every server, and what a right answer looks like.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use crate::api::Api;

/// Records on the pages that [`Work::Filtered`] and [`Work::Expand`] ask for.
pub const PAGE: usize = 50;

/// Records that one [`Work::Batch`] creates.
pub const BATCH: u64 = 100;

/// Usage events that one [`Work::Events`] sends.
pub const EVENTS: u64 = 500;

/// Of the requests of [`Work::Mixed`], one in so many writes.
const MIXED: u64 = 10;

/// What one request does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Create one customer, durably.
    Create,
    /// Create one invoice of one of the customers.
    CreateInvoice,
    /// Read one customer by its id.
    Read,
    /// List the 50 newest invoices that are paid.
    Filtered,
    /// List 50 invoices, each with its customer.
    Expand,
    /// Create 100 customers in one transaction.
    Batch,
    /// Send one usage event of a meter without a limit.
    Event,
    /// The same of a meter with a hard limit.
    LimitedEvent,
    /// Enqueue a job for a time that is far off.
    Enqueue,
    /// Send 500 usage events in one request.
    Events,
    /// The same with keys in no order.
    ScatteredEvents,
    /// Read one, or in a tenth of the cases create one.
    Mixed,
}

/// One server as the generator sees it.
#[derive(Clone)]
pub struct Target {
    /// Where it listens.
    pub address: SocketAddr,
    /// The signed-in user's bearer token.
    pub token: String,
    /// How it wants to be asked.
    pub api: &'static Api,
    /// Ids of the customers that exist before the load.
    pub ids: Arc<Vec<String>>,
    /// Number of the next customer or invoice, so that no e-mail address comes twice.
    pub serial: Arc<AtomicU64>,
}

impl Target {
    /// A server without records.
    pub fn new(address: SocketAddr, token: String, api: &'static Api) -> Self {
        Self { address, token, api, ids: Arc::default(), serial: Arc::default() }
    }
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
    /// What the last request did: of mixed work, one of its parts.
    last: Work,
    /// Index of the customer that the last read asked for, or number of the first record that the last create sent.
    asked: u64,
}

impl Requests {
    /// Requests of one kind; connections with different seeds read different records.
    pub fn new(target: Target, work: Work, seed: u64) -> Self {
        let common =
            format!("HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n", target.address, target.token);
        let random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { target, work, random, common, body: Vec::new(), request: Vec::new(), last: work, asked: 0 }
    }

    /// The next request, whole.
    pub fn compose(&mut self) -> &[u8] {
        let work = self.work;
        self.last = match work {
            Work::Mixed if self.draw(MIXED) == 0 => Work::Create,
            Work::Mixed => Work::Read,
            _ => work,
        };
        let api = self.target.api;
        self.request.clear();
        self.body.clear();
        let written = match self.last {
            Work::Read | Work::Mixed => {
                self.asked = self.draw(self.target.ids.len() as u64);
                let Self { target, request, common, asked, .. } = self;
                write!(request, "GET {}/{} {common}\r\n", api.customers, wanted_id(target, *asked))
            }
            Work::Filtered => self.get(api.invoices, api.filtered),
            Work::Expand => self.get(api.invoices, api.expanded),
            Work::Create => {
                self.asked = self.take(1);
                customer(&mut self.body, self.asked).and_then(|()| self.post(api.customers))
            }
            Work::CreateInvoice => {
                self.asked = self.take(1);
                self.invoice().and_then(|()| self.post(api.invoices))
            }
            Work::Batch => {
                self.asked = self.take(BATCH);
                self.batch().and_then(|()| self.post(api.batch))
            }
            Work::Event | Work::LimitedEvent => {
                self.asked = self.take(1);
                let meter = if work == Work::Event { "plain" } else { "limited" };
                event(&mut self.body, meter, self.asked, false).and_then(|()| self.post(api.usage_events))
            }
            Work::Enqueue => {
                self.asked = self.take(1);
                enqueue(&mut self.body, self.asked).and_then(|()| self.post(api.jobs))
            }
            Work::Events | Work::ScatteredEvents => {
                self.asked = self.take(EVENTS);
                self.events(work == Work::ScatteredEvents).and_then(|()| self.post(api.usage_events))
            }
        };
        debug_assert!(written.is_ok(), "writing to memory cannot fail");
        &self.request
    }

    fn get(&mut self, path: &str, query: &str) -> std::io::Result<()> {
        write!(self.request, "GET {path}?{query} {}\r\n", self.common)
    }

    fn post(&mut self, path: &str) -> std::io::Result<()> {
        let Self { request, body, common, .. } = self;
        write!(request, "POST {path} {common}Content-Type: application/json\r\n")?;
        write!(request, "Content-Length: {}\r\n\r\n", body.len())?;
        request.write_all(body)
    }

    fn invoice(&mut self) -> std::io::Result<()> {
        let (relation, number) = (self.target.api.relation, self.asked);
        let status = if number % 4 == 0 { "paid" } else { "draft" };
        let owner = number % (self.target.ids.len() as u64).max(1);
        let customer = wanted_id(&self.target, owner);
        write!(self.body, r#"{{"{relation}":"{customer}","amount_cents":{number},"status":"{status}"}}"#)
    }

    fn batch(&mut self) -> std::io::Result<()> {
        let Api { batch_body: [open, close], batch_element: [before, after], .. } = self.target.api;
        let body = &mut self.body;
        write!(body, "{open}")?;
        for index in 0..BATCH {
            write!(body, "{}{before}", if index == 0 { "" } else { "," })?;
            customer(body, self.asked + index)?;
            write!(body, "{after}")?;
        }
        write!(body, "{close}")
    }

    fn events(&mut self, scattered: bool) -> std::io::Result<()> {
        for index in 0..EVENTS {
            write!(self.body, "{}", if index == 0 { "[" } else { "," })?;
            event(&mut self.body, "plain", self.asked + index, scattered)?;
        }
        write!(self.body, "]")
    }

    /// The first of `count` numbers that nobody else gets.
    fn take(&self, count: u64) -> u64 {
        self.target.serial.fetch_add(count, Ordering::Relaxed)
    }

    /// A number below `end`: Marsaglia's xorshift, since which record comes next needs no better.
    fn draw(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end.max(1)
    }

    /// The status of success.
    pub fn expected(&self) -> u16 {
        match self.last {
            Work::Create | Work::CreateInvoice => self.target.api.created,
            Work::Batch => self.target.api.batched,
            Work::Event | Work::LimitedEvent => 201,
            Work::Enqueue => 202,
            Work::Read
            | Work::Filtered
            | Work::Expand
            | Work::Mixed
            | Work::Events
            | Work::ScatteredEvents => 200,
        }
    }

    /// How many customers the last request creates.
    pub fn creates(&self) -> u64 {
        match self.last {
            Work::Create => 1,
            Work::Batch => BATCH,
            _ => 0,
        }
    }

    /// Compares a body with the last request, and returns the record's id (of several: nothing).
    ///
    /// # Errors
    /// The body is not the right answer; the message shows it.
    pub fn check(&self, body: &[u8]) -> Result<String, String> {
        let api = self.target.api;
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let id = text(&value, "/id");
        let page = |is_right: &dyn Fn(&Value) -> bool| {
            value["items"].as_array().is_some_and(|items| items.len() == PAGE && items.iter().all(is_right))
        };
        let right = match self.last {
            Work::Create => !id.is_empty() && is_customer(&value, self.asked),
            Work::CreateInvoice => !id.is_empty() && value["amount_cents"] == self.asked,
            Work::Read | Work::Mixed => {
                id == wanted_id(&self.target, self.asked) && text(&value, "/email").starts_with("customer-")
            }
            Work::Filtered => page(&|item| !text(item, "/id").is_empty() && item["status"] == "paid"),
            Work::Expand => page(&|item| {
                let customer = &item["expand"][api.relation];
                customer["id"] == item[api.relation] && text(customer, "/email").starts_with("customer-")
            }),
            Work::Enqueue => !id.is_empty() && value["payload"]["number"] == self.asked,
            Work::Event | Work::LimitedEvent => value["status"] == "accepted" && value["seq"].is_u64(),
            Work::Events | Work::ScatteredEvents => value["accepted"] == EVENTS,
            Work::Batch => {
                let [elements, record] = api.batch_answer;
                value.pointer(elements).and_then(Value::as_array).is_some_and(|elements| {
                    let mut records = (self.asked..).zip(elements);
                    elements.len() as u64 == BATCH
                        && records.all(|(number, one)| {
                            one.pointer(record).is_some_and(|one| is_customer(one, number))
                        })
                })
            }
        };
        if right {
            Ok(id.to_owned())
        } else {
            Err(format!("wrong answer to {:?}: {}", self.last, String::from_utf8_lossy(body)))
        }
    }
}

fn customer(body: &mut Vec<u8>, number: u64) -> std::io::Result<()> {
    write!(body, r#"{{"name":"Customer {number}","email":"customer-{number}@example.com"}}"#)
}

/// Keys that grow with time, as a UUID of version 7 does, or that come in no order, as one of version 4.
fn event(body: &mut Vec<u8>, meter: &str, number: u64, scattered: bool) -> std::io::Result<()> {
    let mixed = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    let (first, second) = if scattered { (mixed, number) } else { (number, mixed) };
    let quantity = number % 100;
    write!(
        body,
        r#"{{"meter":"{meter}","quantity":{quantity},"idempotency_key":"{first:016x}-{second:016x}"}}"#
    )
}

fn enqueue(body: &mut Vec<u8>, number: u64) -> std::io::Result<()> {
    write!(body, r#"{{"kind":"later","payload":{{"number":{number}}},"run_at":"2030-01-01T00:00:00Z"}}"#)
}

fn is_customer(record: &Value, number: u64) -> bool {
    record["name"] == format!("Customer {number}")
        && record["email"] == format!("customer-{number}@example.com")
}

fn text<'a>(record: &'a Value, pointer: &str) -> &'a str {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The id at `index` of what was loaded before.
fn wanted_id(target: &Target, index: u64) -> &str {
    usize::try_from(index).ok().and_then(|index| target.ids.get(index)).map_or("", String::as_str)
}
