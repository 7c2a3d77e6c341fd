//! One data directory with everything around it: the log, the clock, the app, the secrets that were seen.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use tempfile::TempDir;

use super::server::Server;

/// A data directory and what belongs to it; servers come and go over it.
pub struct Installation {
    place: TempDir,
    app: Option<PathBuf>,
    secrets: Mutex<BTreeSet<String>>,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }
}

impl Installation {
    /// An empty one with the built-in app.
    pub fn new() -> Arc<Installation> {
        Installation::build(None)
    }

    /// An empty one with an app of the test's own, made of migrations `(file name, SQL)`.
    pub fn with_migrations(migrations: &[(&str, &str)]) -> Arc<Installation> {
        let installation = Installation::build(Some("app"));
        std::fs::create_dir_all(installation.migrations()).unwrap();
        for (name, sql) in migrations {
            std::fs::write(installation.migrations().join(name), sql).unwrap();
        }
        installation
    }

    /// An empty one with one of the apps of `tests/apps`.
    pub fn with_app_of_tests(name: &str) -> Arc<Installation> {
        Installation::build(Some(&format!("{}/tests/apps/{name}", env!("CARGO_MANIFEST_DIR"))))
    }

    /// `app` is a name beside the data directory, or a whole path.
    fn build(app: Option<&str>) -> Arc<Installation> {
        let place = tempfile::tempdir().unwrap();
        let app = app.map(|name| place.path().join(name));
        Arc::new(Installation { place, app, secrets: Mutex::default() })
    }

    /// The data directory; the first command makes it.
    pub fn data(&self) -> PathBuf {
        self.place.path().join("data")
    }

    /// A place for files of the test beside the data directory.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    /// The app's migrations.
    pub fn migrations(&self) -> PathBuf {
        self.app.as_ref().expect("made with an app").join("migrations")
    }

    /// The directory of a tenant, whether it exists or not.
    pub fn tenant_directory(&self, id: &str) -> PathBuf {
        let tenants = self.data().join("tenants");
        let shards = std::fs::read_dir(&tenants).into_iter().flatten().flatten();
        shards
            .map(|shard| shard.path().join(id))
            .find(|directory| directory.exists())
            .unwrap_or(tenants.join(id))
    }

    /// The file of a tenant.
    pub fn tenant_file(&self, id: &str) -> PathBuf {
        self.tenant_directory(id).join("data.db")
    }

    /// All files of all tenants.
    pub fn tenant_directories(&self) -> Vec<PathBuf> {
        let list =
            |path: &Path| std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
        list(&self.data().join("tenants")).flat_map(|shard| list(&shard).collect::<Vec<_>>()).collect()
    }

    /// The program with these arguments and this installation's directories; the settings of whoever runs the tests
    /// do not reach it.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TENANTRY_"))
        {
            command.env_remove(name);
        }
        let clock = self.beside("clock");
        if !clock.exists() {
            std::fs::write(&clock, "0").unwrap();
        }
        command.current_dir(self.place.path()).env("TENANTRY_TEST_CLOCK", clock);
        command.env("TENANTRY_TEST_HOLD", self.held_moments());
        // The more is logged, the more a search of the log for secrets proves.
        command.env("TENANTRY_LOG", "info,tenantry=debug");
        command.args(arguments).arg("--data").arg(self.data());
        command
    }

    /// Adds `--app`, for the commands that know it.
    pub fn with_app(&self, mut command: Command) -> Command {
        if let Some(app) = &self.app {
            command.arg("--app").arg(app);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "")
    }

    /// Runs a command while the test goes on.
    pub fn run_beside(self: &Arc<Self>, arguments: &[&str]) -> JoinHandle<Ran> {
        let installation = Arc::clone(self);
        let arguments: Vec<String> = arguments.iter().map(|one| (*one).to_owned()).collect();
        std::thread::spawn(move || {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            installation.run(&arguments)
        })
    }

    /// Runs a command that reads `input`.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that ends without reading is judged by its exit code.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        let mut log = OpenOptions::new().create(true).append(true).open(self.log_file()).unwrap();
        log.write_all(ran.stderr.as_bytes()).unwrap();
        ran
    }

    /// Starts a server.
    #[track_caller]
    pub fn serve(self: &Arc<Installation>) -> Server {
        Server::try_start(self).unwrap_or_else(|ran| panic!("the server did not start: {ran:#?}"))
    }

    /// Starts a server that is expected to refuse.
    #[track_caller]
    pub fn serve_refused(self: &Arc<Installation>) -> Ran {
        match Server::try_start(self) {
            Ok(server) => panic!("the server started at {}", server.url()),
            Err(ran) => ran,
        }
    }

    /// Moves the server's clock forward. It reads the file at each look at the clock.
    pub fn advance_clock(&self, ms: i64) {
        let clock = self.beside("clock");
        let offset: i64 = std::fs::read_to_string(&clock).unwrap().trim().parse().unwrap();
        // By rename: the server never sees half a number.
        let next = self.beside("clock.next");
        std::fs::write(&next, (offset + ms).to_string()).unwrap();
        std::fs::rename(next, clock).unwrap();
    }

    /// Sets the server's clock to a moment, in milliseconds since 1970.
    pub fn set_clock(&self, to: i64) {
        let real = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let next = self.beside("clock.next");
        std::fs::write(&next, (to - i64::try_from(real.as_millis()).unwrap()).to_string()).unwrap();
        std::fs::rename(next, self.beside("clock")).unwrap();
    }

    /// What all commands and servers of this installation wrote to stderr.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.log_file()).unwrap_or_default()).into_owned()
    }

    /// The file behind [`Installation::log`].
    pub fn log_file(&self) -> PathBuf {
        self.beside("stderr.log")
    }

    /// From now on `secret` must not be found in the log.
    pub fn plant_secret(&self, secret: &str) {
        // Shorter ones would be found by accident.
        if secret.len() >= 12 {
            self.secrets.lock().unwrap().insert(secret.to_owned());
        }
    }

    /// Fails where a secret that went over the wire stands in a text.
    #[track_caller]
    pub fn assert_free_of_secrets(&self, text: &str) {
        for secret in self.secrets.lock().unwrap().iter() {
            assert!(!text.contains(secret.as_str()), "{secret} stands in {text}");
        }
    }

    /// How many secrets went over the wire so far.
    pub fn secrets_planted(&self) -> usize {
        self.secrets.lock().unwrap().len()
    }

    /// Fails if any planted secret stands in the log, or any key of the installation.
    #[track_caller]
    pub fn assert_log_keeps_secrets(&self) {
        for file in std::fs::read_dir(self.data().join("keys")).into_iter().flatten().flatten() {
            let is_public = file.path().extension().is_some_and(|extension| extension == "pub");
            if let (false, Ok(key)) = (is_public, std::fs::read_to_string(file.path())) {
                self.plant_secret(key.trim());
            }
        }
        let log = self.log();
        for secret in self.secrets.lock().unwrap().iter() {
            let line = log.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "the log holds a secret: {line:?}");
        }
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            eprintln!("the end of the server's log:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
        } else {
            self.assert_log_keeps_secrets();
        }
    }
}
