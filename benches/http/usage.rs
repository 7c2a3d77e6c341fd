//! Usage events of one tenant: each durable, sent one by one and by the hundreds, beside creates of records.

use std::path::Path;

use crate::Result;
use crate::generator;
use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median, megabytes, plain};
use crate::tenantry;
use crate::workload::{EVENTS, Work};

/// An app with a meter that is bounded and one that is not.
const APP: &str = "default_plan = \"bench\"\n[meters.plain]\n[meters.limited]\n[plans.bench]\ntitle = \"Bench\"\n\
                   [plans.bench.limits]\nlimited = { hard = \"1000000000000\", window = \"month\" }\n";
const CONNECTIONS: usize = 32;

/// What is sent, in turns.
const WORKS: [(Work, &str); 5] = [
    (Work::Create, "durable create"),
    (Work::Event, "usage event"),
    (Work::LimitedEvent, "usage event with a limit"),
    (Work::Events, "500 usage events"),
    (Work::ScatteredEvents, "500 usage events, keys in no order"),
];

/// Measures usage.
///
/// # Errors
/// The server does not start, or stops answering.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let directory = make_directory(parent, "usage")?;
    let app = tenantry::write_app(&directory, APP)?;
    let mut contender = tenantry::start_with(&directory, Some(&app)).await?;
    let mut rates: [Vec<f64>; 5] = Default::default();
    for turn in 1..=options.rounds {
        for (rates, (work, label)) in rates.iter_mut().zip(WORKS) {
            contender.refresh().await?;
            let round = generator::run(&contender.target, work, CONNECTIONS, options.round).await?;
            eprintln!("{label}, round {turn}: {}/s", plain(round.rate.round()));
            if let Some(error) = &round.first_error {
                report.wrong(format!("{label}, {} errors, first: {error}", round.errors));
            }
            rates.push(round.rate);
        }
    }
    let [creates, single, limited, arrays, scattered] = rates.each_ref().map(|rates| median(rates));
    #[expect(clippy::cast_precision_loss, reason = "five hundred")]
    let [arrays, scattered] = [arrays, scattered].map(|rate| rate * EVENTS as f64);
    report.figure("durable creates beside usage", Ok(creates), "/s", Goal::None);
    report.figure("usage events, one by one", Ok(single), "/s", Goal::AtLeast(15_000.0));
    report.figure("of the rate of creates", Ok(100.0 * single / creates), " %", Goal::AtLeast(60.0));
    report.figure("usage events in arrays of 500", Ok(arrays), "/s", Goal::AtLeast(150_000.0));
    report.figure("the same, keys in no order", Ok(scattered), "/s", Goal::None);
    let added = 100.0 * (single / limited - 1.0);
    report.figure("what a limit adds to an event", Ok(added), " %", Goal::Below(10.0));
    let resident = megabytes(contender.process.resident()?);
    report.figure("resident after the usage events", Ok(resident), " MB", Goal::None);
    contender.process.stop().await
}
