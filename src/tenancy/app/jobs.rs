//! `[jobs.<kind>]`: kinds of jobs that the developer's own service does.

use super::AppError;
use crate::model::job::{DEFAULT_ATTEMPTS, RESERVED, is_kind};
use std::collections::BTreeMap;

/// Kinds that one app may declare.
const MOST_KINDS: usize = 100;
/// Seconds that a handler has to answer, where nothing is said.
const PATIENCE: u32 = 30;

/// One kind, as it stands in app.toml.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobToml {
    url: String,
    timeout_seconds: Option<u32>,
    max_attempts: Option<u32>,
    concurrency: Option<u32>,
}

/// One kind of jobs, and who does them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobKind {
    /// Where they are posted to.
    pub url: String,
    /// Seconds that an answer may take.
    pub timeout_seconds: u32,
    /// After how many attempts one is given up.
    pub max_attempts: u32,
    /// How many may run at the same time, of all tenants.
    pub concurrency: Option<u32>,
}

/// The kinds of an app, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobKinds(BTreeMap<String, JobKind>);

impl JobKinds {
    pub(super) fn read(file: &str, section: BTreeMap<String, JobToml>) -> Result<JobKinds, AppError> {
        if section.len() > MOST_KINDS {
            return Err(AppError(format!("{file}: jobs: must be at most {MOST_KINDS} kinds")));
        }
        let kinds = section.into_iter().map(|(name, toml)| {
            let fault = |field: &str, why: &str| Err(AppError(format!("{file}: jobs.{name}{field}: {why}")));
            if !is_kind(&name) {
                return fault(
                    "",
                    "must be named with 1 to 60 characters of a-z, 0-9, _, - and ., beginning with a letter",
                );
            }
            if name.starts_with(RESERVED) {
                return fault("", "must not begin with tenantry., as the server's own kinds do");
            }
            let (timeout, attempts) =
                (toml.timeout_seconds.unwrap_or(PATIENCE), toml.max_attempts.unwrap_or(DEFAULT_ATTEMPTS));
            let url = toml.url.parse::<ureq::http::Uri>().ok();
            let is_http = url.as_ref().is_some_and(|url| {
                matches!(url.scheme_str(), Some("http" | "https"))
                    && url.host().is_some_and(|host| !host.is_empty())
            });
            if !is_http {
                return fault(".url", "must be a URL that begins with http:// or https://");
            }
            if url.and_then(|url| url.authority().map(|whole| whole.as_str().contains('@'))) == Some(true) {
                return fault(".url", "must name no user: whoever gets a job knows it by its signature");
            }
            if !(1..=3_600).contains(&timeout) {
                return fault(
                    ".timeout_seconds",
                    "must lie between 1 and 3600; for longer work answer with 202",
                );
            }
            if !(1..=100).contains(&attempts) {
                return fault(".max_attempts", "must lie between 1 and 100");
            }
            if toml.concurrency.is_some_and(|most| !(1..=10_000).contains(&most)) {
                return fault(".concurrency", "must lie between 1 and 10000");
            }
            let kind = JobKind {
                url: toml.url,
                timeout_seconds: timeout,
                max_attempts: attempts,
                concurrency: toml.concurrency,
            };
            Ok((name, kind))
        });
        kinds.collect::<Result<_, _>>().map(JobKinds)
    }

    /// The kind of that name.
    pub fn get(&self, name: &str) -> Option<&JobKind> {
        self.0.get(name)
    }

    /// The names of all of them.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Kinds of which so many may run at the same time and no more.
    pub fn bounds(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().filter_map(|(name, kind)| Some((name.as_str(), kind.concurrency? as usize)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<JobKinds, String> {
        let section = toml::from_str(text).map_err(|error| error.to_string())?;
        JobKinds::read("app.toml", section).map_err(|error| error.to_string())
    }

    #[test]
    fn a_kind_says_where_and_the_rest_has_a_default() {
        let kinds = read(
            "[render_pdf]\nurl = \"http://127.0.0.1:9000/jobs/render\"\n[\"mail.digest\"]\nurl = \"https://x.example/y\"\n\
             timeout_seconds = 60\nmax_attempts = 1\nconcurrency = 2",
        )
        .unwrap();
        let first = kinds.get("render_pdf").unwrap();
        assert_eq!((first.timeout_seconds, first.max_attempts, first.concurrency), (30, 5, None));
        assert_eq!(kinds.bounds().collect::<Vec<_>>(), [("mail.digest", 2)]);
    }

    #[test]
    fn what_cannot_be_is_named_with_its_place() {
        for (text, place) in [
            ("[Render]\nurl = \"http://a\"", "jobs.Render:"),
            ("[\"tenantry.mail\"]\nurl = \"http://a\"", "jobs.tenantry.mail: must not begin with tenantry."),
            ("[a]\nurl = \"ftp://a\"", "jobs.a.url"),
            ("[a]\nurl = \"a\"", "jobs.a.url"),
            ("[a]\nurl = \"http://u:p@a/\"", "jobs.a.url"),
            ("[a]\nurl = \"http://a\"\ntimeout_seconds = 0", "jobs.a.timeout_seconds"),
            ("[a]\nurl = \"http://a\"\nmax_attempts = 101", "jobs.a.max_attempts"),
            ("[a]\nurl = \"http://a\"\nconcurrency = 0", "jobs.a.concurrency"),
            ("[a]\nurl = \"http://a\"\nconcurency = 1", "concurency"),
            ("[a]", "url"),
        ] {
            let told = read(text).unwrap_err();
            assert!(told.contains(place), "{text}: {told}");
        }
    }
}
