//! The bare server's table: one writer that groups commits, one reading connection for each thread.

use std::cell::RefCell;
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Result, Row, params};
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
    CREATE INDEX IF NOT EXISTS customers_by_name ON customers (name, id);";

const INSERT: &str = "INSERT INTO customers (id, name, email) VALUES (?1, ?2, ?3)
    RETURNING id, name, email, created_at";
const READ: &str = "SELECT id, name, email, created_at FROM customers WHERE id = ?1";
const LIST: &str = "SELECT id, name, email, created_at FROM customers ORDER BY id LIMIT ?1";

/// A new customer and where its JSON goes once it is on disk.
pub struct Insert {
    /// Must be there.
    pub name: String,
    /// Unique where it is there.
    pub email: Option<String>,
    /// Dropped unanswered where the commit fails.
    pub answer: oneshot::Sender<Result<Vec<u8>>>,
}

/// Makes the table and starts its writer, which lives as long as the sender.
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
        while let Some(customer) = next {
            let echo = insert(connection, &customer.name, customer.email.as_deref());
            waiting.push((customer.answer, echo));
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

fn insert(connection: &Connection, name: &str, email: Option<&str>) -> Result<Vec<u8>> {
    let mut statement = connection.prepare_cached(INSERT)?;
    statement.query_row(params![new_id(), name, email], to_json)
}

/// One customer as JSON.
///
/// # Errors
/// The file cannot be read.
pub fn read(file: &Path, id: &str) -> Result<Option<Vec<u8>>> {
    with_reader(file, |reader| reader.prepare_cached(READ)?.query_row([id], to_json).optional())
}

/// The first customers as a JSON list.
///
/// # Errors
/// The file cannot be read.
pub fn list(file: &Path, limit: u32) -> Result<Vec<u8>> {
    with_reader(file, |reader| {
        let mut statement = reader.prepare_cached(LIST)?;
        let mut rows = statement.query([limit])?;
        let mut body = Vec::with_capacity(8 * 1024);
        body.extend_from_slice(br#"{"items":["#);
        let mut separator: &[u8] = b"";
        while let Some(row) = rows.next()? {
            body.extend_from_slice(separator);
            render(row, &mut body)?;
            separator = b",";
        }
        body.extend_from_slice(b"]}");
        Ok(body)
    })
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

fn to_json(row: &Row<'_>) -> Result<Vec<u8>> {
    let mut body = Vec::with_capacity(192);
    render(row, &mut body).map(|()| body)
}

/// Writes a row as a JSON object, straight from the memory of `SQLite`.
fn render(row: &Row<'_>, body: &mut Vec<u8>) -> Result<()> {
    let names = [r#"{"id":"#, r#","name":"#, r#","email":"#, r#","created_at":"#];
    for (column, name) in names.into_iter().enumerate() {
        body.extend_from_slice(name.as_bytes());
        let text = row.get_ref(column)?.as_str_or_null()?;
        let written = serde_json::to_writer(&mut *body, &text);
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
