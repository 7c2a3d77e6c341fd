//! One keep-alive HTTP/1.1 connection: as little of a client as measuring needs.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::Result;

/// Room for one read; lists of 50 records fit.
const READ_SIZE: usize = 32 * 1024;

/// A connection and the buffers it uses again and again.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
    unchunked: Vec<u8>,
}

/// An answer, borrowed from the buffers of its connection.
pub struct Answer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body, without chunk frames.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(READ_SIZE), unchunked: Vec::new() })
    }

    /// Sends one whole request and reads its whole answer.
    ///
    /// # Errors
    /// The connection broke, or what came back is not HTTP/1.1 with a body of known end.
    pub async fn exchange(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let head = loop {
            self.receive().await?;
            if let Some(head) = Head::parse(&self.received)? {
                break head;
            }
        };
        if let Some(length) = head.length {
            while self.received.len() < head.end + length {
                self.receive().await?;
            }
            if self.received.len() > head.end + length {
                return Err("the answer is longer than its Content-Length".into());
            }
            return Ok(Answer { status: head.status, body: &self.received[head.end..] });
        }
        while !unchunk(&self.received[head.end..], &mut self.unchunked)? {
            self.receive().await?;
        }
        Ok(Answer { status: head.status, body: &self.unchunked })
    }

    async fn receive(&mut self) -> Result<()> {
        self.received.reserve(READ_SIZE / 2);
        match self.stream.read_buf(&mut self.received).await? {
            0 => Err("the server closed the connection".into()),
            _ => Ok(()),
        }
    }
}

/// The part of an answer's head that matters here.
struct Head {
    status: u16,
    /// Where the body begins.
    end: usize,
    /// Length of the body; `None` for a chunked one.
    length: Option<usize>,
}

impl Head {
    /// `None` while the head is incomplete.
    fn parse(received: &[u8]) -> Result<Option<Self>> {
        let Some(blank) = received.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            return Ok(None);
        };
        let mut lines = str::from_utf8(&received[..blank])?.split("\r\n");
        let status_line = lines.next().unwrap_or_default();
        let status = status_line
            .strip_prefix("HTTP/1.1 ")
            .and_then(|rest| rest.get(..3))
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| format!("not a status line: {status_line:?}"))?;
        let mut head = Self { status, end: blank + 4, length: None };
        let mut chunked = false;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                head.length = Some(value.trim().parse()?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.trim().eq_ignore_ascii_case("chunked");
            }
        }
        if matches!(status, 204 | 304) {
            head.length = Some(0);
        } else if head.length.is_none() && !chunked {
            return Err("an answer without Content-Length that is not chunked".into());
        }
        Ok(Some(head))
    }
}

/// Takes the chunk frames off a body; false while its last chunk is missing.
fn unchunk(mut framed: &[u8], body: &mut Vec<u8>) -> Result<bool> {
    body.clear();
    loop {
        let Some(end) = framed.windows(2).position(|bytes| bytes == b"\r\n") else {
            return Ok(false);
        };
        let size = usize::from_str_radix(str::from_utf8(&framed[..end])?, 16)?;
        let chunk = end + 2;
        let Some(content) = framed.get(chunk..chunk + size + 2) else {
            return Ok(false);
        };
        if size == 0 {
            return Ok(true);
        }
        body.extend_from_slice(&content[..size]);
        framed = &framed[chunk + size + 2..];
    }
}

/// One JSON request on a connection of its own, for setting a server up; `headers` are whole lines.
///
/// # Errors
/// The connection broke, or the status is not `expected`; then the message carries the answer.
pub async fn call(
    address: SocketAddr,
    (method, path): (&str, &str),
    headers: &str,
    body: &Value,
    expected: u16,
) -> Result<Value> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    let mut connection = Connection::open(address).await?;
    let answer = connection.exchange(request.as_bytes()).await?;
    if answer.status != expected {
        let said = String::from_utf8_lossy(answer.body);
        return Err(format!("{method} {path}: {} instead of {expected}: {said}", answer.status).into());
    }
    Ok(serde_json::from_slice(answer.body).unwrap_or_default())
}
