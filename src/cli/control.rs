//! The control socket: how a command reaches the server that has the data directory.
//!
//! `DATA/control.sock`, 0600. A client sends one [`Command`] as a line of JSON; the server answers with any number of
//! `{"progress": text}` lines and then `{"ok": value}` or `{"error": ..}`.

use crate::error::{Error, FieldError, Kind, Result};
use crate::http;
use crate::service::Installation;
use crate::service::admin::{self, Command};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Longest command, in bytes: one that holds a file with plans, every character of it escaped.
const MOST: u64 = 2 << 20;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reply {
    Progress(String),
    Ok(Value),
    Error { code: String, detail: String, fields: Vec<(String, String)> },
}

/// The server's end. Removed when dropped.
pub(super) struct ControlSocket {
    path: PathBuf,
    accepting: JoinHandle<()>,
}

fn path_in(data: &Path) -> PathBuf {
    data.join("control.sock")
}

impl ControlSocket {
    /// Binds the socket. The lock of the directory is ours, so one that lies there is left over.
    pub(super) fn bind(installation: &Arc<Installation>) -> Result<ControlSocket> {
        let path = path_in(&installation.config().data);
        let _ = std::fs::remove_file(&path);
        // The directory is 0700: nobody else can connect between bind and chmod.
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let installation = Arc::clone(installation);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let installation = Arc::clone(&installation);
                tokio::spawn(async move {
                    if let Err(error) = answer(&installation, stream).await {
                        tracing::warn!(error = ?error, "a command over the control socket broke off");
                    }
                });
            }
        });
        Ok(ControlSocket { path, accepting })
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        self.accepting.abort();
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Carries a command out, in the server or in its place.
///
/// # Errors
/// As the command says.
pub(super) async fn carry_out(
    installation: &Arc<Installation>,
    command: Command,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    if matches!(command, Command::Doctor | Command::Query(_)) {
        installation.tenancy().run_sql_with(crate::tenancy::this_program()?);
    }
    match command {
        // It tries the doors that are http's.
        Command::Doctor => Ok(serde_json::to_value(http::examine(installation).await?)?),
        command => admin::run(installation, command, progress).await,
    }
}

async fn answer(installation: &Arc<Installation>, stream: UnixStream) -> Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut line = String::new();
    let mut reading = BufReader::new(reading.take(MOST));
    reading.read_line(&mut line).await?;
    let (sender, mut replies) = mpsc::unbounded_channel();
    let installation = Arc::clone(installation);
    let command = serde_json::from_str::<Command>(&line);
    // What only reads ends with whoever asked; what was begun otherwise is brought to its end.
    let ends_with_client = matches!(command, Ok(Command::Query(_)));
    let working = tokio::spawn(async move {
        let progress = {
            let sender = sender.clone();
            move |text| drop(sender.send(Reply::Progress(text)))
        };
        let result = match command {
            Ok(command) => carry_out(&installation, command, &progress).await,
            Err(error) => Err(Error::malformed(
                "bad_command",
                format!("The server does not know this command: {error}"),
            )),
        };
        let reply = match result {
            Ok(value) => Reply::Ok(value),
            Err(error) => {
                tracing::debug!(error = ?error, "a command failed");
                Reply::Error {
                    code: error.code().to_owned(),
                    detail: error.detail().to_owned(),
                    fields: error
                        .fields()
                        .iter()
                        .map(|field| (field.field.clone(), field.message.clone()))
                        .collect(),
                }
            }
        };
        let _ = sender.send(reply);
    });
    loop {
        let reply = tokio::select! {
            reply = replies.recv() => reply,
            () = hung_up(&mut reading), if ends_with_client => {
                working.abort();
                return Ok(());
            }
        };
        let Some(reply) = reply else { return Ok(()) };
        let mut text = serde_json::to_string(&reply)?;
        text.push('\n');
        writing.write_all(text.as_bytes()).await?;
    }
}

/// Until the client has closed its end.
async fn hung_up(reading: &mut (impl AsyncRead + Unpin)) {
    let mut rest = [0; 64];
    while reading.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}

/// Sends a command to the server that has `data`; `None` if none is running there.
///
/// # Errors
/// What the server answers, or that it broke off.
pub(super) async fn send(
    data: &Path,
    command: &Command,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Option<Value>> {
    let Ok(stream) = UnixStream::connect(path_in(data)).await else { return Ok(None) };
    let (reading, mut writing) = stream.into_split();
    let mut text = serde_json::to_string(command)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await?;
    let mut lines = BufReader::new(reading).lines();
    while let Some(line) = lines.next_line().await? {
        match serde_json::from_str(&line)? {
            Reply::Progress(text) => progress(text),
            Reply::Ok(value) => return Ok(Some(value)),
            Reply::Error { code, detail, fields } => {
                let fields =
                    fields.into_iter().map(|(field, message)| FieldError::new(field, "invalid", message));
                return Err(Error::new(Kind::Conflict, code, detail).with_fields(fields.collect()));
            }
        }
    }
    Err(Error::internal("the server broke off before it answered"))
}
