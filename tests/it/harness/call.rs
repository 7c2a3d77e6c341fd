//! A request as plain data, so that a table can hold it.

use serde_json::Value;

/// A request; who sends it is the [`super::Client`]'s matter.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    /// From the root, with the query.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Media type and bytes.
    pub body: Option<(String, Vec<u8>)>,
}

impl Call {
    pub fn new(method: &str, path: impl Into<String>) -> Call {
        Call { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: None }
    }

    pub fn get(path: impl Into<String>) -> Call {
        Call::new("GET", path)
    }

    pub fn delete(path: impl Into<String>) -> Call {
        Call::new("DELETE", path)
    }

    pub fn post(path: impl Into<String>, body: Value) -> Call {
        Call::new("POST", path).json(&body)
    }

    pub fn patch(path: impl Into<String>, body: Value) -> Call {
        Call::new("PATCH", path).json(&body)
    }

    pub fn put(path: impl Into<String>, body: Value) -> Call {
        Call::new("PUT", path).json(&body)
    }

    pub fn json(self, body: &Value) -> Call {
        self.bytes("application/json", body.to_string())
    }

    /// Any bytes under any name.
    pub fn bytes(mut self, media_type: &str, body: impl Into<Vec<u8>>) -> Call {
        self.body = Some((media_type.to_owned(), body.into()));
        self
    }

    /// Adds a header; a second of the same name is sent as a second line.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Call {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
