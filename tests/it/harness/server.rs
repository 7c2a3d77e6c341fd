//! A running `tenantry serve`.

use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::client::Client;
use super::installation::{Installation, Ran};
use super::{PATIENCE, eventually};

/// A server process; killed when dropped.
pub struct Server {
    installation: Arc<Installation>,
    child: Child,
    first_line: Value,
    url: String,
}

impl Server {
    /// Starts `serve` and reads the line in which it says where it listens; `Err` if it ends instead.
    pub fn try_start(installation: &Arc<Installation>) -> Result<Server, Ran> {
        let command = installation.command(&["serve", "--listen", "127.0.0.1:0", "--json"]);
        Server::spawn(installation, installation.with_app(command))
    }

    /// Starts `command`, of which the first line on stdout must be JSON with `url`.
    pub fn spawn(
        installation: &Arc<Installation>,
        mut command: std::process::Command,
    ) -> Result<Server, Ran> {
        let log = OpenOptions::new().create(true).append(true).open(installation.log_file()).unwrap();
        let logged_before = installation.log().len();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, so that the server never waits for a reader.
        std::thread::spawn(move || {
            while let Some(Ok(line)) = lines.next() {
                let _ = sender.send(line);
            }
        });
        let Ok(line) = receiver.recv_timeout(PATIENCE) else {
            let _ = child.kill();
            let code = child.wait().unwrap().code();
            let stderr = installation.log().split_off(logged_before);
            return Err(Ran { code, stdout: String::new(), stderr });
        };
        let first_line: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("the first line {line:?}: {error}"));
        assert!(first_line["url"].is_string(), "the first line says no url: {first_line}");
        let url = match first_line["listen"].as_str() {
            Some(address) => format!("http://{address}"),
            None => first_line["url"].as_str().unwrap().trim_end_matches('/').to_owned(),
        };
        Ok(Server { installation: Arc::clone(installation), child, first_line, url })
    }

    /// What it said about itself at the start.
    pub fn first_line(&self) -> &Value {
        &self.first_line
    }

    /// Where it listens, without a slash at the end. `url` is where links lead, which may be elsewhere.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Host and port of [`Server::url`].
    pub fn address(&self) -> &str {
        self.url().trim_start_matches("http://")
    }

    pub fn installation(&self) -> &Arc<Installation> {
        &self.installation
    }

    /// A client that is not signed in.
    pub fn nobody(&self) -> Client {
        Client::new(self.url(), &self.installation)
    }

    /// Asks it to end, as a service manager would.
    #[track_caller]
    pub fn ask_to_end(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Asks it to end and waits for that.
    #[track_caller]
    pub fn stop(mut self) {
        self.ask_to_end();
        let status = self.wait();
        assert!(status.success(), "ended with {status} after SIGTERM");
    }

    /// Ends it at whatever it is doing.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// The same data under a new server.
    #[track_caller]
    pub fn restart(self) -> Server {
        let installation = Arc::clone(&self.installation);
        self.stop();
        installation.serve()
    }

    /// For looking at it from outside.
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        eventually("the end of the server", || self.child.try_wait().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
