//! What a server said, and what must be true of whatever it says.

use serde_json::Value;
use ureq::http::HeaderMap;

use super::call::Call;
use super::installation::Installation;

/// An answer with its body read.
#[derive(Debug)]
pub struct Answer {
    /// What was asked, for messages.
    pub asked: String,
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// Null where the body is no JSON.
    pub json: Value,
}

/// What no body holds: our own words for SQL and files. A table's own data never contains them in these tests.
const INTERNALS: &[&str] = &[
    "SELECT ",
    "INSERT INTO",
    "sqlite_",
    "SQLITE_",
    "no such table:",
    "data.db",
    "catalog.db",
    "panicked",
    "src/",
];

impl Answer {
    pub(super) fn new(call: &Call, status: u16, headers: HeaderMap, bytes: Vec<u8>) -> Answer {
        let json = serde_json::from_slice(&bytes).unwrap_or_default();
        Answer { asked: format!("{} {}", call.method, call.path), status, headers, bytes, json }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// A header that occurs once, or nothing.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The `code` of a problem.
    pub fn code(&self) -> &str {
        self.json["code"].as_str().unwrap_or_default()
    }

    /// The text at a JSON pointer.
    #[track_caller]
    pub fn string(&self, pointer: &str) -> String {
        match self.json.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            other => panic!("{} answered {other:?} at {pointer}: {}", self.asked, self.text()),
        }
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status, status, "{} answered {}", self.asked, self.text());
        self
    }

    #[track_caller]
    pub fn expect_code(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.code(), code, "{} answered {}", answer.asked, answer.text());
        answer
    }

    #[track_caller]
    pub fn expect_one_of(self, statuses: &[u16]) -> Answer {
        assert!(statuses.contains(&self.status), "{} answered {} {}", self.asked, self.status, self.text());
        self
    }

    /// A refusal that names the field (or parameter) at fault, 400 or 422.
    #[track_caller]
    pub fn expect_refused_by_name(self, field: &str) -> Answer {
        let answer = self.expect_one_of(&[400, 422]);
        let in_errors = answer.json["errors"].as_array().is_some_and(|errors| {
            errors.iter().any(|error| error["field"].as_str().is_some_and(|name| name.contains(field)))
        });
        let named = in_errors || answer.json["detail"].as_str().is_some_and(|detail| detail.contains(field));
        assert!(named, "{} does not name {field}: {}", answer.asked, answer.text());
        answer
    }

    /// Holds for every answer there is.
    #[track_caller]
    pub(super) fn check_contract(&self, signed_in: bool, installation: &Installation) {
        let context =
            || format!("{} answered {} {:?} {}", self.asked, self.status, self.headers, self.text());
        let path = self.asked.split([' ', '?']).nth(1).unwrap_or_default();
        let request_id = self.header("x-request-id");
        assert!(request_id.is_some_and(|id| id.len() >= 16), "no X-Request-Id: {}", context());
        if path.starts_with("/api/v1/") && self.status >= 400 && !self.asked.starts_with("HEAD") {
            let media_type = self.header("content-type").unwrap_or_default();
            assert!(media_type.starts_with("application/problem+json"), "no problem body: {}", context());
            for field in ["type", "title", "detail", "code", "request_id"] {
                assert!(
                    self.json[field].as_str().is_some_and(|text| !text.is_empty()),
                    "no {field}: {}",
                    context()
                );
            }
            assert_eq!(self.json["status"], self.status, "{}", context());
            assert_eq!(self.json["request_id"].as_str(), request_id, "{}", context());
        }
        assert_ne!(self.status, 500, "{}", context());
        if self.status == 429 || self.status == 503 {
            let wait = self.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
            assert!(wait.is_some(), "no Retry-After: {}", context());
        }
        if signed_in && path.starts_with("/api/v1/") {
            let cache = self.header("cache-control").unwrap_or_default();
            assert!(cache.contains("no-store"), "may be cached: {}", context());
        }
        // The SQL console tells what SQLite says about the asker's own SQL, and so does a query over tenants.
        let is_of_sql = path.ends_with("/sql") || path.ends_with("/operator/query");
        if self.status >= 400 && !is_of_sql {
            let text = self.text();
            let place = installation.data();
            for internal in INTERNALS.iter().copied().chain(place.to_str()) {
                assert!(!text.contains(internal), "{internal} is nobody's business: {}", context());
            }
        }
    }
}
