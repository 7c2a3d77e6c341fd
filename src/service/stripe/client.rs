//! Speaking with Stripe: forms out, JSON back, each change with a key that makes a second try harmless.

use crate::config::{Config, Secret};
use crate::error::{Error, Result};
use crate::service::trust::trusting_this_machine;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
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

    /// Reads.
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
        self.send(Method::DELETE, format!("{path}?{}", encoded(&form)), None, None).await
    }

    /// All items of a list, page by page, up to `most`.
    pub(super) async fn list(&self, path: &str, query: Form, most: usize) -> Result<Vec<Value>, Fault> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let mut asked = query.clone();
            asked.push(("limit".to_owned(), "100".to_owned()));
            if let Some(last) = all.last() {
                let id = last["id"].as_str().ok_or_else(|| Fault::Refused("an item has no id".to_owned()))?;
                asked.push(("starting_after".to_owned(), id.to_owned()));
            }
            let page = self.get(path, asked).await?;
            let items = page["data"].as_array().cloned().unwrap_or_default();
            let is_last = items.is_empty() || page["has_more"] != true;
            all.extend(items);
            if is_last || all.len() >= most {
                return Ok(all);
            }
        }
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
