//! Starting the process that runs a statement, and ending it.

use super::answer::{ConsoleAnswer, Reply};
use super::bounds::MOST_BYTES;
use super::query::ConsoleQuery;
use crate::db::Readable;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

/// The argument by which the program knows what it is started for.
pub(super) const ARGUMENT: &str = "sql-worker";
/// How long after its time the process is killed: it ends by itself, unless it hangs in one step.
const KILLED_AFTER: Duration = Duration::from_secs(1);

/// What the process is told, on its standard input.
#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Request {
    pub(super) path: PathBuf,
    pub(super) query: ConsoleQuery,
    pub(super) readable: Readable,
}

/// Runs one statement, for `time`. The process does not outlive this future.
pub(super) async fn run(program: &Path, request: &[u8], time: Duration) -> Result<ConsoleAnswer> {
    let mut child = Command::new(program)
        .arg(ARGUMENT)
        // Secrets of the server are not for it.
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            Error::unavailable("overloaded", "The statement could not be started. Try again shortly.", 2)
                .because(error)
        })?;
    match tokio::time::timeout(time + KILLED_AFTER, exchange(&mut child, request)).await {
        Ok(answer) => answer,
        Err(_) => {
            // It works within one step; waiting until it is dead gives the file back.
            child.kill().await?;
            Ok(ConsoleAnswer::new(Reply::Deadline, Vec::new()))
        }
    }
}

async fn exchange(child: &mut Child, request: &[u8]) -> Result<ConsoleAnswer> {
    let pipes = child.stdin.take().zip(child.stdout.take());
    let Some((mut stdin, stdout)) = pipes else { return Err(Error::internal("a process without pipes")) };
    stdin.write_all(request).await?;
    drop(stdin);
    let mut answer = Vec::new();
    // The body, its columns' names and the line before it.
    stdout.take(2 * MOST_BYTES as u64).read_to_end(&mut answer).await?;
    let status = child.wait().await?;
    let end = answer.iter().position(|byte| *byte == b'\n').filter(|_| status.success());
    let Some(end) = end else {
        return Err(Error::internal(format!("the process of a SQL statement ended with {status}")));
    };
    let reply = serde_json::from_slice(&answer[..end])?;
    answer.drain(..=end);
    Ok(ConsoleAnswer::new(reply, answer))
}
