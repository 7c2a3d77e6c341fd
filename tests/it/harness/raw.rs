//! Bytes on the wire, for what no well-mannered client sends.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::{PATIENCE, server::Server};

/// Sends `bytes` as they are and returns status and everything that came back. The request has to ask for the
/// connection to be closed.
#[track_caller]
pub fn raw_request(server: &Server, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("no status in {answer:?}")), answer)
}
