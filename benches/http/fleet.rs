//! Tenantry alone with thousands of tenants: how fast they are made, and what they cost while they sleep and wake.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::connection::Connection;
use crate::list;
use crate::options::Options;
use crate::process::{Process, make_directory};
use crate::query;
use crate::report::{Goal, Report, median, megabytes, percentile};
use crate::tenantry::{EMAIL, Session, command, serve};

/// Tenants that get a cold first request, at most.
const COLD: usize = 2_000;

/// Connections that touch the whole fleet.
const TOUCHING: usize = 8;

/// Measures the fleet.
///
/// # Errors
/// A command fails or a server does not start.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let tenants = options.tenants;
    let directory = make_directory(parent, "fleet")?;
    let (mut process, address) = serve(&directory)?;
    process.ready(address, "/readyz").await?;
    Session::sign_up(address, None).await?;
    process.stop().await?;

    let seconds = provision(tenants, &directory, None)?;
    let rate = count(tenants) / seconds;
    report.figure(format!("provisioning {tenants} tenants"), Ok(rate), "/s", Goal::AtLeast(300.0));

    let (mut starts, mut running) = (Vec::new(), None);
    for _ in 0..options.rounds {
        if let Some((process, _)) = running.take() {
            Process::stop(process).await?;
        }
        let (mut process, address) = serve(&directory)?;
        starts.push(millis(process.ready(address, "/readyz").await?));
        running = Some((process, address));
    }
    let (process, address) = running.ok_or("the server was never started")?;
    let what = format!("serve ready with {tenants} tenants");
    report.figure(what, Ok(median(&starts)), " ms", Goal::AtMost(200.0));
    report.figure("resident before the first request", Ok(megabytes(process.resident()?)), " MB", Goal::None);

    let mut session = Session::sign_in(address).await?;
    let cold = tenants.min(COLD);
    // Spread over the fleet, not the first ones: neighbours in the catalog share its pages.
    let chosen: VecDeque<usize> = (0..cold).map(|index| index * tenants / cold + 1).collect();
    let mut first = visit(address, &session.token, chosen.clone(), report).await?;
    first.sort_unstable_by(f64::total_cmp);
    let second = visit(address, &session.token, chosen, report).await?;
    report.figure(
        format!("cold first request, median of {cold} tenants"),
        Ok(median(&first)),
        " ms",
        Goal::Below(5.0),
    );
    report.figure("cold first request, 99th percentile", Ok(percentile(&first, 99)), " ms", Goal::None);
    report.figure("second request to the same tenants, median", Ok(median(&second)), " ms", Goal::None);

    session.refresh().await?;
    let shares =
        (0..TOUCHING).map(|share| (1..=tenants).filter(|tenant| tenant % TOUCHING == share).collect());
    let begun = Instant::now();
    touch(address, &session.token, shares.collect(), report).await?;
    report.note(format!("Fleet: all {tenants} tenants touched in {:.1} s.", begun.elapsed().as_secs_f64()));
    let resident = megabytes(process.resident()?);
    let what = format!("resident after touching all {tenants} tenants");
    report.figure(what, Ok(resident), " MB", Goal::Below(150.0));
    list::run(&directory, address, tenants, report).await?;
    query::run(address, tenants, report).await?;
    process.stop().await
}

/// Creates the fleet, `fleet-1` and so on, by the command line and returns the seconds it took, from start to end of the process.
///
/// # Errors
/// Not all were created.
pub fn provision(tenants: usize, directory: &Path, app: Option<&Path>) -> Result<f64> {
    let number = tenants.to_string();
    let arguments = ["tenant", "create", "fleet", "--owner", EMAIL, "--count", &number, "--json"];
    let mut command = command(&arguments, directory);
    if let Some(app) = app {
        command.arg("--app").arg(app);
    }
    let begun = Instant::now();
    let output = command.output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let printed = String::from_utf8_lossy(&output.stdout);
    let created =
        serde_json::from_str::<Value>(printed.trim()).ok().and_then(|answer| answer["created"].as_u64());
    if !output.status.success() || created != Some(tenants as u64) {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("tenant create ended with {}: {printed}{complaint}", output.status).into());
    }
    Ok(seconds)
}

/// Asks each tenant for its first customers, one after the other, and returns the milliseconds of each request.
async fn visit(
    address: SocketAddr,
    token: &str,
    chosen: VecDeque<usize>,
    report: &mut Report,
) -> Result<Vec<f64>> {
    let mut visitor = Visitor::new(address, token.to_owned(), chosen).await?;
    visitor.visit_all().await?;
    visitor.complaints.into_iter().for_each(|complaint| report.wrong(complaint));
    Ok(visitor.millis)
}

/// Asks every tenant once, each share on a connection of its own.
async fn touch(
    address: SocketAddr,
    token: &str,
    shares: Vec<VecDeque<usize>>,
    report: &mut Report,
) -> Result<()> {
    let mut tasks = Vec::new();
    for share in shares {
        let mut visitor = Visitor::new(address, token.to_owned(), share).await?;
        tasks.push(tokio::spawn(async move { visitor.visit_all().await.map(|()| visitor.complaints) }));
    }
    for task in tasks {
        task.await??.into_iter().for_each(|complaint| report.wrong(complaint));
    }
    Ok(())
}

/// One connection on its way through the fleet.
struct Visitor {
    connection: Connection,
    address: SocketAddr,
    token: String,
    tenants: VecDeque<usize>,
    millis: Vec<f64>,
    /// The first wrong answer; the rest would say the same.
    complaints: Option<String>,
}

impl Visitor {
    async fn new(address: SocketAddr, token: String, tenants: VecDeque<usize>) -> Result<Self> {
        let connection = Connection::open(address).await?;
        Ok(Self { connection, address, token, tenants, millis: Vec::new(), complaints: None })
    }

    async fn visit_all(&mut self) -> Result<()> {
        while let Some(tenant) = self.tenants.pop_front() {
            let request = format!(
                "GET /api/v1/records/customers?limit=50 HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nX-Tenant-Id: fleet-{tenant}\r\n\r\n",
                self.address, self.token
            );
            let begun = Instant::now();
            let answer = self.connection.exchange(request.as_bytes()).await?;
            self.millis.push(millis(begun.elapsed()));
            let is_list =
                serde_json::from_slice::<Value>(answer.body).is_ok_and(|body| body["items"].is_array());
            if answer.status != 200 || !is_list {
                let said = String::from_utf8_lossy(answer.body);
                self.complaints
                    .get_or_insert_with(|| format!("fleet-{tenant} answers {}: {said}", answer.status));
            }
        }
        Ok(())
    }
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "a fleet is far smaller than 2^52")]
fn count(tenants: usize) -> f64 {
    tenants as f64
}
