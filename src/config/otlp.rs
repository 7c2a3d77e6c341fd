//! Where traces and metrics are told by OTLP.

use super::{Config, ConfigError};
use std::ops::Range;
use url::{Host, Url};

impl Config {
    /// Names and values of the headers that the collector is sent.
    pub fn otlp_headers_split(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.otlp_headers.iter().filter_map(|header| header.expose().split_once(':'));
        all.map(|(name, value)| (name.trim(), value.trim()))
    }

    pub(super) fn check_otlp(&self) -> Result<(), ConfigError> {
        if self.otlp_service_name.is_empty() || self.otlp_service_name.chars().count() > 100 {
            return Err(ConfigError("otlp_service_name: must have 1 to 100 characters".to_owned()));
        }
        if self.otlp_metrics_seconds > 3_600 {
            return Err(ConfigError(format!(
                "otlp_metrics_seconds = {}: must lie between 0 and 3600",
                self.otlp_metrics_seconds
            )));
        }
        for (number, header) in self.otlp_headers.iter().enumerate() {
            if !header
                .expose()
                .split_once(':')
                .is_some_and(|(name, value)| is_name(name.trim()) && is_value(value))
            {
                return Err(ConfigError(format!(
                    "otlp_headers: the header in place {} must be a name, a colon and a value, like \"authorization: Bearer ...\"",
                    number + 1
                )));
            }
        }
        let Some(endpoint) = &self.otlp_endpoint else { return Ok(()) };
        // What else stands there may be a secret: it is not repeated.
        let refused = || {
            ConfigError(
                "otlp_endpoint: must be the http or https URL below which the collector has /v1/traces and /v1/metrics, \
                 without name, password, ? or #. What lets in goes into otlp_headers."
                    .to_owned(),
            )
        };
        let url = Url::parse(endpoint).map_err(|_| refused())?;
        let is_plain = url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        if !matches!(url.scheme(), "http" | "https") || !is_plain || !endpoint.starts_with(url.scheme()) {
            return Err(refused());
        }
        let is_here = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(refused()),
        };
        if url.scheme() == "http" && !is_here && !self.otlp_headers.is_empty() && !self.insecure_http {
            return Err(ConfigError(
                "otlp_endpoint: over plain HTTP otlp_headers would travel in the clear. Use https, or say insecure_http = true."
                    .to_owned(),
            ));
        }
        Ok(())
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 100
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_value(value: &str) -> bool {
    let value = value.trim();
    !value.is_empty() && value.len() <= 4_096 && value.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Whether what cannot be read of a file stands in the list of headers, which may go over several lines.
pub(super) fn is_of_headers(span: Option<Range<usize>>, line: Option<&str>, text: &str) -> bool {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let begun = before.rfind("otlp_headers").and_then(|at| before.get(at..));
    line.is_some_and(|line| line.contains("otlp_headers")) || begun.is_some_and(|begun| !begun.contains(']'))
}
