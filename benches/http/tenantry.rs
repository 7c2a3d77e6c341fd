//! Tenantry: the release binary of this very build, with nothing configured.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::connection::call;
use crate::contender::Contender;
use crate::process::{Process, free_address, make_directory};
use crate::workload::Target;
use crate::{Result, api};

/// Who signs up; also the owner of the fleet.
pub const EMAIL: &str = "owner@example.com";
const PASSWORD: &str = "quartz-otter-juggles-nine-lanterns";

/// The program with a command, on the data in `directory`; settings of the caller's environment do not reach it.
pub fn command(arguments: &[&str], directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenantry"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TENANTRY_") {
            command.env_remove(name);
        }
    }
    command.current_dir(directory).args(arguments).arg("--data").arg(directory.join("data"));
    command
}

/// Spawns `serve` on a free port; whether it is ready is for the caller to wait for.
///
/// # Errors
/// The program cannot be started.
pub fn serve(directory: &Path) -> Result<(Process, SocketAddr)> {
    serve_app(directory, None)
}

/// The same with an app of one's own.
///
/// # Errors
/// As [`serve`].
pub fn serve_app(directory: &Path, app: Option<&Path>) -> Result<(Process, SocketAddr)> {
    let address = free_address()?;
    let mut command = command(&["serve", "--listen", &address.to_string()], directory);
    if let Some(app) = app {
        command.arg("--app").arg(app);
    }
    Ok((Process::spawn(&mut command, directory)?, address))
}

/// A signed-in person. Access tokens live five minutes, so a session is refreshed before each round.
pub struct Session {
    address: SocketAddr,
    refresh_token: String,
    /// The access token.
    pub token: String,
}

impl Session {
    /// Signs [`EMAIL`] up, with a tenant of that slug where one is given.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn sign_up(address: SocketAddr, tenant: Option<&str>) -> Result<(Self, Value)> {
        let mut body = json!({"email": EMAIL, "password": PASSWORD, "name": "Bench Owner"});
        if let Some(slug) = tenant {
            body["tenant"] = json!({"name": "Bench", "slug": slug});
        }
        let answer = call(address, ("POST", "/api/v1/auth/sign-up"), "", &body, 201).await?;
        Ok((Self::from_answer(address, &answer)?, answer))
    }

    /// Signs [`EMAIL`] in.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn sign_in(address: SocketAddr) -> Result<Self> {
        let body = json!({"email": EMAIL, "password": PASSWORD});
        Self::from_answer(address, &call(address, ("POST", "/api/v1/auth/sign-in"), "", &body, 200).await?)
    }

    /// Gets new tokens for the old ones.
    ///
    /// # Errors
    /// The server refuses.
    pub async fn refresh(&mut self) -> Result<()> {
        let body = json!({"refresh_token": self.refresh_token});
        let answer = call(self.address, ("POST", "/api/v1/auth/refresh"), "", &body, 200).await?;
        *self = Self::from_answer(self.address, &answer)?;
        Ok(())
    }

    fn from_answer(address: SocketAddr, answer: &Value) -> Result<Self> {
        let text = |name: &str| {
            answer[name].as_str().map(str::to_owned).ok_or_else(|| format!("tokens without {name}: {answer}"))
        };
        Ok(Self { address, refresh_token: text("refresh_token")?, token: text("access_token")? })
    }
}

/// Starts the server with one tenant of the starter app, and signs its owner in.
///
/// # Errors
/// It does not start, or refuses the sign-up.
pub async fn start(parent: &Path) -> Result<Contender> {
    start_with(&make_directory(parent, "tenantry")?, None).await
}

/// Writes an app with the tables of the starter app and this app.toml below a directory.
///
/// # Errors
/// The disk refuses.
pub fn write_app(directory: &Path, toml: &str) -> Result<PathBuf> {
    let app = directory.join("app");
    std::fs::create_dir_all(app.join("migrations"))?;
    std::fs::write(app.join("app.toml"), toml)?;
    let starter = include_str!("../../migrations/starter/0001_starter.sql");
    std::fs::write(app.join("migrations/0001_starter.sql"), starter)?;
    Ok(app)
}

/// The same in that directory, with an app of one's own.
///
/// # Errors
/// As [`start`].
pub async fn start_with(directory: &Path, app: Option<&Path>) -> Result<Contender> {
    let (mut process, address) = serve_app(directory, app)?;
    process.ready(address, "/readyz").await?;
    let (session, answer) = Session::sign_up(address, Some("bench")).await?;
    let id = answer["tenant"]["id"].as_str().ok_or("a sign-up without tenant.id")?;
    let target = Target::new(address, session.token.clone(), &api::TENANTRY);
    let database = tenant_file(&directory.join("data"), id)?;
    Ok(Contender { name: "tenantry", target, process, session: Some(session), database })
}

/// The file of a tenant: `tenants/<2 hex>/<id>/data.db`.
///
/// # Errors
/// It is not there.
pub fn tenant_file(data: &Path, id: &str) -> Result<PathBuf> {
    for shard in std::fs::read_dir(data.join("tenants"))? {
        let file = shard?.path().join(id).join("data.db");
        if file.exists() {
            return Ok(file);
        }
    }
    Err(format!("no file of tenant {id} under {}", data.display()).into())
}
