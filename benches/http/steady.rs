//! Clients at a steady pace: what they wait, while something else goes on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Connection;
use crate::report::{Report, percentile};

/// Who sends what, how often. One connection for each entry of `tenants`.
#[derive(Clone)]
pub struct Steady {
    /// The server.
    pub address: SocketAddr,
    /// An access token; it has to last for as long as this goes on.
    pub token: String,
    /// Slugs; one may stand there several times.
    pub tenants: Vec<String>,
    /// From one request of a connection to its next, however long it waits for the answer.
    pub pace: Duration,
    /// One request in so many creates a customer, the others read a list of them.
    pub creates: u64,
}

/// Milliseconds that requests waited from when they were due.
#[derive(Default)]
pub struct Waits {
    /// Of all requests.
    pub all: Vec<f64>,
    /// Of creates alone.
    pub creates: Vec<f64>,
    /// Wrong answers, the first of each connection.
    wrong: Vec<String>,
}

/// The clients at work, on a thread of their own.
pub struct Going {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Result<Waits>>,
}

impl Steady {
    /// Begins.
    pub fn begin(&self) -> Going {
        let (over, steady) = (Arc::new(AtomicBool::new(false)), self.clone());
        let watched = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(steady.go(&watched))
        });
        Going { over, thread }
    }

    /// Goes on for a while.
    ///
    /// # Errors
    /// The server stops answering.
    pub async fn go_for(&self, length: Duration, report: &mut Report) -> Result<Waits> {
        let going = self.begin();
        tokio::time::sleep(length).await;
        going.end(report)
    }

    async fn go(&self, over: &Arc<AtomicBool>) -> Result<Waits> {
        let begun = Instant::now();
        let mut tasks = Vec::new();
        for (index, tenant) in self.tenants.iter().enumerate() {
            let common = format!(
                "HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nX-Tenant-Id: {tenant}\r\n",
                self.address, self.token
            );
            let connection = Connection::open(self.address).await?;
            let due = begun + self.pace * u32::try_from(index)? / u32::try_from(self.tenants.len())?;
            let (pace, creates, over) = (self.pace, self.creates, Arc::clone(over));
            tasks.push(tokio::spawn(one(connection, common, (due, pace), creates, over)));
        }
        let mut all = Waits::default();
        for task in tasks {
            let one = task.await??;
            all.all.extend(one.all);
            all.creates.extend(one.creates);
            all.wrong.extend(one.wrong);
        }
        for part in [&mut all.all, &mut all.creates] {
            part.sort_unstable_by(f64::total_cmp);
        }
        Ok(all)
    }
}

async fn one(
    mut connection: Connection,
    common: String,
    (mut due, pace): (Instant, Duration),
    creates: u64,
    over: Arc<AtomicBool>,
) -> Result<Waits> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let mut waits = Waits::default();
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        let number = SERIAL.fetch_add(1, Ordering::Relaxed);
        let is_create = number.is_multiple_of(creates);
        let request = if is_create {
            let body = format!(r#"{{"name":"Customer {number}","email":"customer-{number}@example.com"}}"#);
            let length = body.len();
            format!(
                "POST /api/v1/records/customers {common}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
            )
        } else {
            format!("GET /api/v1/records/customers?limit=50 {common}\r\n")
        };
        let answer = connection.exchange(request.as_bytes()).await?;
        let waited = due.elapsed().as_secs_f64() * 1e3;
        waits.all.push(waited);
        if is_create {
            waits.creates.push(waited);
        }
        if answer.status != if is_create { 201 } else { 200 } && waits.wrong.is_empty() {
            let said = String::from_utf8_lossy(answer.body);
            waits.wrong.push(format!("a client at a steady pace is answered {}: {said}", answer.status));
        }
        due += pace;
    }
    Ok(waits)
}

impl Going {
    /// Ends, and says what was waited.
    ///
    /// # Errors
    /// The server stopped answering.
    pub fn end(self, report: &mut Report) -> Result<Waits> {
        self.over.store(true, Ordering::Relaxed);
        let mut waits = self.thread.join().map_err(|_| "the clients broke off")??;
        waits.wrong.drain(..).take(1).for_each(|wrong| report.wrong(wrong));
        Ok(waits)
    }
}

impl Waits {
    /// Median, 99th percentile and longest of creates, for a note.
    pub fn of_creates(&self) -> String {
        let of = |share| percentile(&self.creates, share);
        format!("{:.2} / {:.2} / {:.2} ms of {} creates", of(50), of(99), of(100), self.creates.len())
    }

    /// The same of all requests.
    pub fn of_all(&self) -> String {
        let of = |share| percentile(&self.all, share);
        format!("{:.2} / {:.2} / {:.2} ms of {} requests", of(50), of(99), of(100), self.all.len())
    }
}
