//! Calling whom tenants name. They would have us call ourselves, our neighbours and whoever trusts this machine; so every
//! address is looked at before it is called, and nothing of what they answer takes long or much room.

mod resolver;

pub(super) use resolver::{Lookup, SystemLookup};

use super::trust::trusting_this_machine;
use crate::clock::{Timestamp, monotonic};
use crate::error::Result;
use crate::model::webhook::OutgoingRules;
use crate::service::jobs::retry_after;
use resolver::CheckedResolver;
use std::io::Read as _;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::http::Request;
use ureq::unversioned::transport::DefaultConnector;

/// For all of one request: the name looked up, the connection, the answer with its body.
const PATIENCE: Duration = Duration::from_secs(15);
/// For the connection.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of a body that are read.
const MOST_BODY: u64 = 64 << 10;
/// Bytes of headers.
const MOST_HEADERS: usize = 16 << 10;

/// What is needed to call whom tenants name.
pub(super) struct Outgoing {
    rules: Arc<OutgoingRules>,
    lookup: Arc<dyn Lookup>,
    agent: OnceLock<ureq::Agent>,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    /// How long to wait before another request, in milliseconds, where that was asked for.
    pub(super) wait: Option<i64>,
    /// The beginning of the body.
    pub(super) body: Vec<u8>,
}

impl Outgoing {
    /// Calls whom the rules let through, by the addresses that `lookup` finds.
    pub(super) fn new(rules: OutgoingRules, lookup: Arc<dyn Lookup>) -> Outgoing {
        Outgoing { rules: Arc::new(rules), lookup, agent: OnceLock::new() }
    }

    /// What may be called.
    pub(super) fn rules(&self) -> &OutgoingRules {
        &self.rules
    }

    /// Reads the certificates that this machine trusts at the first use. Blocks.
    fn agent(&self) -> Result<&ureq::Agent> {
        if let Some(agent) = self.agent.get() {
            return Ok(agent);
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .https_only(!self.rules.allow_http)
            .timeout_global(Some(PATIENCE))
            .timeout_connect(Some(CONNECT))
            .max_response_header_size(MOST_HEADERS)
            // Every request is to an address that was looked at for it, and none sees what another left behind.
            .max_idle_connections(0)
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        match trusting_this_machine() {
            Ok(trust) => config = config.tls_config(trust),
            Err(error) if !self.rules.allow_http => return Err(error),
            Err(error) => tracing::warn!(error = ?error, "webhooks can be sent by plain HTTP only"),
        }
        let resolver = CheckedResolver::new(&self.rules, &self.lookup);
        let agent = ureq::Agent::with_parts(config.build(), DefaultConnector::new(), resolver);
        Ok(self.agent.get_or_init(|| agent))
    }

    /// Sends a request and reads the beginning of the answer. What comes of it never takes longer than [`PATIENCE`].
    ///
    /// # Errors
    /// Why nothing was answered, in words for whoever named the receiver.
    pub(super) async fn send(
        self: &Arc<Self>,
        request: Request<String>,
        now: Timestamp,
    ) -> Result<Answered, String> {
        let outgoing = Arc::clone(self);
        let (answer, answered) = tokio::sync::oneshot::channel();
        // A thread of its own: whoever ends the server does not wait for a slow receiver.
        let thread =
            std::thread::Builder::new().name("webhook".to_owned()).stack_size(512 << 10).spawn(move || {
                let _ = answer.send(outgoing.send_blocking(request, now));
            });
        thread.map_err(|error| {
            tracing::warn!(%error, "no thread for a webhook");
            "the server is out of threads".to_owned()
        })?;
        // A name server may take longer than any deadline: its thread ends by itself.
        match tokio::time::timeout(PATIENCE + Duration::from_secs(1), answered).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(_)) => Err("the server failed to send it".to_owned()),
            Err(_) => Err("the endpoint did not answer in time".to_owned()),
        }
    }

    fn send_blocking(&self, request: Request<String>, now: Timestamp) -> Result<Answered, String> {
        let agent = self.agent().map_err(|error| error.detail().to_owned())?;
        let begun = monotonic();
        let mut response = agent.run(request).map_err(why_unanswered)?;
        let (status, wait) = (response.status().as_u16(), retry_after(response.headers(), now));
        let mut body = Vec::new();
        // Of an answer that breaks off, is too long or too slow the status counts, and what of it has come.
        let _ = response.body_mut().as_reader().take(MOST_BODY).read_to_end(&mut body);
        tracing::debug!(status, took = ?begun.elapsed(), "an endpoint answered");
        Ok(Answered { status, wait, body })
    }
}

/// Why nothing was answered. Nothing of what a network of ours is like.
pub(super) fn why_unanswered(error: ureq::Error) -> String {
    use std::io::ErrorKind as Io;
    let io = |kind: Io| match kind {
        Io::ConnectionRefused => "the connection was refused",
        Io::ConnectionReset | Io::UnexpectedEof | Io::BrokenPipe => "the connection broke off",
        Io::TimedOut => "the endpoint did not answer in time",
        _ => "the endpoint cannot be reached",
    };
    match error {
        ureq::Error::HostNotFound => {
            "its host leads to no address in the open internet, and is not called".to_owned()
        }
        ureq::Error::Timeout(_) => "the endpoint did not answer in time".to_owned(),
        ureq::Error::Rustls(error) => format!("no secure connection: {error}"),
        ureq::Error::Io(error) => {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                Some(error) => format!("no secure connection: {error}"),
                None => io(error.kind()).to_owned(),
            }
        }
        ureq::Error::LargeResponseHeader(..) => "the headers of its answer are too large".to_owned(),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "what it answered is not HTTP".to_owned(),
        ureq::Error::RequireHttpsOnly(_) => "it is not reached by https".to_owned(),
        _ => "the endpoint cannot be reached".to_owned(),
    }
}

#[cfg(test)]
mod tests;
