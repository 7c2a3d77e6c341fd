//! A server as a child process: spawned, awaited, weighed, ended.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Result;
use crate::connection::Connection;

/// How long a server may take to start or to end before that is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running server; killed when dropped.
pub struct Process {
    child: Child,
    log: PathBuf,
    spawned: Instant,
}

impl Process {
    /// Starts `command` in `directory`, where its output goes to `server.log`.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn spawn(command: &mut Command, directory: &Path) -> Result<Self> {
        let log = directory.join("server.log");
        let output = File::create(&log)?;
        command.current_dir(directory).stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let spawned = Instant::now();
        Ok(Self { child: command.spawn()?, log, spawned })
    }

    /// Asks `path` until it answers 200, and says how long that took since the start.
    ///
    /// # Errors
    /// The process ended, or was not ready in time; the message carries what it printed.
    pub async fn ready(&mut self, address: SocketAddr, path: &str) -> Result<Duration> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
        while self.spawned.elapsed() < PATIENCE {
            if let Ok(mut connection) = Connection::open(address).await
                && let Ok(answer) = connection.exchange(request.as_bytes()).await
                && answer.status == 200
            {
                return Ok(self.spawned.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the server ended with {status}: {}", self.printed()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("not ready within {PATIENCE:?}: {}", self.printed()).into())
    }

    /// Resident memory now, in bytes (`VmRSS`).
    ///
    /// # Errors
    /// The process is gone, or this is not Linux.
    pub fn resident(&self) -> Result<u64> {
        self.memory("VmRSS:")
    }

    /// The most that was resident since the start, in bytes (`VmHWM`).
    ///
    /// # Errors
    /// As [`Process::resident`].
    pub fn peak(&self) -> Result<u64> {
        self.memory("VmHWM:")
    }

    fn memory(&self, field: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let line = line.ok_or_else(|| format!("no {field}"))?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim_end().parse()?;
        Ok(kibibytes * 1024)
    }

    /// Ends the process as a service manager would, and waits for it.
    ///
    /// # Errors
    /// It did not end in time; then it is killed.
    pub async fn stop(mut self) -> Result<()> {
        // The standard library sends no other signal than SIGKILL.
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        let asked = Instant::now();
        while asked.elapsed() < PATIENCE {
            if self.child.try_wait()?.is_some() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(format!("still running {PATIENCE:?} after SIGTERM: {}", self.printed()).into())
    }

    /// The end of what the server printed.
    fn printed(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only where the process has ended already, and that is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address that nobody listens on.
///
/// # Errors
/// No port is free.
pub fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}

/// Makes the directory `name` for one server.
///
/// # Errors
/// The disk refuses.
pub fn make_directory(parent: &Path, name: &str) -> Result<PathBuf> {
    let directory = parent.join(name);
    std::fs::create_dir(&directory)?;
    Ok(directory)
}
