//! The far end of a console: a process that reads one statement, runs it and ends.

use super::answer::Reply;
use super::bounds::{MEMORY, StatementBounds, TIME};
use super::process::Request;
use crate::clock::monotonic;
use crate::db::{Console, DbError, Row};
use crate::error::Result;
use crate::tenancy::tx::records::encode_plain;
use rustix::process::{Resource, Rlimit, getrlimit, nice, setrlimit};
use std::io::{Read as _, Write as _};
use std::ops::ControlFlow;
use std::process::ExitCode;

/// Seconds of processor time, data in bytes beyond what the process begins with (an allocator may reserve much), bytes of any file written, open files, bytes of a core file.
const BOUNDS: [(Resource, u64); 5] = [
    (Resource::Cpu, TIME.as_secs() + 2),
    (Resource::Data, 4 * MEMORY as u64),
    (Resource::Fsize, 0),
    (Resource::Nofile, 32),
    (Resource::Core, 0),
];

/// Runs the statement on standard input and writes what comes of it to standard output: a line that says how it ended,
/// then the rows. Only [`super::Console`] starts this, for a tenant to which it was given.
pub fn run_worker() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tenantry: a SQL statement could not be run: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<()> {
    for (resource, most) in BOUNDS {
        let most = if resource == Resource::Data { most + data_now() } else { most };
        let most = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        // Not every system has each of them; the server kills what takes too long anyway.
        let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    }
    // Requests come first.
    let _ = nice(10);
    Console::bound_memory_of_process(MEMORY)?;
    let mut request = Vec::new();
    std::io::stdin().lock().read_to_end(&mut request)?;
    let (reply, body) = run(serde_json::from_slice(&request)?);
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, &reply)?;
    out.write_all(b"\n")?;
    out.write_all(&body)?;
    Ok(out.flush()?)
}

/// Bytes of data that this process has mapped so far; 0 where the system does not say.
fn data_now() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap_or_default();
    let kib = line.trim().trim_end_matches("kB").trim_end().parse::<u64>().unwrap_or_default();
    kib << 10
}

fn run(request: Request) -> (Reply, Vec<u8>) {
    let console = match Console::open(&request.path, request.readable) {
        Ok(console) => console,
        Err(error) => return (Reply::Failed(error.to_string()), Vec::new()),
    };
    let (sql, params, bounds) = request.query.into_parts();
    let begun = monotonic();
    let mut body = Body::within(bounds);
    let mut out = Vec::new();
    let ended = console.run(&sql, &params, bounds.time(), |names| out = head(names), |row| body.take(row));
    match ended {
        Ok(()) => {
            out.append(&mut body.bytes);
            out.extend_from_slice(b"\n]");
            let duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            (Reply::Rows { rows: body.rows, truncated: body.truncated, duration_ms }, out)
        }
        Err(error) => (Reply::from(error), Vec::new()),
    }
}

/// The beginning of the answer, on a line of its own: a name may stand there twice, so rows are arrays.
fn head(names: &[&str]) -> Vec<u8> {
    let mut out = br#"{"columns":"#.to_vec();
    // A Vec takes every byte.
    let _ = serde_json::to_writer(&mut out, names);
    out.extend_from_slice(br#","rows":["#);
    out
}

/// The rows of an answer, as long as they fit; each on a line of its own, as no line ends within JSON text.
struct Body {
    bounds: StatementBounds,
    bytes: Vec<u8>,
    rows: u64,
    truncated: bool,
}

impl Body {
    fn within(bounds: StatementBounds) -> Body {
        Body { bounds, bytes: Vec::new(), rows: 0, truncated: false }
    }

    fn take(&mut self, row: &Row<'_>) -> Result<ControlFlow<()>, DbError> {
        let before = self.bytes.len();
        if self.rows == self.bounds.rows() {
            return Ok(self.ends(before));
        }
        self.bytes.extend_from_slice(if self.rows == 0 { b"\n[" } else { b",\n[" });
        for column in 0..row.columns() {
            if column > 0 {
                self.bytes.push(b',');
            }
            encode_plain(row.value(column)?, &mut self.bytes);
            if self.bytes.len() > self.bounds.bytes() {
                return Ok(self.ends(before));
            }
        }
        self.bytes.push(b']');
        self.rows += 1;
        Ok(ControlFlow::Continue(()))
    }

    /// Ends the answer before the row that began at this byte.
    fn ends(&mut self, at: usize) -> ControlFlow<()> {
        self.bytes.truncate(at);
        self.truncated = true;
        ControlFlow::Break(())
    }
}
