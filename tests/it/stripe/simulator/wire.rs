//! One connection (RFC 9112): requests with a length, one after the other.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use percent_encoding::percent_decode_str;
use rustls::{ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::{KEY, State};

/// A request, taken apart.
pub struct Asked {
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Of the query and of the form.
    pub fields: Vec<(String, String)>,
    pub key: Option<String>,
}

impl Asked {
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// The fields below a name: `metadata[a]` is `a` of `metadata`.
    pub fn below(&self, name: &str) -> Value {
        let inner =
            |field: &str| Some(field.strip_prefix(name)?.strip_prefix('[')?.strip_suffix(']')?.to_owned());
        let fields = self.fields.iter().filter_map(|(field, value)| Some((inner(field)?, json!(value))));
        Value::Object(fields.collect())
    }
}

pub fn talk(stream: TcpStream, state: &State) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    match &state.security {
        None => talk_over(stream, state),
        Some(config) => {
            let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
            talk_over(StreamOwned::new(connection, stream), state)
        }
    }
}

fn talk_over(stream: impl Read + Write, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line)? == 0 || state.ended.load(Ordering::SeqCst) {
                return Ok(());
            }
            let line = line.trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let header = |name: &str| {
            let of_name = |line: &&String| line.to_lowercase().starts_with(&format!("{name}:"));
            head.iter().find(of_name).map(|line| line.split_once(':').unwrap().1.trim().to_owned())
        };
        let length = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        lines.read_exact(&mut body)?;
        let mut words = head[0].split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut fields = pairs(query);
        fields.extend(pairs(&String::from_utf8(body).unwrap()));
        let asked = Asked { method, path: path.to_owned(), fields, key: header("idempotency-key") };
        state.requests.fetch_add(1, Ordering::SeqCst);
        let described = format!("{} {} {:?}", asked.method, asked.path, asked.fields);
        state.log.lock().unwrap().push(described.clone());
        state.gate.pass(&described);
        let failing = state.failing.load(Ordering::SeqCst);
        let (status, answer) = if header("authorization") != Some(format!("Bearer {KEY}")) {
            (401, json!({"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}))
        } else if failing > 0 {
            (failing, json!({"error": {"type": "api_error", "message": "not now"}}))
        } else if fails_here(state, &asked) {
            (500, json!({"error": {"type": "api_error", "message": "not this"}}))
        } else if asked.method != "GET"
            && state.refused.lock().unwrap().iter().any(|text| described.contains(text))
        {
            (400, json!({"error": {"code": "parameter_invalid", "message": "never"}}))
        } else {
            super::answers::answer(state, &asked)
        };
        let text = answer.to_string();
        let stream = lines.get_mut();
        write!(
            stream,
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}",
            text.len()
        )?;
        stream.flush()?;
    }
}

/// Whether the time has come at which this path is answered no more.
fn fails_here(state: &State, asked: &Asked) -> bool {
    let mut failing = state.failing_path.lock().unwrap();
    match failing.as_mut().filter(|(path, _)| *path == asked.path) {
        Some((_, 0)) => true,
        Some((_, after)) => {
            *after -= 1;
            false
        }
        None => false,
    }
}

/// Where one request waits, while a test does something else.
#[derive(Default)]
pub struct Gate {
    /// What the request begins with, and whether it has come.
    closed: Mutex<Option<(String, bool)>>,
    changed: Condvar,
}

impl Gate {
    pub fn close(&self, request: &str) {
        *self.closed.lock().unwrap() = Some((request.to_owned(), false));
    }

    pub fn open(&self) {
        *self.closed.lock().unwrap() = None;
        self.changed.notify_all();
    }

    pub fn reached(&self) {
        let closed = self.closed.lock().unwrap();
        let has_not_come = |closed: &mut Option<(String, bool)>| matches!(closed, Some((_, false)));
        let waited =
            self.changed.wait_timeout_while(closed, Duration::from_secs(60), has_not_come).unwrap().1;
        assert!(!waited.timed_out(), "the request did not come");
    }

    fn pass(&self, described: &str) {
        let mut closed = self.closed.lock().unwrap();
        if let Some((request, has_come)) = closed.as_mut()
            && described.starts_with(request.as_str())
        {
            *has_come = true;
            self.changed.notify_all();
            drop(self.changed.wait_while(closed, |closed| closed.is_some()).unwrap());
        }
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}
