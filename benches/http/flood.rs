//! One tenant floods the server at twenty times its rate limit: what another one, at full speed, notices of it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Result;
use crate::connection::{Connection, call};
use crate::contender::Contender;
use crate::generator::{self, Round};
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median};
use crate::tenantry;
use crate::workload::Work;

/// A plan without limits, and one with a rate.
const APP: &str = "default_plan = \"open\"\n[plans.open]\ntitle = \"Open\"\n[plans.small]\ntitle = \"Small\"\n\
                   [plans.small.rate]\nrequests_per_second = 50\nburst = 50\n";

/// Requests a second that the plan of the flooding tenant has, and how often it sends them.
const RATE: u32 = 50;
const TIMES: u32 = 20;

/// Connections of the flood: a script that waits for its answers, and one that has enough of them to keep its pace
/// however late it is told that it is refused.
const FLOODS: [u32; 2] = [16, 320];
/// Connections of the tenant beside it.
const CONNECTIONS: usize = 32;

/// Records that are read.
const RECORDS: u64 = 1_000;

/// Measures a tenant with and without the flood of another, in turn.
///
/// # Errors
/// The server does not start, or refuses what sets it up.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let directory = make_directory(parent, "flood")?;
    let app = tenantry::write_app(&directory, APP)?;
    let mut contender = tenantry::start_with(&directory, Some(&app)).await?;
    let address = contender.target.address;
    let credential = format!("Authorization: Bearer {}\r\n", contender.target.token);
    let tenant = json!({"name": "Flood", "slug": "flood"});
    call(address, ("POST", "/api/v1/tenants"), &credential, &tenant, 201).await?;
    let plan = json!({"plan": "small"});
    call(address, ("PUT", "/api/v1/tenants/flood/subscription"), &credential, &plan, 200).await?;
    contender.target.ids = Arc::new(generator::preload(&contender.target, Work::Create, RECORDS).await?);

    for connections in FLOODS {
        beside(&mut contender, connections, options, report).await?;
    }
    contender.process.stop().await
}

/// The same for a flood over so many connections.
async fn beside(
    contender: &mut Contender,
    connections: u32,
    options: &Options,
    report: &mut Report,
) -> Result<()> {
    let address = contender.target.address;
    let (mut calm, mut flooded) = (Vec::new(), Vec::new());
    let (mut let_in, mut refused) = (Vec::new(), Vec::new());
    for turn in 1..=options.rounds {
        contender.refresh().await?;
        let quiet = generator::run(&contender.target, Work::Mixed, CONNECTIONS, options.round).await?;
        let flood = Flood::begin(address, &contender.target.token, connections);
        let begun = Instant::now();
        let disturbed = generator::run(&contender.target, Work::Mixed, CONNECTIONS, options.round).await?;
        let [inside, outside] = flood.end(begun)?;
        eprintln!(
            "flood over {connections}, round {turn}: {:.0}/s, p99 {:.2} ms; beside the flood {:.0}/s, p99 {:.2} ms; the flood: {inside:.0}/s \
             let in, {outside:.0}/s refused",
            quiet.rate,
            millis(&quiet),
            disturbed.rate,
            millis(&disturbed)
        );
        for round in [&quiet, &disturbed] {
            if let Some(error) = &round.first_error {
                report.wrong(format!("beside a flood, {} errors, first: {error}", round.errors));
            }
        }
        calm.push(quiet);
        flooded.push(disturbed);
        let_in.push(inside);
        refused.push(outside);
    }
    let of =
        |rounds: &[Round], value: fn(&Round) -> f64| median(&rounds.iter().map(value).collect::<Vec<f64>>());
    let lost = 100.0 * (1.0 - of(&flooded, |round| round.rate) / of(&calm, |round| round.rate));
    let note = format!("the flood: {:.0}/s let in, {:.0}/s refused", median(&let_in), median(&refused));
    report.figure(
        format!("mixed work without a flood over {connections}"),
        Ok(of(&calm, |round| round.rate)),
        "/s",
        Goal::None,
    );
    report.figure_with_note(
        format!("lost beside a flood of {TIMES} times its rate over {connections} connections"),
        Ok(lost),
        " %",
        Goal::Below(10.0),
        &note,
    );
    let p99 = of(&flooded, millis) / of(&calm, millis);
    report.figure(
        format!("p99 beside the flood over {connections}, times without"),
        Ok(p99),
        "",
        Goal::Below(1.5),
    );
    Ok(())
}

fn millis(round: &Round) -> f64 {
    round.p99.as_secs_f64() * 1e3
}

/// The flood, on a thread of its own.
struct Flood {
    over: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<Result<[u32; 2]>>,
}

impl Flood {
    fn begin(address: SocketAddr, token: &str, connections: u32) -> Flood {
        let over = Arc::new(AtomicBool::new(false));
        let (watched, token) = (Arc::clone(&over), token.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let all: Vec<_> = (0..connections)
                    .map(|index| {
                        let place = (index, connections);
                        tokio::spawn(one_of_flood(address, token.clone(), place, Arc::clone(&watched)))
                    })
                    .collect();
                let mut sum = [0; 2];
                for connection in all {
                    let [let_in, refused] = connection.await??;
                    sum = [sum[0] + let_in, sum[1] + refused];
                }
                Ok(sum)
            })
        });
        Flood { over, thread }
    }

    /// Ends it, and says how many a second were let in and refused.
    fn end(self, begun: Instant) -> Result<[f64; 2]> {
        let length = begun.elapsed().as_secs_f64();
        self.over.store(true, Ordering::Relaxed);
        let sum = self.thread.join().map_err(|_| "the flood broke off")??;
        Ok(sum.map(|count| f64::from(count) / length))
    }
}

/// One connection of the flood, which keeps to its times whatever is answered.
async fn one_of_flood(
    address: SocketAddr,
    token: String,
    (index, connections): (u32, u32),
    over: Arc<AtomicBool>,
) -> Result<[u32; 2]> {
    let request = format!(
        "GET /api/v1/tenants/flood/records/customers?limit=1 HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    let pace = Duration::from_secs(1) * connections / (RATE * TIMES);
    let mut due = Instant::now() + pace * index / connections;
    let mut connection = Connection::open(address).await?;
    let mut counts = [0; 2];
    while !over.load(Ordering::Relaxed) {
        tokio::time::sleep_until(due.into()).await;
        // Whoever was told late does not make up for it: that would be another flood.
        due = (due + pace).max(Instant::now());
        let answer = connection.exchange(request.as_bytes()).await?;
        match answer.status {
            200 => counts[0] += 1,
            429 => {
                let problem: Value = serde_json::from_slice(answer.body)?;
                if problem["code"] != "rate_limited" {
                    return Err(format!("the flood is answered {problem}").into());
                }
                counts[1] += 1;
            }
            other => return Err(format!("the flood is answered {other}").into()),
        }
    }
    Ok(counts)
}
