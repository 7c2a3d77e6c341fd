//! Somebody who speaks HTTP to a server.

use std::sync::Arc;

use serde_json::Value;
use ureq::http::Request;

use super::answer::Answer;
use super::call::Call;
use super::installation::Installation;
use super::stream::Stream;
use super::{PATIENCE, people::Tenant};

/// A client with or without a credential, with or without a tenant chosen by header.
#[derive(Clone)]
pub struct Client {
    agent: ureq::Agent,
    url: String,
    installation: Arc<Installation>,
    token: Option<String>,
    tenant: Option<String>,
}

/// Fields of bodies that hold what no log may hold.
const SECRET_FIELDS: &[&str] = &[
    "access_token",
    "code",
    "current_password",
    "key",
    "mfa_token",
    "new_password",
    "password",
    "refresh_token",
    "secret",
    "token",
];

impl Client {
    pub(super) fn new(url: &str, installation: &Arc<Installation>) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .allow_non_standard_methods(true)
            .timeout_global(Some(PATIENCE))
            .build();
        let installation = Arc::clone(installation);
        Client { agent: config.new_agent(), url: url.to_owned(), installation, token: None, tenant: None }
    }

    /// The same with a bearer token.
    pub fn bearer(&self, token: &str) -> Client {
        self.installation.plant_secret(token);
        Client { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The same without any credential.
    pub fn nobody(&self) -> Client {
        Client { token: None, ..self.clone() }
    }

    /// The same at another address.
    pub fn at(&self, url: &str) -> Client {
        Client { url: url.to_owned(), ..self.clone() }
    }

    /// The same with the tenant chosen by header; paths then begin below the tenant.
    pub fn by_header(&self, tenant: &Tenant) -> Client {
        Client { tenant: Some(tenant.slug.clone()), ..self.clone() }
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.send(&Call::get(path))
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.send(&Call::post(path, body))
    }

    #[track_caller]
    pub fn patch(&self, path: &str, body: Value) -> Answer {
        self.send(&Call::patch(path, body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.send(&Call::delete(path))
    }

    /// Sends and checks what holds for every answer.
    #[track_caller]
    pub fn send(&self, call: &Call) -> Answer {
        match self.try_send(call) {
            Ok(answer) => answer,
            Err(error) => panic!("{} {}: {error}", call.method, call.path),
        }
    }

    /// As [`Client::send`], where the server may be gone.
    #[track_caller]
    pub fn try_send(&self, call: &Call) -> Result<Answer, ureq::Error> {
        let mut request =
            Request::builder().method(call.method.as_str()).uri(format!("{}{}", self.url, call.path));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(tenant) = &self.tenant {
            request = request.header("x-tenant-id", tenant);
        }
        for (name, value) in &call.headers {
            if ["cookie", "authorization"].contains(&name.as_str()) {
                self.plant_secrets_in(value);
            }
            request = request.header(name, value);
        }
        // A column of an app may be called `key` or `code`; records hold no secrets of ours.
        let is_of_records = call.path.contains("/records/") || call.path.ends_with("/batch");
        let body = call.body.as_ref().map(|(media_type, bytes)| (media_type, bytes.as_slice()));
        let mut response = match body {
            Some((media_type, bytes)) => {
                if !is_of_records {
                    self.plant_secrets_of(&serde_json::from_slice(bytes).unwrap_or_default());
                }
                self.agent.run(request.header("content-type", media_type).body(bytes)?)?
            }
            // With a length of zero, as browsers send it.
            None if call.method != "GET" => self.agent.run(request.body(Vec::<u8>::new())?)?,
            None => self.agent.run(request.body(())?)?,
        };
        let bytes = response.body_mut().with_config().limit(256 << 20).read_to_vec()?;
        let answer = Answer::new(call, response.status().as_u16(), response.headers().clone(), bytes);
        if !is_of_records {
            self.plant_secrets_of(&answer.json);
        }
        for cookie in answer.headers.get_all("set-cookie") {
            self.plant_secrets_in(cookie.to_str().unwrap().split(';').next().unwrap_or_default());
        }
        let signed_in = self.token.is_some() && answer.status != 401;
        answer.check_contract(signed_in, &self.installation);
        Ok(answer)
    }

    /// Opens a stream of events; its request and its refusal are those of any other.
    #[track_caller]
    pub fn stream(&self, path: &str, last_event_id: Option<&str>) -> Stream {
        self.try_stream(path, last_event_id).unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// As [`Client::stream`], where the server may be gone.
    pub fn try_stream(&self, path: &str, last_event_id: Option<&str>) -> Result<Stream, ureq::Error> {
        let agent =
            ureq::Agent::config_builder().proxy(None).timeout_connect(Some(PATIENCE)).build().new_agent();
        let mut request =
            Request::builder().uri(format!("{}{path}", self.url)).header("accept", "text/event-stream");
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = agent.run(request.body(())?)?;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Ok(Stream::new(response.into_body().into_reader()))
    }

    /// What follows names in cookies, and a scheme in Authorization.
    fn plant_secrets_in(&self, header: &str) {
        for part in header.split(';').map(str::trim) {
            self.installation.plant_secret(part.split_once([' ', '=']).map_or(part, |(_, secret)| secret));
        }
    }

    fn plant_secrets_of(&self, body: &Value) {
        match body {
            Value::Array(items) => items.iter().for_each(|item| self.plant_secrets_of(item)),
            Value::Object(fields) => {
                // The `code` of a problem, or of one of several events, is no secret, the one of a second factor is shorter than what is planted.
                let is_problem = fields.contains_key("request_id") || fields.contains_key("index");
                for (name, value) in fields {
                    match value.as_str() {
                        Some(text) if !is_problem && SECRET_FIELDS.contains(&name.as_str()) => {
                            self.installation.plant_secret(text);
                        }
                        _ => self.plant_secrets_of(value),
                    }
                }
            }
            _ => {}
        }
    }
}
