//! The collector: how it is reached, and how that goes.

use crate::clock::{Timestamp, monotonic};
use crate::config::Config;
use crate::error::{Error, Result};
use crate::service::jobs::retry_after;
use crate::service::outgoing::why_unanswered;
use crate::service::trust::trusting_this_machine;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ureq::http::Request;

/// For all of one request.
const PATIENCE: Duration = Duration::from_secs(10);
const CONNECT: Duration = Duration::from_secs(3);
/// The longest that a collector may ask us to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Bytes of an answer that are read.
const MOST_ANSWER: u64 = 64 << 10;
/// How often it is told that it cannot be told.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A collector of OpenTelemetry.
pub(super) struct Collector {
    base: String,
    /// Names and values; the values are secrets.
    headers: Vec<(String, String)>,
    agent: ureq::Agent,
    failures: AtomicU64,
    standing: Mutex<Standing>,
}

#[derive(Default)]
struct Standing {
    told: Told,
    /// When the log was last told of a failure, and whether it is still to be told that it works again.
    warned_at: Option<Instant>,
    owes_news: bool,
}

/// How it goes.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// When it last took something.
    pub worked_at: Option<Timestamp>,
    /// When it last did not, and why.
    pub failed: Option<(Timestamp, String)>,
}

/// It did not take something.
pub(super) enum Refused {
    /// It may the next time, best after that long where it says so.
    Passing(Option<Duration>),
    /// It never will.
    Final,
}

impl Collector {
    /// None where the settings name none.
    pub(super) fn new(config: &Config) -> Result<Option<Collector>> {
        let Some(endpoint) = &config.otlp_endpoint else { return Ok(None) };
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // What is told goes to whom the operator named, and to nobody else.
            .max_redirects(0)
            .proxy(None)
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECT))
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        if endpoint.starts_with("https:") {
            agent = agent.tls_config(trusting_this_machine()?);
        }
        Ok(Some(Collector {
            base: endpoint.trim_end_matches('/').to_owned(),
            headers: config
                .otlp_headers_split()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            agent: agent.build().new_agent(),
            failures: AtomicU64::new(0),
            standing: Mutex::default(),
        }))
    }

    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn told(&self) -> Told {
        self.standing().told.clone()
    }

    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Relaxed)
    }

    /// Sends a body; how much of it was rejected.
    pub(super) async fn post(
        self: &Arc<Self>,
        path: &'static str,
        body: &Arc<[u8]>,
        now: Timestamp,
    ) -> Result<u64, Refused> {
        let (collector, body) = (Arc::clone(self), Arc::clone(body));
        let (answer, answered) = tokio::sync::oneshot::channel();
        // A thread of its own: whoever ends the server does not wait for a slow collector.
        let thread =
            std::thread::Builder::new().name("otlp".to_owned()).stack_size(512 << 10).spawn(move || {
                let _ = answer.send(collector.post_blocking(path, &body, now));
            });
        let answered = match thread {
            Ok(_) => tokio::time::timeout(PATIENCE + Duration::from_secs(1), answered).await,
            Err(_) => Ok(Ok(Err("the server is out of threads".to_owned()))),
        };
        let (status, wait, body) = match answered {
            Ok(Ok(Ok(answered))) => answered,
            Ok(Ok(Err(why))) => {
                self.note_failed(&why, None, now);
                return Err(Refused::Passing(None));
            }
            Ok(Err(_)) | Err(_) => {
                self.note_failed("it did not answer in time", None, now);
                return Err(Refused::Passing(None));
            }
        };
        if (200..300).contains(&status) {
            self.note_worked(now);
            return Ok(rejected(&body));
        }
        self.note_failed(&format!("it answered {status}"), None, now);
        Err(match status {
            429 | 502..=504 => Refused::Passing(wait.map(|wait| wait.min(LONGEST_WAIT))),
            _ => Refused::Final,
        })
    }

    fn post_blocking(
        &self,
        path: &str,
        body: &[u8],
        now: Timestamp,
    ) -> Result<(u16, Option<Duration>, Vec<u8>), String> {
        let mut request = Request::post(format!("{}{path}", self.base))
            .header("content-type", "application/json")
            .header("content-encoding", "gzip");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request =
            request.body(body).map_err(|_| "otlp_endpoint or otlp_headers cannot be used".to_owned())?;
        let mut response = self.agent.run(request).map_err(why_unanswered)?;
        let wait = retry_after(response.headers(), now);
        let wait = wait.map(|ms| Duration::from_millis(ms.unsigned_abs()));
        let body = response.body_mut().with_config().limit(MOST_ANSWER).read_to_vec().unwrap_or_default();
        Ok((response.status().as_u16(), wait, body))
    }

    fn note_worked(&self, now: Timestamp) {
        let mut standing = self.standing();
        standing.told.worked_at = Some(now);
        standing.told.failed = None;
        if std::mem::take(&mut standing.owes_news) {
            tracing::info!("the collector of traces and metrics is told again");
        }
    }

    /// Once a minute at most the log is told.
    pub(super) fn note_failed(&self, why: &str, cause: Option<&Error>, now: Timestamp) {
        self.failures.fetch_add(1, Relaxed);
        let mut standing = self.standing();
        standing.told.failed = Some((now, why.to_owned()));
        if standing.warned_at.is_none_or(|at| at.elapsed() >= TELL_EVERY) {
            standing.warned_at = Some(monotonic());
            standing.owes_news = true;
            let cause = cause.map(tracing::field::debug);
            tracing::warn!(why, cause, "the collector of traces and metrics cannot be told");
        }
    }
}

/// How much of what it took it did not keep, as its answer says.
fn rejected(body: &[u8]) -> u64 {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match &answer["partialSuccess"]["rejectedSpans"] {
        Value::String(text) => text.parse().unwrap_or(0),
        other => other.as_u64().unwrap_or(0),
    }
}

/// A body as it is sent. Made on a thread that may block: it takes milliseconds, which no request is to wait for.
pub(super) async fn gzip(body: Value) -> Result<Arc<[u8]>> {
    let made = tokio::task::spawn_blocking(move || {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        serde_json::to_writer(&mut encoder, &body).map_err(Error::internal)?;
        Ok(encoder.finish().map_err(Error::internal)?.into())
    });
    made.await.unwrap_or_else(|error| Err(Error::internal(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_rejected_is_read_from_either_spelling() {
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":"3"}}"#), 3);
        assert_eq!(rejected(br#"{"partialSuccess":{"rejectedSpans":4}}"#), 4);
        for none in [&b""[..], b"{}", b"\x0a\x00", br#"{"partialSuccess":{"rejectedSpans":"-1"}}"#] {
            assert_eq!(rejected(none), 0);
        }
    }
}
