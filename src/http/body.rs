//! Bodies: JSON with a bound, every field at fault named at once, unknown fields refused.

use super::large_body::out_of_turn;
use super::problem::Problem;
use crate::error::{Error, FieldError, Kind, Result};
use crate::service::Installation;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};
use std::sync::Arc;

/// The bytes of a JSON body, not parsed yet.
pub(super) struct JsonBytes(pub(super) Bytes);

/// A JSON object.
pub(super) struct Object(pub(super) Map<String, Value>);

impl FromRequest<Arc<Installation>> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, installation: &Arc<Installation>) -> Result<JsonBytes, Problem> {
        read(request, installation.config().max_body_bytes).await.map(JsonBytes)
    }
}

/// Most bytes of a body that is no records: everything else we take is smaller, and much of it comes from anyone.
const MOST_OF_OBJECT: usize = 128 << 10;

async fn read(request: Request, most: usize) -> Result<Bytes, Problem> {
    if !is_json(request.headers()) {
        return Err(Problem(json_expected()));
    }
    let (parts, body) = request.into_parts();
    out_of_turn(&parts.extensions, take(body, most)).await?
}

fn json_expected() -> Error {
    Error::new(
        Kind::UnsupportedMedia,
        "json_expected",
        "Send the body as JSON, with Content-Type: application/json.",
    )
}

/// All of a body that is no records, whatever it holds.
pub(super) async fn read_small(body: Body, installation: &Installation) -> Result<Bytes, Problem> {
    take(body, installation.config().max_body_bytes.min(MOST_OF_OBJECT)).await
}

/// Most bytes of a webhook: an event holds one object, at most an invoice with its first lines.
const MOST_OF_WEBHOOK: usize = 1 << 20;

/// The bytes of a webhook as they came: a signature is over them.
pub(super) async fn read_webhook(body: Body, installation: &Installation) -> Result<Bytes, Problem> {
    take(body, installation.config().max_body_bytes.min(MOST_OF_WEBHOOK)).await
}

async fn take(body: Body, most: usize) -> Result<Bytes, Problem> {
    let too_large = || {
        Error::new(Kind::TooLarge, "body_too_large", format!("A body may have at most {most} bytes here."))
    };
    // What announces itself as too large is not waited for.
    if body.size_hint().lower() > most as u64 {
        return Err(Problem(too_large()));
    }
    // The limit is the innermost cause; a connection that breaks off has nobody left to read the answer.
    axum::body::to_bytes(body, most).await.map_err(|error| Problem(too_large().because(error)))
}

impl FromRequest<Arc<Installation>> for Object {
    type Rejection = Problem;

    async fn from_request(request: Request, installation: &Arc<Installation>) -> Result<Object, Problem> {
        let bytes = read(request, installation.config().max_body_bytes.min(MOST_OF_OBJECT)).await?;
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(map)) => Ok(Object(map)),
            Ok(_) => Err(Problem(Error::malformed("object_expected", "The body must be a JSON object."))),
            Err(error) => Err(Problem(malformed(&error))),
        }
    }
}

/// 400 with the place where the JSON breaks.
fn malformed(error: &serde_json::Error) -> Error {
    Error::malformed(
        "malformed_json",
        format!("The body is not valid JSON, at line {} column {}.", error.line(), error.column()),
    )
}

fn is_json(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map(|value| value.split(';').next().unwrap_or_default().trim())
        .is_some_and(|value| value.eq_ignore_ascii_case("application/json"))
}

/// Takes fields out of an object and remembers every fault, so that one answer names them all.
pub(super) struct Fields {
    map: Map<String, Value>,
    prefix: String,
    faults: Vec<FieldError>,
}

impl Fields {
    pub(super) fn of(object: Object) -> Fields {
        Fields { map: object.0, prefix: String::new(), faults: Vec::new() }
    }

    fn fault(&mut self, name: &str, code: &'static str, message: &str) {
        self.faults.push(FieldError::new(format!("{}{name}", self.prefix), code, message));
    }

    /// A text that must be there.
    pub(super) fn text(&mut self, name: &str) -> String {
        match self.map.remove(name) {
            Some(Value::String(text)) => return text,
            None => self.fault(name, "required", "is required"),
            Some(_) => self.fault(name, "type", "must be a text"),
        }
        String::new()
    }

    /// A text that may be left out.
    pub(super) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text),
            Some(_) => {
                self.fault(name, "type", "must be a text");
                None
            }
        }
    }

    /// A list of texts that must be there.
    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        match self.map.remove(name) {
            Some(Value::Array(items)) if items.len() <= 100 && items.iter().all(Value::is_string) => {
                return items.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            }
            None => self.fault(name, "required", "is required"),
            Some(_) => self.fault(name, "type", "must be a list of at most 100 texts"),
        }
        Vec::new()
    }

    /// A list of texts that may be left out.
    pub(super) fn optional_texts(&mut self, name: &str) -> Option<Vec<String>> {
        match self.map.get(name) {
            None | Some(Value::Null) => {
                self.map.remove(name);
                None
            }
            Some(_) => Some(self.texts(name)),
        }
    }

    /// True or false, or left out.
    pub(super) fn optional_flag(&mut self, name: &str) -> Option<bool> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Bool(flag)) => Some(flag),
            Some(_) => {
                self.fault(name, "type", "must be true or false");
                None
            }
        }
    }

    /// A whole number that may be left out.
    pub(super) fn optional_integer(&mut self, name: &str) -> Option<i64> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) if number.is_i64() => number.as_i64(),
            Some(_) => {
                self.fault(name, "type", "must be a whole number");
                None
            }
        }
    }

    /// An object that may be left out, as it is.
    pub(super) fn optional_object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.map.remove(name) {
            None | Some(Value::Null) => None,
            Some(Value::Object(map)) => Some(map),
            Some(_) => {
                self.fault(name, "type", "must be an object");
                None
            }
        }
    }

    /// An object that may be left out, whose fields are read by `read`.
    pub(super) fn optional_fields<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<T> {
        let map = self.optional_object(name)?;
        let mut inner = Fields { map, prefix: format!("{}{name}.", self.prefix), faults: Vec::new() };
        let value = read(&mut inner);
        inner.refuse_rest();
        self.faults.append(&mut inner.faults);
        Some(value)
    }

    /// Whatever it is, if it is there.
    pub(super) fn optional_value(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name)
    }

    fn refuse_rest(&mut self) {
        let rest: Vec<String> = std::mem::take(&mut self.map).into_iter().map(|(name, _)| name).collect();
        for name in rest {
            self.fault(&name, "unknown_field", "is not a field of this body");
        }
    }

    /// Ends reading: 422 with every fault, unknown fields among them.
    pub(super) fn finish(mut self) -> Result<()> {
        self.refuse_rest();
        if self.faults.is_empty() { Ok(()) } else { Err(Error::invalid(self.faults)) }
    }
}

/// Most bytes of a body that may be left out.
const MOST_OF_CHOICE: usize = 1_024;

/// A small JSON object, or no body, which says as little as `{}`.
pub(super) struct OrNothing(pub(super) Object);

impl FromRequest<Arc<Installation>> for OrNothing {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Installation>) -> Result<OrNothing, Problem> {
        let (is_json, (parts, body)) = (is_json(request.headers()), request.into_parts());
        let bytes = out_of_turn(&parts.extensions, take(body, MOST_OF_CHOICE)).await??;
        if bytes.is_empty() {
            return Ok(OrNothing(Object(Map::new())));
        }
        if !is_json {
            return Err(Problem(json_expected()));
        }
        serde_json::from_slice(&bytes)
            .map(|map| OrNothing(Object(map)))
            .map_err(|error| Problem(malformed(&error)))
    }
}

/// No body, or an empty one, or `{}`.
pub(super) struct NoBody;

impl FromRequest<Arc<Installation>> for NoBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &Arc<Installation>) -> Result<NoBody, Problem> {
        let (parts, body) = request.into_parts();
        let read = out_of_turn(&parts.extensions, axum::body::to_bytes(body, 1_024)).await?;
        let bytes = read.map_err(|error| {
            Problem(Error::malformed("body_unexpected", "This takes no body.").because(error))
        })?;
        if bytes.is_empty() {
            return Ok(NoBody);
        }
        match serde_json::from_slice::<Map<String, Value>>(&bytes) {
            Ok(map) => {
                Fields::of(Object(map)).finish()?;
                Ok(NoBody)
            }
            Err(error) => Err(Problem(malformed(&error))),
        }
    }
}
