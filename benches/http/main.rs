//! Side-by-side measurements over HTTP: `cargo bench --bench http`.
//!
//! - [`load`]: Tenantry, `PocketBase` and a bare axum + rusqlite handler take turns, round by round, under the same
//!   generator with the same records, so that whatever slows the machine down slows all three.
//! - [`neighbours`]: one tenant floods Tenantry while fifty others work as ever.
//! - [`flood`]: one tenant floods Tenantry at twenty times its rate limit beside another at full speed.
//! - [`usage`]: Tenantry's usage events beside its creates, and with a limit beside without.
//! - [`closing`]: a service period with a million usage events becomes an invoice.
//! - [`jobs`]: how fairly jobs of many tenants share places, and how many are done.
//! - [`fleet`]: Tenantry alone with thousands of tenants: provisioning, start, cold requests, memory, the operator's [`list`].
//! - [`migrations`]: a fleet migrated under load, and once more while the server is killed on the way.
//! - [`backups`]: rounds of backups of a fleet, restores among it; and `large`, one large tenant under writes.
//! - [`start`]: a start with very many tenants in the catalog.
//!
//! Every server is a process of its own on loopback, and so is the bare one: this program runs itself again as
//! `--bare ADDRESS DIRECTORY`. A missed target is reported and no more; a wrong answer ends the run with exit code 1.

#![allow(clippy::disallowed_methods, reason = "what is measured here is the time of this very machine")]

mod api;
mod backups;
mod bare;
mod closing;
mod connection;
mod contender;
mod fleet;
mod flood;
mod generator;
mod jobs;
mod list;
mod load;
mod migrations;
mod neighbours;
mod options;
mod pocketbase;
mod process;
mod query;
mod report;
mod start;
mod steady;
mod tenantry;
mod usage;
mod workload;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use options::{Options, Parsed};
use report::Report;

/// What goes wrong in a benchmark is told to a person and never matched on.
type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["--bare", address, directory] => {
            bare::serve(address, Path::new(directory)).map(|()| ExitCode::SUCCESS)
        }
        _ => measure(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("http bench: {error}");
        ExitCode::FAILURE
    })
}

/// Runs what the arguments ask for and prints the report.
fn measure(arguments: &[String]) -> Result<ExitCode> {
    let options = match Options::parse(arguments)? {
        Parsed::Run(options) => options,
        Parsed::Say(text) => {
            println!("{text}");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let scratch = Scratch::new()?;
    let mut report = Report::default();
    // One thread: the generator shares the cores with what it measures, so it had better be one core's worth at most.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let finished = runtime.block_on(async {
        if options.measures("load") {
            load::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("neighbours") {
            neighbours::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("flood") {
            flood::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("fleet") {
            fleet::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("migrations") {
            migrations::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("backups") {
            backups::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("large") {
            backups::run_large(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("start") {
            start::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("usage") {
            usage::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("closing") {
            closing::run(&options, &scratch.0, &mut report).await?;
        }
        if options.measures("jobs") {
            jobs::run(&options, &scratch.0, &mut report).await?;
        }
        Ok(())
    });
    // What was measured before a failure is still worth reading.
    print!("{report}");
    finished.map(|()| if report.is_sound() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The directory of this run's databases, on the disk of the build and not in a `/tmp` that may be memory; removed at
/// the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-http-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("http bench: {} is left behind: {error}", self.0.display());
        }
    }
}
