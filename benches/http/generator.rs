//! The load generator: N connections, each sending its next request when the last one is answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Connection;
use crate::workload::{Requests, Target, Work};

/// Of how many answers one is parsed and compared with what was asked; the status is checked on all.
const SAMPLE: u64 = 64;

/// Connections that load the first records.
const PRELOAD_CONNECTIONS: usize = 16;

/// How long a server may go on after the end of a round before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the connections stop.
enum End {
    /// At a time; what is answered before `count_from` warms up and is not counted.
    At { count_from: Instant, end: Instant },
    /// When that many requests have been sent; every answer is parsed and its id kept.
    After(AtomicU64),
}

/// What came of one round, or of one connection in it.
#[derive(Default)]
pub struct Round {
    /// Counted answers a second.
    pub rate: f64,
    /// Latency that half of the requests stayed below.
    pub p50: Duration,
    /// Latency that 99 of 100 requests stayed below.
    pub p99: Duration,
    /// Customers whose creation was answered with success, warm-up included.
    pub acknowledged: u64,
    /// Requests that failed or whose answer was wrong.
    pub errors: u64,
    /// The first of them, in words.
    pub first_error: Option<String>,
    /// Ids of created records, where they are collected.
    ids: Vec<String>,
    /// Microseconds of each counted request.
    latencies: Vec<u32>,
}

/// Loads `target` for `length`, after a tenth of that to warm up.
///
/// # Errors
/// The server does not accept connections or stopped answering. Wrong answers are counted in the round instead.
pub async fn run(target: &Target, work: Work, connections: usize, length: Duration) -> Result<Round> {
    let count_from = Instant::now() + length / 10;
    let end = End::At { count_from, end: count_from + length };
    let mut round = drive_all(target, work, connections, end, length * 2).await?;
    round.latencies.sort_unstable();
    let counted = round.latencies.len();
    let percentile = |hundredths: usize| {
        let index = (counted * hundredths / 100).min(counted.saturating_sub(1));
        Duration::from_micros(round.latencies.get(index).copied().unwrap_or_default().into())
    };
    (round.p50, round.p99) = (percentile(50), percentile(99));
    #[expect(clippy::cast_precision_loss, reason = "counts of requests are far below 2^52")]
    let answers = counted as f64;
    round.rate = answers / length.as_secs_f64();
    Ok(round)
}

/// Creates `count` records by `work` and returns their ids.
///
/// # Errors
/// Any of them is refused or echoed wrongly.
pub async fn preload(target: &Target, work: Work, count: u64) -> Result<Vec<String>> {
    let end = End::After(AtomicU64::new(count));
    let round = drive_all(target, work, PRELOAD_CONNECTIONS, end, Duration::ZERO).await?;
    round.first_error.map_or(Ok(round.ids), |error| Err(error.into()))
}

/// Runs all connections of one round, which may take `length` and some patience.
async fn drive_all(
    target: &Target,
    work: Work,
    connections: usize,
    end: End,
    length: Duration,
) -> Result<Round> {
    let end = Arc::new(end);
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(target.address).await?);
    }
    let tasks: Vec<_> = (1..)
        .zip(opened)
        .map(|(seed, connection)| {
            tokio::spawn(drive(connection, Requests::new(target.clone(), work, seed), Arc::clone(&end)))
        })
        .collect();
    let mut sum = Round::default();
    let all = async {
        for task in tasks {
            let one = task.await?;
            sum.acknowledged += one.acknowledged;
            sum.errors += one.errors;
            sum.first_error = sum.first_error.take().or(one.first_error);
            sum.ids.extend(one.ids);
            sum.latencies.extend(one.latencies);
        }
        Ok(sum)
    };
    tokio::time::timeout(length + PATIENCE, all).await.map_err(|_| "the server stopped answering")?
}

/// One connection's closed loop.
async fn drive(mut connection: Connection, mut requests: Requests, end: Arc<End>) -> Round {
    let mut round = Round::default();
    let mut sent = 0;
    loop {
        let begun = Instant::now();
        let over = match &*end {
            End::At { end, .. } => begun >= *end,
            End::After(left) => {
                left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err()
            }
        };
        if over {
            return round;
        }
        let answer = match connection.exchange(requests.compose()).await {
            Ok(answer) => answer,
            Err(error) => {
                round.errors += 1;
                round.first_error.get_or_insert_with(|| error.to_string());
                return round;
            }
        };
        let answered = Instant::now();
        let expected = requests.expected();
        let keep = matches!(*end, End::After(_));
        let verdict = if answer.status != expected {
            Err(format!("{} instead of {expected}: {}", answer.status, String::from_utf8_lossy(answer.body)))
        } else if keep || sent % SAMPLE == 0 {
            requests.check(answer.body)
        } else {
            Ok(String::new())
        };
        sent += 1;
        match verdict {
            Ok(id) => {
                round.acknowledged += requests.creates();
                if keep {
                    round.ids.push(id);
                }
                if let End::At { count_from, end } = &*end
                    && (*count_from..*end).contains(&answered)
                {
                    let micros = answered.duration_since(begun).as_micros();
                    round.latencies.push(u32::try_from(micros).unwrap_or(u32::MAX));
                }
            }
            Err(error) => {
                round.errors += 1;
                round.first_error.get_or_insert(error);
            }
        }
    }
}
