//! The bare server's tables: one writer that groups commits, one reading connection for each thread.

use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Result, Row, Rows, params};
use tokio::sync::{mpsc, oneshot};

/// Inserts in one commit, at most.
const BATCH: usize = 128;

/// Inserts that may wait for the writer.
const QUEUE: usize = 1024;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    CREATE TABLE IF NOT EXISTS customers (
        id         TEXT PRIMARY KEY,
        name       TEXT NOT NULL,
        email      TEXT UNIQUE,
        created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    CREATE INDEX IF NOT EXISTS customers_by_name ON customers (name, id);
    CREATE TABLE IF NOT EXISTS invoices (
        id           TEXT PRIMARY KEY,
        customer_id  TEXT NOT NULL REFERENCES customers (id),
        amount_cents INTEGER NOT NULL,
        status       TEXT NOT NULL,
        created_at   TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
    ) STRICT;
    CREATE INDEX IF NOT EXISTS invoices_by_status ON invoices (status, created_at DESC);
    CREATE INDEX IF NOT EXISTS invoices_by_customer ON invoices (customer_id, created_at DESC);";

const INSERT: &str = "INSERT INTO customers (id, name, email) VALUES (?1, ?2, ?3)
    RETURNING id, name, email, created_at";
const INSERT_INVOICE: &str =
    "INSERT INTO invoices (id, customer_id, amount_cents, status) VALUES (?1, ?2, ?3, ?4)
    RETURNING id, customer_id, amount_cents, status, created_at";
const READ: &str = "SELECT id, name, email, created_at FROM customers WHERE id = ?1";
const LIST: &str = "SELECT id, customer_id, amount_cents, status, created_at FROM invoices
    WHERE status = ?2 ORDER BY created_at DESC LIMIT ?1";
const EXPAND: &str = "SELECT i.id, i.customer_id, i.amount_cents, i.status, i.created_at,
    c.id, c.name, c.email, c.created_at FROM invoices i JOIN customers c ON c.id = i.customer_id ORDER BY i.id LIMIT ?1";

const CUSTOMER: &[&str] = &["id", "name", "email", "created_at"];
const INVOICE: &[&str] = &["id", "customer_id", "amount_cents", "status", "created_at"];

/// A new customer.
#[derive(serde::Deserialize)]
pub struct Customer {
    name: String,
    email: Option<String>,
}

/// A new invoice.
#[derive(serde::Deserialize)]
pub struct Invoice {
    customer_id: String,
    amount_cents: i64,
    status: String,
}

/// What one request creates.
pub enum New {
    /// One customer, or several at once.
    Customers(Vec<Customer>),
    /// One invoice.
    Invoice(Invoice),
}

/// What is to be created, and where its JSON goes once it is on disk.
pub struct Insert {
    /// The records.
    pub new: New,
    /// Dropped unanswered where the commit fails.
    pub answer: oneshot::Sender<Result<Vec<u8>>>,
}

/// Makes the tables and starts its writer, which lives as long as the sender.
///
/// # Errors
/// The file cannot be made.
pub fn open(file: &Path) -> Result<mpsc::Sender<Insert>> {
    let connection = Connection::open(file)?;
    connection.execute_batch(SCHEMA)?;
    let (writer, inserts) = mpsc::channel(QUEUE);
    std::thread::spawn(move || write(&connection, inserts));
    Ok(writer)
}

/// The writer thread: takes what is queued, commits once, then answers all.
fn write(connection: &Connection, mut inserts: mpsc::Receiver<Insert>) {
    let mut waiting = Vec::with_capacity(BATCH);
    while let Some(first) = inserts.blocking_recv() {
        let begun = connection.execute_batch("BEGIN IMMEDIATE");
        let mut next = Some(first);
        while let Some(one) = next {
            let echo = insert(connection, &one.new);
            waiting.push((one.answer, echo));
            let has_room = waiting.len() < BATCH;
            next = has_room.then(|| inserts.try_recv().ok()).flatten();
        }
        let committed = begun.and_then(|()| connection.execute_batch("COMMIT"));
        for (answer, echo) in waiting.drain(..) {
            if committed.is_ok() {
                // A client that has left does not want its answer.
                let _ = answer.send(echo);
            }
        }
    }
}

fn insert(connection: &Connection, new: &New) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(192);
    match new {
        New::Invoice(Invoice { customer_id, amount_cents, status }) => {
            let mut statement = connection.prepare_cached(INSERT_INVOICE)?;
            let values = params![new_id(), customer_id, amount_cents, status];
            statement.query_row(values, |row| render(row, INVOICE, 0, &mut body))?;
        }
        New::Customers(customers) => {
            let mut statement = connection.prepare_cached(INSERT)?;
            let is_list = customers.len() > 1;
            body.extend_from_slice(if is_list { br#"{"items":["# } else { b"" });
            for (index, Customer { name, email }) in customers.iter().enumerate() {
                body.extend_from_slice(if index > 0 { b"," } else { b"" });
                let values = params![new_id(), name, email];
                statement.query_row(values, |row| render(row, CUSTOMER, 0, &mut body))?;
            }
            body.extend_from_slice(if is_list { b"]}" } else { b"" });
        }
    }
    Ok(body)
}

/// One customer as JSON.
///
/// # Errors
/// The file cannot be read.
pub fn read(file: &Path, id: &str) -> Result<Option<Vec<u8>>> {
    with_reader(file, |reader| {
        let mut body = Vec::with_capacity(192);
        let found = reader.prepare_cached(READ)?.query_row([id], |row| render(row, CUSTOMER, 0, &mut body));
        Ok(found.optional()?.map(|()| body))
    })
}

/// The newest invoices of a status as a JSON list.
///
/// # Errors
/// The file cannot be read.
pub fn list(file: &Path, status: &str, limit: u32) -> Result<Vec<u8>> {
    with_reader(file, |reader| {
        let mut statement = reader.prepare_cached(LIST)?;
        to_list(statement.query(params![limit, status])?, |row, body| render(row, INVOICE, 0, body))
    })
}

/// The first invoices as a JSON list, each with its customer.
///
/// # Errors
/// The file cannot be read.
pub fn expand(file: &Path, limit: u32) -> Result<Vec<u8>> {
    with_reader(file, |reader| {
        let mut statement = reader.prepare_cached(EXPAND)?;
        to_list(statement.query([limit])?, |row, body| {
            render(row, INVOICE, 0, body)?;
            body.pop();
            body.extend_from_slice(br#","expand":{"customer_id":"#);
            render(row, CUSTOMER, INVOICE.len(), body)?;
            body.extend_from_slice(b"}}");
            Ok(())
        })
    })
}

fn to_list(mut rows: Rows<'_>, render: impl Fn(&Row<'_>, &mut Vec<u8>) -> Result<()>) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(16 * 1024);
    body.extend_from_slice(br#"{"items":["#);
    let mut separator: &[u8] = b"";
    while let Some(row) = rows.next()? {
        body.extend_from_slice(separator);
        render(row, &mut body)?;
        separator = b",";
    }
    body.extend_from_slice(b"]}");
    Ok(body)
}

/// Lends this thread's reading connection, opened when it is first needed.
fn with_reader<T>(file: &Path, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    thread_local!(static READER: RefCell<Option<Connection>> = const { RefCell::new(None) });
    READER.with_borrow_mut(|reader| {
        if reader.is_none() {
            let connection = Connection::open(file)?;
            connection.pragma_update(None, "query_only", true)?;
            *reader = Some(connection);
        }
        reader.as_ref().map_or(Err(rusqlite::Error::InvalidQuery), read)
    })
}

/// Writes columns of a row, from the one at `first` on, as a JSON object, straight from the memory of `SQLite`.
fn render(row: &Row<'_>, names: &[&str], first: usize, body: &mut Vec<u8>) -> Result<()> {
    for (index, name) in names.iter().enumerate() {
        body.extend_from_slice(if index == 0 { b"{\"" } else { b",\"" });
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(b"\":");
        let written = match row.get_ref(first + index)? {
            ValueRef::Integer(number) => serde_json::to_writer(&mut *body, &number),
            value => serde_json::to_writer(&mut *body, &value.as_str_or_null()?),
        };
        written.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    }
    body.push(b'}');
    Ok(())
}

/// A `UUIDv7`; its random part need only be unlikely to repeat, not hard to guess.
fn new_id() -> String {
    static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(u64::from(std::process::id()) << 32));
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut random = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    random = (random ^ (random >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    random ^= random >> 27;
    let (a, b, c) = (random >> 52, (random >> 40) & 0x3FFF, random & 0xFFFF_FFFF_FFFF);
    let (seconds, rest) = (millis >> 16, millis & 0xFFFF);
    format!("{seconds:08x}-{rest:04x}-7{a:03x}-{:04x}-{c:012x}", b | 0x8000)
}
