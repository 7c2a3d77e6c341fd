//! A bucket as the store of backups, spoken with by the HTTP client that we have already.

use crate::config::Bucket;
use crate::error::{Error, Result};
use crate::service::trust::trusting_this_machine;
use async_trait::async_trait;
use object_store::aws::AmazonS3Builder;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// For all of one request, which carries a few megabytes at most.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tries of one request, and for how long.
const RETRIES: usize = 6;
const LONGEST: Duration = Duration::from_secs(180);
/// Bytes of an answer: a piece of an object, or a page of a list.
const MOST: u64 = 64 << 20;

/// Opens the bucket. Nobody is asked yet.
pub(super) fn open(bucket: &Bucket<'_>) -> Result<Arc<dyn ObjectStore>> {
    let endpoint = bucket.endpoint.map(|endpoint| endpoint.trim_end_matches('/'));
    let is_plain = endpoint.is_some_and(|endpoint| endpoint.starts_with("http://"));
    let mut agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PATIENCE))
        .user_agent(concat!("tenantry/", env!("CARGO_PKG_VERSION")));
    agent = if is_plain { agent.proxy(None) } else { agent.tls_config(trusting_this_machine()?) };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket.name)
        .with_region(bucket.region)
        .with_access_key_id(bucket.access_key_id.expose())
        .with_secret_access_key(bucket.secret_access_key.expose())
        .with_allow_http(is_plain)
        // Not every service of this kind knows it.
        .with_disable_bulk_delete(true)
        .with_retry(RetryConfig {
            backoff: BackoffConfig::default(),
            max_retries: RETRIES,
            retry_timeout: LONGEST,
        })
        .with_http_connector(Connector(agent.build().new_agent()));
    if let Some(endpoint) = endpoint {
        // Services of one's own know their buckets by path.
        builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
    }
    Ok(Arc::new(builder.build().map_err(Error::internal)?))
}

struct Connector(ureq::Agent);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Connector(self.0.clone())))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let agent = self.0.clone();
        let called = tokio::task::spawn_blocking(move || call(&agent, request));
        called.await.unwrap_or_else(|error| Err(HttpError::new(HttpErrorKind::Unknown, error)))
    }
}

fn call(agent: &ureq::Agent, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let (parts, body) = request.into_parts();
    let bytes = match body.as_bytes() {
        Some(bytes) => bytes.to_vec(),
        None => collected(body)?,
    };
    let answer = if bytes.is_empty() && parts.method != ureq::http::Method::PUT {
        agent.run(ureq::http::Request::from_parts(parts, ()))
    } else {
        agent.run(ureq::http::Request::from_parts(parts, bytes))
    };
    let answer = answer.map_err(fault)?;
    let (parts, mut body) = answer.into_parts();
    let bytes = body.with_config().limit(MOST).read_to_vec().map_err(fault)?;
    Ok(HttpResponse::from_parts(parts, bytes.into()))
}

/// A body of several pieces, which are all there: nothing is waited for.
fn collected(body: object_store::client::HttpRequestBody) -> Result<Vec<u8>, HttpError> {
    use http_body_util::BodyExt as _;
    let collecting = tokio::runtime::Handle::current().block_on(body.collect());
    collecting.map(|collected| collected.to_bytes().to_vec())
}

fn fault(error: ureq::Error) -> HttpError {
    let kind = match &error {
        ureq::Error::Timeout(_) => HttpErrorKind::Timeout,
        ureq::Error::HostNotFound | ureq::Error::ConnectionFailed => HttpErrorKind::Connect,
        ureq::Error::Io(error) => match error.kind() {
            std::io::ErrorKind::TimedOut => HttpErrorKind::Timeout,
            std::io::ErrorKind::ConnectionRefused => HttpErrorKind::Connect,
            _ => HttpErrorKind::Interrupted,
        },
        _ => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}
