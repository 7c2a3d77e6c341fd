//! Speaking with Stripe: forms out, JSON back, each change with a key that makes a second try harmless.

use crate::config::{Config, Secret};
use crate::error::{Error, Result};
use crate::model::hex::hex;
use crate::service::trust::trusting_this_machine;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use ureq::http::{Method, Request};

/// For all of one request.
const PATIENCE: Duration = Duration::from_secs(20);
/// Requests at once.
const AT_ONCE: usize = 8;
/// Bytes of an answer.
const MOST: u64 = 8 << 20;
/// Items of a page.
const PAGE: u32 = 100;
/// What may stand in a form as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// Names and values of a form or a query.
pub(super) type Form = Vec<(String, String)>;

/// Why Stripe did not do something.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It cannot be reached, is overloaded or does not know our key: later, perhaps.
    #[error("{0}")]
    Later(String),
    /// There is no such object.
    #[error("Stripe does not know it")]
    Unknown,
    /// It will not do that.
    #[error("Stripe refuses: {0}")]
    Refused(String),
    /// A fault of ours.
    #[error("{0:?}")]
    Ours(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        Fault::Ours(error)
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        match fault {
            Fault::Ours(error) => error,
            Fault::Later(_) => Error::unavailable(
                "stripe_unavailable",
                "Stripe cannot be reached at the moment; nothing was changed. Try again shortly.",
                10,
            )
            .because(fault),
            Fault::Unknown | Fault::Refused(_) => Error::conflict(
                "stripe_refused",
                "Stripe did not accept this. Tell the operator; the log says why.",
            )
            .because(fault),
        }
    }
}

/// Where Stripe is and how we sign in there.
#[derive(Clone)]
pub(super) struct Client {
    agent: ureq::Agent,
    base: String,
    key: Secret,
    turns: Arc<Semaphore>,
}

impl Client {
    /// None where no secret key is set. Reads the certificates that this machine trusts.
    pub(super) fn new(config: &Config) -> Result<Option<Client>> {
        let Some(key) = config.stripe_key().cloned() else { return Ok(None) };
        let base = config.stripe_api_base.trim_end_matches('/').to_owned();
        let mut agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            // The key goes to nobody whom Stripe names.
            .max_redirects(0)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
        if base.starts_with("https://") {
            agent = agent.tls_config(trusting_this_machine()?);
        } else {
            agent = agent.proxy(None);
        }
        Ok(Some(Client {
            agent: agent.build().new_agent(),
            base,
            key,
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }))
    }

    /// Reads one object.
    pub(super) async fn get(&self, path: &str, query: Form) -> Result<Value, Fault> {
        let path = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", encoded(&query)) };
        self.send(Method::GET, path, None, None).await
    }

    /// Changes something. `key` is the same for each try of the same change, and for no other.
    pub(super) async fn post(&self, path: &str, form: Form, key: &str) -> Result<Value, Fault> {
        self.send(Method::POST, path.to_owned(), Some(encoded(&form)), Some(key.to_owned())).await
    }

    /// Removes something.
    pub(super) async fn delete(&self, path: &str, form: Form) -> Result<Value, Fault> {
        let path = if form.is_empty() { path.to_owned() } else { format!("{path}?{}", encoded(&form)) };
        self.send(Method::DELETE, path, None, None).await
    }

    /// A list, to be read page by page: it may be longer than this memory. `after`: behind the item of that id, where it was
    /// left off before.
    pub(super) fn pages(&self, path: &'static str, query: Form, after: Option<String>) -> Pages<'_> {
        Pages { client: self, path, query, after, is_over: false }
    }

    async fn send(
        &self,
        method: Method,
        path: String,
        form: Option<String>,
        key: Option<String>,
    ) -> Result<Value, Fault> {
        let _turn = self.turns.acquire().await.map_err(|error| Fault::Ours(Error::internal(error)))?;
        let client = self.clone();
        tokio::task::spawn_blocking(move || client.send_blocking(&method, &path, form, key))
            .await
            .unwrap_or_else(|error| Err(Fault::Ours(Error::internal(error))))
    }

    fn send_blocking(
        &self,
        method: &Method,
        path: &str,
        form: Option<String>,
        key: Option<String>,
    ) -> Result<Value, Fault> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base))
            .header("authorization", format!("Bearer {}", self.key.expose()));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let sent = match form {
            Some(form) => {
                let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
                request.map(|request| self.agent.run(request))
            }
            None => request.body(()).map(|request| self.agent.run(request)),
        };
        let mut response = sent
            // Says nothing of the header's value.
            .map_err(|_| Fault::Ours(Error::internal("a request to Stripe that is none")))?
            .map_err(|error| Fault::Later(format!("Stripe cannot be reached: {error}")))?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(MOST).read_to_vec();
        let body = body.map_err(|error| Fault::Later(format!("Stripe's answer broke off: {error}")))?;
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        match (status, answer) {
            (200..=299, Some(answer)) => Ok(answer),
            (404, Some(answer)) if answer["error"].is_object() => Err(Fault::Unknown),
            (401 | 403, _) => Err(Fault::Later(format!(
                "Stripe does not let this secret key in ({status}); see stripe_secret_key"
            ))),
            // 409: the same change is on its way.
            (409 | 429 | 500..=599, _) => Err(Fault::Later(format!("Stripe answered {status}"))),
            (400..=499, Some(answer)) => Err(Fault::Refused(told(status, &answer["error"]))),
            _ => Err(Fault::Later(format!("Stripe answered {status}, and nothing that can be read"))),
        }
    }
}

/// A list of Stripe's, of which one page is held at a time.
pub(super) struct Pages<'a> {
    client: &'a Client,
    path: &'static str,
    query: Form,
    after: Option<String>,
    is_over: bool,
}

impl Pages<'_> {
    /// The next page; nothing behind the last one.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Value>>, Fault> {
        if self.is_over {
            return Ok(None);
        }
        let mut asked = self.query.clone();
        asked.push(("limit".to_owned(), PAGE.to_string()));
        asked.extend(self.after.iter().map(|after| ("starting_after".to_owned(), after.clone())));
        let mut page = self.client.get(self.path, asked).await?;
        let Value::Array(items) = page["data"].take() else {
            return Err(Fault::Refused(format!("{} is no list", self.path)));
        };
        let last = items.last().map(|last| last["id"].as_str().map(str::to_owned));
        self.is_over = last.is_none() || page["has_more"] != true;
        if let Some(last) = last {
            let last = last.ok_or_else(|| Fault::Refused("an item has no id".to_owned()))?;
            if self.after.as_ref() == Some(&last) {
                return Err(Fault::Refused(format!("{} does not come to an end", self.path)));
            }
            self.after = Some(last);
        }
        Ok(Some(items))
    }

    /// Whether the last page was read.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// The last item that was read; nothing behind the last page.
    pub(super) fn left_off(&self) -> Option<String> {
        self.after.clone().filter(|_| !self.is_over)
    }

    /// The first item, on whichever page, that is the one.
    pub(super) async fn find(mut self, is_it: impl Fn(&Value) -> bool) -> Result<Option<Value>, Fault> {
        while let Some(page) = self.next().await? {
            if let Some(found) = page.into_iter().find(&is_it) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// What Stripe says of an error, for the log and the operator.
fn told(status: u16, error: &Value) -> String {
    let word = |name: &str| error[name].as_str().unwrap_or_default();
    let text = format!("{status} {} {} {}", word("code"), word("param"), word("message"));
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}

fn encoded(form: &Form) -> String {
    let plain = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    form.iter().map(|(name, value)| format!("{}={}", plain(name), plain(value))).collect::<Vec<_>>().join("&")
}

/// A word for what a form says: part of the key of a change that may be tried with another form, to which Stripe would answer
/// with an error under the same key.
pub(super) fn digest_of(form: &Form) -> String {
    hex(&Sha256::digest(encoded(form)).as_slice()[..8])
}

/// A form out of names and values.
pub(super) fn form(fields: &[(&str, &str)]) -> Form {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_encoded_and_an_error_is_told_without_its_lines() {
        let fields = form(&[("metadata[a]", "ä & b"), ("expand[]", "x-1_2.3")]);
        assert_eq!(encoded(&fields), "metadata%5Ba%5D=%C3%A4%20%26%20b&expand%5B%5D=x-1_2.3");
        let error = serde_json::json!({"code": "resource_missing", "message": "No such\nprice"});
        assert_eq!(told(400, &error), "400 resource_missing No such price");
    }
}
