//! A service that does jobs: it notes what it was asked and answers as the test says.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::harness::receiver::{Received, Receiver};

impl Received {
    pub fn job(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    pub fn tenant(&self) -> &str {
        self.json["tenant"]["slug"].as_str().unwrap()
    }
}

/// What is answered: a status, headers in whole lines, a body.
pub type Reply = (u16, String, Value);

pub fn done() -> Reply {
    (200, String::new(), json!({ "done": true }))
}

/// The service.
pub struct Desk(Receiver);

impl Desk {
    /// `act` is told what was posted, and how often this job was before.
    pub fn open(act: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Desk {
        let counts: Mutex<BTreeMap<String, usize>> = Mutex::default();
        Desk(Receiver::open(move |posted, _| {
            assert_eq!(posted.path, "/work");
            let before = {
                let mut counts = counts.lock().unwrap();
                let count = counts.entry(posted.job().to_owned()).or_default();
                *count += 1;
                *count - 1
            };
            let (status, headers, body) = act(posted, before);
            (status, headers, body.to_string())
        }))
    }

    pub fn url(&self) -> String {
        self.0.url("/work")
    }

    pub fn posted(&self) -> Vec<Received> {
        self.0.received()
    }
}
