//! `tenantry healthcheck`: for containers and service managers.

use super::{Common, Failure, Listening};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(common: &Common, listening: &Listening) -> Result<ExitCode, Failure> {
    let address = common.load(listening.listen)?.listen;
    let status =
        ask(address).map_err(|error| Failure::Failed(format!("no server answers at {address}: {error}")))?;
    let ready = status.contains(" 200 ");
    if common.json {
        println!("{}", serde_json::json!({ "ready": ready }));
    }
    if ready {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure::Failed(format!("the server at {address} is not ready: {status}")))
}

/// The status line of `/readyz`.
fn ask(address: std::net::SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(4_096).read_to_string(&mut answer)?;
    Ok(answer.lines().next().unwrap_or_default().to_owned())
}
