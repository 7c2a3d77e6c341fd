//! Closing a service period in which one tenant sent a million usage events, by a server that has just started.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::Result;
use crate::connection::call;
use crate::generator;
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median, megabytes, plain};
use crate::tenantry::{self, Session};
use crate::workload::{EVENTS, Work};

/// A plan by which each event costs something, and another one to change to.
const APP: &str = "default_plan = \"metered\"\n[meters.plain]\n[plans.metered]\ntitle = \"Metered\"\n\
                   [[plans.metered.prices]]\nmeter = \"plain\"\nmodel = \"per_unit\"\nunit_cents = \"0.01\"\n\
                   [plans.next]\ntitle = \"Next\"\n";
/// Events of the period.
const ALL: u64 = 1_000_000;
/// Arrays that are sent before the access token is refreshed.
const TURN: u64 = 250;
/// What the events add up to: `event` of `workload` counts from 0 to 99 again and again.
const QUANTITY: u64 = ALL / 100 * 4_950;

/// Measures closing.
///
/// # Errors
/// A server does not start or refuses, or a command fails.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let (mut seconds, mut peaks, mut grown) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 1..=options.rounds {
        let directory = make_directory(parent, &format!("closing-{turn}"))?;
        let one = close(&directory, report).await?;
        eprintln!("closing {ALL} events, round {turn}: {} s", plain(one.seconds));
        seconds.push(one.seconds);
        peaks.push(one.peak);
        grown.push(one.grown);
        std::fs::remove_dir_all(&directory)?;
    }
    let what = format!("closing a period of {ALL} events");
    report.figure(&what, Ok(median(&seconds)), " s", Goal::Below(5.0));
    report.figure(format!("{what}: most that was resident"), Ok(median(&peaks)), " MB", Goal::Below(100.0));
    report.figure(format!("{what}: of that beyond the idle server"), Ok(median(&grown)), " MB", Goal::None);
    Ok(())
}

/// What one closing took.
struct Closed {
    seconds: f64,
    /// Megabytes.
    peak: f64,
    /// Megabytes.
    grown: f64,
}

async fn close(directory: &Path, report: &mut Report) -> Result<Closed> {
    let app = tenantry::write_app(directory, APP)?;
    let mut contender = tenantry::start_with(directory, Some(&app)).await?;
    for _ in 0..ALL / EVENTS / TURN {
        contender.refresh().await?;
        generator::preload(&contender.target, Work::Events, TURN).await?;
    }
    contender.process.stop().await?;
    // A server that has just started: the most that was resident is of the closing.
    let (mut process, address) = tenantry::serve_app(directory, Some(&app))?;
    process.ready(address, "/readyz").await?;
    let token = Session::sign_in(address).await?.token;
    let headers = format!("Authorization: Bearer {token}\r\n");
    // What is changed now ends the service period now.
    let change = json!({ "plan": "next", "when": "now" });
    call(address, ("PUT", "/api/v1/tenants/bench/subscription"), &headers, &change, 200).await?;
    let idle = process.resident()?;
    let begun = Instant::now();
    let arguments = ["plan", "close-period", "--final", "--json"];
    let mut command = tenantry::command(&arguments, directory);
    // The runtime has one thread, and nothing else to do.
    let output = command.arg("--app").arg(&app).output()?;
    let seconds = begun.elapsed().as_secs_f64();
    let printed = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let complaint = String::from_utf8_lossy(&output.stderr);
        return Err(format!("close-period ended with {}: {printed}{complaint}", output.status).into());
    }
    let (peak, idle) = (megabytes(process.peak()?), megabytes(idle));
    let invoices =
        call(address, ("GET", "/api/v1/tenants/bench/invoices"), &headers, &Value::Null, 200).await?;
    let line = &invoices["items"][0]["lines"][0];
    let quantity = line["quantity"].as_str().and_then(|quantity| quantity.parse::<u64>().ok());
    if line["events"] != ALL || quantity != Some(QUANTITY) {
        report.wrong(format!("the invoice of {ALL} events that come to {QUANTITY}: {printed} {invoices}"));
    }
    process.stop().await?;
    Ok(Closed { seconds, peak, grown: (peak - idle).max(0.0) })
}
