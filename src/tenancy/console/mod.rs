//! Statements that people write themselves, each in a process of its own.
//!
//! A statement can keep SQLite busy for minutes where neither deadline nor interrupt is looked at (one `trim`, one
//! `json_patch`, one `snippet` over a large value), and can take memory that the server needs. So the server starts
//! itself once more for each of them: that process has bounds of its own and is killed when time is over, when the
//! client hangs up and when the tenant's file is closed.

mod answer;
mod bounds;
mod gate;
mod pace;
mod process;
mod query;
mod worker;

pub use answer::{ConsoleAnswer, ConsoleRows, Reply};
pub use bounds::StatementBounds;
pub use query::ConsoleQuery;
pub use worker::run_worker;

use super::file::TenantFile;
use super::scope::Timed;
use crate::clock::monotonic;
use crate::db::Readable;
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableKind};
use gate::{Gate, Inside};
use pace::Pace;
use process::Request;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Statements of one tenant that run at once.
const OF_ONE_TENANT: usize = 2;
/// Statements of all tenants that run at once: each may take [`bounds::MEMORY`] and a processor.
const OF_ALL: usize = 6;
/// Statements of operators that run at once, beside those: they keep no tenant from its own.
const OF_OPERATORS: usize = 2;
/// How long a statement waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Whose statement it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// A member of the tenant.
    Member,
    /// An operator.
    Operator,
}

/// The consoles of one tenant's file.
pub(super) struct Consoles {
    gate: Gate,
    members: Line,
    operators: Line,
}

/// Statements of members, or of operators: they do not wait for each other.
struct Line {
    turns: Arc<Semaphore>,
    pace: Pace,
}

impl Line {
    fn new() -> Line {
        Line { turns: Arc::new(Semaphore::new(OF_ONE_TENANT)), pace: Pace::default() }
    }
}

impl Consoles {
    pub(super) fn new() -> Consoles {
        Consoles { gate: Gate::new(), members: Line::new(), operators: Line::new() }
    }

    fn line(&self, asker: Asker) -> &Line {
        match asker {
            Asker::Member => &self.members,
            Asker::Operator => &self.operators,
        }
    }

    /// Ends what runs and lets nothing more begin. Blocks until it has ended.
    pub(super) fn close(&self) {
        self.gate.close();
    }
}

/// What all consoles share: how many there may be, and the program that runs them.
pub(super) struct Workers {
    of_members: Arc<Semaphore>,
    of_operators: Arc<Semaphore>,
    program: OnceLock<PathBuf>,
}

impl Workers {
    pub(super) fn new() -> Workers {
        Workers {
            of_members: Arc::new(Semaphore::new(OF_ALL)),
            of_operators: Arc::new(Semaphore::new(OF_OPERATORS)),
            program: OnceLock::new(),
        }
    }

    fn turns(&self, asker: Asker) -> &Arc<Semaphore> {
        match asker {
            Asker::Member => &self.of_members,
            Asker::Operator => &self.of_operators,
        }
    }

    /// The first program that is named stays.
    pub(super) fn are(&self, program: PathBuf) {
        let _ = self.program.set(program);
    }
}

/// The right to run one statement now, on one tenant's file.
pub struct Console<'s> {
    path: PathBuf,
    program: PathBuf,
    readable: Readable,
    inside: Inside<'s>,
    timed: Timed,
    _turns: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl<'s> Console<'s> {
    /// Waits for a turn.
    pub(super) async fn open(
        workers: &Workers,
        asker: Asker,
        file: &'s TenantFile,
        path: PathBuf,
        readable: Readable,
        timed: Timed,
    ) -> Result<Console<'s>> {
        let Some(program) = workers.program.get().cloned() else {
            return Err(Error::unavailable("sql_unavailable", "This server runs no SQL statements.", 60));
        };
        let line = file.consoles.line(asker);
        let mine = turn(&line.turns).await.ok_or_else(|| {
            Error::too_many(
                "too_many_statements",
                format!("This tenant runs {OF_ONE_TENANT} statements already. Wait until one has ended."),
                2,
            )
        })?;
        let one_of_all = turn(workers.turns(asker)).await.ok_or_else(|| {
            Error::unavailable("overloaded", "Too many SQL statements run now. Try again shortly.", 2)
        })?;
        line.pace.step(monotonic()).map_err(|seconds| {
            let detail = "This tenant has run many SQL statements. Run fewer, each for more rows.";
            Error::too_many("too_many_statements", detail, seconds)
        })?;
        let inside = file.consoles.gate.enter().ok_or_else(closing)?;
        Ok(Console { path, program, readable, inside, timed, _turns: (mine, one_of_all) })
    }

    /// Runs the statement. What is wrong with it is in the [`Reply`].
    ///
    /// # Errors
    /// 503 when the file is closed meanwhile; 500 when the process does not answer as it should.
    pub async fn run(mut self, query: ConsoleQuery) -> Result<ConsoleAnswer> {
        let (sql, time) = (query.sql.clone(), query.bounds.time());
        let request = Request { path: self.path, query, readable: self.readable };
        let request = serde_json::to_vec(&request)?;
        // Also for one that is given up: it has run until then.
        let _running = Running { timed: self.timed, sql, begun: monotonic() };
        tokio::select! {
            answer = process::run(&self.program, &request, time) => answer,
            () = self.inside.closing() => Err(closing()),
        }
    }
}

/// A statement that runs: what it takes is taken down as it ends.
struct Running {
    timed: Timed,
    sql: String,
    begun: Instant,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.timed.took(&self.sql, self.begun.elapsed());
    }
}

async fn turn(turns: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    tokio::time::timeout(LONGEST_WAIT, Arc::clone(turns).acquire_owned()).await.ok()?.ok()
}

fn closing() -> Error {
    Error::unavailable("closing", "This database is being closed. Try again shortly.", 2)
}

/// What a statement may read of these tables.
pub(super) fn readable<'t>(tables: impl IntoIterator<Item = &'t Table>) -> Readable {
    let mut readable = Readable::default();
    for table in tables {
        let visible = table.visible.iter().map(|index| table.columns[*index].name.as_str());
        readable.add(&table.name, visible);
        // The rowid goes by this name, unless a column has taken it.
        if table.column_in_sql("rowid").is_none() {
            readable.add(&table.name, ["rowid"]);
        }
        // A search looks into all columns of its index.
        if table.kind == TableKind::Search && table.visible.len() == table.columns.len() {
            readable.add(&table.name, [table.name.as_str(), "rank"]);
        }
    }
    readable
}

/// The program that runs now, as a process to start; it is the same one even when its file was replaced meanwhile.
pub fn this_program() -> Result<PathBuf> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return Ok(own.to_path_buf());
    }
    std::env::current_exe().map_err(|error| {
        Error::new(Kind::Internal, "internal", "The program cannot find itself.").because(error)
    })
}
