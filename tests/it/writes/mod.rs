//! Writing records: upserts, batches, conditions, repeated requests, and values that come back as they went in.

mod batch;
mod conditions;
mod once;
mod put;
mod values;

use serde_json::Value;

use crate::harness::{Answer, Call, Client};

/// Sends a request with headers.
#[track_caller]
fn send(client: &Client, method: &str, path: &str, body: Option<&Value>, headers: &[(&str, &str)]) -> Answer {
    let mut call = Call::new(method, path);
    if let Some(body) = body {
        call = call.json(body);
    }
    for (name, value) in headers {
        call = call.header(name, *value);
    }
    client.send(&call)
}

#[track_caller]
fn etag(answer: &Answer) -> String {
    let etag = answer.header("etag").unwrap_or_else(|| panic!("{} has no ETag", answer.asked));
    assert!(etag.starts_with('"') && etag.ends_with('"'), "{etag} is no strong tag");
    etag.to_owned()
}
