//! A stream of server-sent events, read on a thread of its own (WHATWG HTML, "Interpreting an event stream").

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

use super::PATIENCE;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: String,
    pub name: String,
    pub data: Value,
}

/// The events that come, until the server ends the stream.
pub struct Stream(Receiver<Event>);

impl Stream {
    pub fn new(body: impl Read + Send + 'static) -> Stream {
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
            for line in BufReader::new(body).lines() {
                let Ok(line) = line else { return };
                if line.is_empty() {
                    if !data.is_empty() {
                        let data = serde_json::from_str(&data).unwrap();
                        let event = Event { id: id.clone(), name: std::mem::take(&mut name), data };
                        if sender.send(event).is_err() {
                            return;
                        }
                    }
                    data.clear();
                    continue;
                }
                let (field, value) = line.split_once(':').unwrap_or((&line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "id" => value.clone_into(&mut id),
                    "event" => value.clone_into(&mut name),
                    "data" => {
                        data = if data.is_empty() { value.to_owned() } else { format!("{data}\n{value}") }
                    }
                    _ => {}
                }
            }
        });
        Stream(receiver)
    }

    /// The next event.
    #[track_caller]
    pub fn next(&self) -> Event {
        self.0.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no event: {error}"))
    }

    /// The next change, of which the id is its number.
    #[track_caller]
    pub fn change(&self) -> Value {
        let event = self.next();
        assert_eq!((event.name.as_str(), event.id.as_str()), ("change", &*event.data["seq"].to_string()));
        event.data
    }

    /// Where the stream begins.
    #[track_caller]
    pub fn position(&self) -> i64 {
        let event = self.next();
        assert_eq!(event.name, "position");
        assert_eq!(event.id, event.data["last_seq"].to_string());
        event.data["last_seq"].as_i64().unwrap()
    }

    /// The next event, unless the server ends the stream first.
    pub fn next_or_end(&self) -> Option<Event> {
        match self.0.recv_timeout(PATIENCE) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("neither an event nor the end"),
        }
    }

    /// Whether nothing comes, and it does not end, for so long.
    pub fn is_silent_for(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
    }
}
