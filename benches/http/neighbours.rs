//! One tenant floods the server while fifty others work as ever: what the fifty notice of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::connection::{Connection, call};
use crate::options::Options;
use crate::process::{Process, make_directory};
use crate::report::{Goal, Report, median};
use crate::tenantry::{EMAIL, Session, command, serve};

/// Tenants that work as ever.
const NEIGHBOURS: usize = 50;

/// From one request of a neighbour to its next.
const PACE: Duration = Duration::from_millis(200);

/// Of a neighbour's requests, one in so many creates a record; the others read a list.
const CREATES: u64 = 5;

/// Connections of the flood; half of them write, half search a table without an index.
const FLOOD: usize = 64;

/// Rows of the table that the flood searches, in arrays of [`ARRAY`].
const ROWS: usize = 20_000;
const ARRAY: usize = 500;

/// The servers that are measured in turn: what they are called, and what stands in their settings.
const SERVERS: [(&str, &str); 2] = [("", ""), (", with turns", "tenant_turns = 8\n")];

/// A server and what it did to the neighbours.
struct House {
    name: &'static str,
    process: Process,
    address: SocketAddr,
    session: Session,
    quiet: Vec<Waits>,
    flooded: Vec<Waits>,
    flood: Vec<f64>,
}

/// Measures the neighbours with and without the flood, in turn; and the same where tenants take turns.
///
/// # Errors
/// A server does not start, or refuses what sets it up.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let mut houses = Vec::new();
    for (name, settings) in SERVERS {
        let directory = make_directory(parent, &format!("neighbours-{}", houses.len()))?;
        houses.push(House::start(name, settings, &directory).await?);
    }
    for turn in 1..=options.rounds {
        for house in &mut houses {
            house.measure(turn, options.round * 2, report).await?;
        }
    }
    for house in houses {
        house.tell(report);
        house.process.stop().await?;
    }
    Ok(())
}

impl House {
    async fn start(name: &'static str, settings: &str, directory: &Path) -> Result<House> {
        std::fs::create_dir(directory.join("data"))?;
        std::fs::write(directory.join("data/tenantry.toml"), settings)?;
        let (mut process, address) = serve(directory)?;
        process.ready(address, "/readyz").await?;
        let (session, _) = Session::sign_up(address, Some("flood")).await?;
        let count = NEIGHBOURS.to_string();
        let made = command(&["tenant", "create", "quiet", "--owner", EMAIL, "--count", &count], directory)
            .output()?;
        if !made.status.success() {
            return Err(format!("tenant create: {}", String::from_utf8_lossy(&made.stderr)).into());
        }
        fill(address, &session.token).await?;
        let (quiet, flooded, flood) = Default::default();
        Ok(House { name, process, address, session, quiet, flooded, flood })
    }

    async fn measure(&mut self, turn: usize, length: Duration, report: &mut Report) -> Result<()> {
        self.session.refresh().await?;
        let (address, token) = (self.address, &self.session.token);
        let calm = work(address, token, length, report).await?;
        let storm = Flood::begin(address, token);
        // The queues of the flood are full before anything counts.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let disturbed = work(address, token, length, report).await?;
        let rate = storm.end(length)?;
        eprintln!(
            "neighbours{}, round {turn}: {calm}; in the flood, which had {rate:.0} answers/s: {disturbed}",
            self.name
        );
        self.quiet.push(calm);
        self.flooded.push(disturbed);
        self.flood.push(rate);
        Ok(())
    }

    fn tell(&self, report: &mut Report) {
        let of = |rounds: &[Waits], value: &dyn Fn(&Waits) -> f64| {
            median(&rounds.iter().map(value).collect::<Vec<f64>>())
        };
        let name = self.name;
        for (when, rounds) in [("quiet", &self.quiet), ("in a flood", &self.flooded)] {
            for (part, label) in PARTS.iter().enumerate() {
                let what = format!("{NEIGHBOURS} neighbours, {when}{name}, {label}");
                for (hundredths, named) in [(50, "median"), (99, "p99")] {
                    let value = of(rounds, &|one| one.at(part, hundredths));
                    report.figure(format!("{what}: {named}"), Ok(value), " ms", Goal::None);
                }
            }
        }
        let p99 = |rounds| of(rounds, &|one| one.at(ALL, 99));
        let ratio = p99(&self.flooded) / p99(&self.quiet);
        report.figure_with_note(
            format!("{NEIGHBOURS} neighbours: p99 in a flood, times quiet{name}"),
            Ok(ratio),
            "",
            if name.is_empty() { Goal::AtMost(2.0) } else { Goal::None },
            &format!("the flood: {:.0} answers/s", median(&self.flood)),
        );
    }
}

/// Gives the flooding tenant something to search.
async fn fill(address: SocketAddr, token: &str) -> Result<()> {
    let credential = format!("Authorization: Bearer {token}\r\n");
    let text = "a note of some length about nothing in particular ".repeat(4);
    let notes: Vec<Value> = (0..ARRAY).map(|n| json!({"title": format!("Note {n}"), "body": text})).collect();
    for _ in 0..ROWS / ARRAY {
        let path = "/api/v1/tenants/flood/records/notes";
        call(address, ("POST", path), &credential, &Value::Array(notes.clone()), 201).await?;
    }
    Ok(())
}

/// What is told apart of what the neighbours waited. The last is how late this program itself was to send what was due,
/// which the rest contains: it has no cores of its own.
const PARTS: [&str; 4] = ["all", "reads", "creates", "late to send"];
const ALL: usize = 0;
const READS: usize = 1;
const CREATES_ALONE: usize = 2;
const LATE: usize = 3;

/// What the neighbours waited, in milliseconds: of each of [`PARTS`], in order.
#[derive(Default)]
struct Waits([Vec<f64>; PARTS.len()]);

impl Waits {
    fn take(&mut self, others: Waits) {
        self.0.iter_mut().zip(others.0).for_each(|(mine, others)| mine.extend(others));
    }

    fn sorted(mut self) -> Waits {
        self.0.iter_mut().for_each(|part| part.sort_unstable_by(f64::total_cmp));
        self
    }

    fn at(&self, part: usize, hundredths: usize) -> f64 {
        let part = &self.0[part];
        part.get(part.len() * hundredths / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (part, label) in PARTS.iter().enumerate() {
            let [p50, p95, p99] = [50, 95, 99].map(|hundredths| self.at(part, hundredths));
            write!(f, "{}{label} {p50:.2}/{p95:.2}/{p99:.2}", if part == ALL { "" } else { ", " })?;
        }
        write!(f, " ms")
    }
}

/// All neighbours at their pace for `length`. A request that has to wait because the one before it is late counts from
/// the time at which it was due.
async fn work(address: SocketAddr, token: &str, length: Duration, report: &mut Report) -> Result<Waits> {
    static SERIAL: AtomicU64 = AtomicU64::new(0);
    let begun = Instant::now();
    let mut tasks = Vec::new();
    for index in 0..NEIGHBOURS {
        let common = format!(
            "HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nX-Tenant-Id: quiet-{}\r\n",
            index + 1
        );
        let mut connection = Connection::open(address).await?;
        let mut due = begun + PACE * u32::try_from(index)? / u32::try_from(NEIGHBOURS)?;
        tasks.push(tokio::spawn(async move {
            let (mut waits, mut wrong) = (Waits::default(), None);
            let millis = |due: Instant| due.elapsed().as_secs_f64() * 1e3;
            while due < begun + length {
                let is_free = due.elapsed().is_zero();
                tokio::time::sleep_until(due.into()).await;
                let number = SERIAL.fetch_add(1, Ordering::Relaxed);
                let (request, expected, part) = if number.is_multiple_of(CREATES) {
                    (create(&common, number), 201, CREATES_ALONE)
                } else {
                    (format!("GET /api/v1/records/customers?limit=50 {common}\r\n"), 200, READS)
                };
                if is_free {
                    waits.0[LATE].push(millis(due));
                }
                let answer =
                    connection.exchange(request.as_bytes()).await.map_err(|error| error.to_string())?;
                let waited = millis(due);
                waits.0[ALL].push(waited);
                waits.0[part].push(waited);
                if answer.status != expected {
                    wrong = Some(format!("{}: {}", answer.status, String::from_utf8_lossy(answer.body)));
                }
                due += PACE;
            }
            Ok::<_, String>((waits, wrong))
        }));
    }
    let mut all = Waits::default();
    for task in tasks {
        let (waits, wrong) = task.await??;
        all.take(waits);
        wrong.into_iter().for_each(|wrong| report.wrong(format!("a neighbour is answered {wrong}")));
    }
    Ok(all.sorted())
}

fn create(common: &str, number: u64) -> String {
    let body = format!(r#"{{"name":"Customer {number}","email":"customer-{number}@example.com"}}"#);
    let length = body.len();
    format!(
        "POST /api/v1/records/customers {common}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// The flood, on a thread of its own: what measures the neighbours does not wait for it.
struct Flood {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<u64>>,
}

impl Flood {
    fn begin(address: SocketAddr, token: &str) -> Flood {
        let over = Arc::new(AtomicBool::new(false));
        let (watched, token) = (Arc::clone(&over), token.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let tasks: Vec<_> = (0..FLOOD)
                    .map(|index| {
                        tokio::spawn(one_of_flood(address, token.clone(), index, Arc::clone(&watched)))
                    })
                    .collect();
                let mut answers = 0;
                for task in tasks {
                    answers += task.await??;
                }
                Ok(answers)
            })
        });
        Flood { over, thread }
    }

    /// Ends it, and says how many answers a second it had.
    fn end(self, length: Duration) -> Result<f64> {
        self.over.store(true, Ordering::Relaxed);
        let answers = self.thread.join().map_err(|_| "the flood broke off")??;
        #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
        Ok(answers as f64 / length.as_secs_f64())
    }
}

/// Refusals are fine here: a server that sheds the flood protects the others.
async fn one_of_flood(
    address: SocketAddr,
    token: String,
    index: usize,
    over: Arc<AtomicBool>,
) -> Result<u64> {
    static SERIAL: AtomicU64 = AtomicU64::new(1_000_000);
    let common =
        format!("HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nX-Tenant-Id: flood\r\n");
    let search = format!("GET /api/v1/records/notes?body=like.*nowhere*&limit=1 {common}\r\n");
    let mut connection = Connection::open(address).await?;
    let mut answers = 0;
    while !over.load(Ordering::Relaxed) {
        let answer = if index.is_multiple_of(2) {
            connection.exchange(search.as_bytes()).await?
        } else {
            let request = create(&common, SERIAL.fetch_add(1, Ordering::Relaxed));
            connection.exchange(request.as_bytes()).await?
        };
        answers += u64::from(answer.status < 300);
    }
    Ok(answers)
}
