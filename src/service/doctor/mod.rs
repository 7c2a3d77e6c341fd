//! What is wrong with an installation, or will be: plain sentences, each with what to do about it.
//!
//! Nothing is repaired here. Files of tenants are not opened: what is known of them is in the catalog and in the directory.
//! That two tenants cannot read each other is tried with two that are made for it, see [`with_canaries`].

mod backups;
mod canaries;
mod disk;
mod files;
mod house;
mod settings;

pub use canaries::{Canary, sweep_canaries, with_canaries};

use super::Installation;
use crate::clock::{Timestamp, monotonic};
use crate::error::Result;
use serde::Serialize;
use std::cmp::Reverse;
use std::time::Instant;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing; nothing is wrong.
    Note,
    /// It will go wrong some day.
    Warning,
    /// It is wrong now.
    Fault,
}

/// What was found of one thing.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found, in a sentence.
    pub about: String,
    /// What to do about it; nothing where there is nothing to do.
    pub advice: Option<String>,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// Whether there is neither a warning nor a fault.
    pub ok: bool,
    /// The worst of all levels.
    pub level: Level,
    /// When it was looked.
    pub checked_at: Timestamp,
    /// How long that took.
    pub took_ms: u64,
    /// The worst first.
    pub findings: Vec<Finding>,
}

/// Findings on their way.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// What is as it should be.
    pub fn good(&mut self, check: &'static str, about: impl Into<String>) {
        self.0.push(Finding { check, level: Level::Good, about: about.into(), advice: None });
    }

    /// What is not, and what to do about it.
    pub fn add(
        &mut self,
        check: &'static str,
        level: Level,
        about: impl Into<String>,
        advice: impl Into<String>,
    ) {
        self.0.push(Finding { check, level, about: about.into(), advice: Some(advice.into()) });
    }

    /// Whether nothing was found of it that is worth a word.
    fn is_good(&self, check: &str) -> bool {
        !self.0.iter().any(|finding| finding.check == check)
    }
}

/// What is kept between two looks.
pub(super) struct Doctor {
    /// When this run began, by both clocks: one that is set shows.
    began: (Instant, Timestamp),
    /// One look at a time.
    turn: tokio::sync::Mutex<()>,
}

impl Doctor {
    pub(super) fn begun(now: Timestamp) -> Doctor {
        Doctor { began: (monotonic(), now), turn: tokio::sync::Mutex::new(()) }
    }
}

/// Looks at everything but the doors between tenants, whose findings are given.
///
/// # Errors
/// As catalog and disk say where that is not what is being looked at.
pub async fn diagnose(installation: &Installation, doors: Findings) -> Result<Diagnosis> {
    let (begun, checked_at) = (monotonic(), installation.clock.now());
    let mut findings = doors;
    files::look(installation, &mut findings).await?;
    house::look(installation, &mut findings).await?;
    settings::look(installation, &mut findings).await?;
    backups::look(installation, &mut findings).await?;
    let mut findings = findings.0;
    findings.sort_by_key(|finding| Reverse(finding.level));
    let level = findings.first().map_or(Level::Good, |worst| worst.level);
    let took_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(Diagnosis { ok: level < Level::Warning, level, checked_at, took_ms, findings })
}

/// `1 tenant`, `2 tenants`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first few of many, in words.
fn few(all: &[String]) -> String {
    const TOLD: usize = 5;
    let told = all.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join(", ");
    match all.len().checked_sub(TOLD) {
        None | Some(0) => told,
        Some(more) => format!("{told} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_of_many_are_named_and_the_rest_counted() {
        let names = |number: usize| (1..=number).map(|number| number.to_string()).collect::<Vec<_>>();
        assert_eq!(few(&names(2)), "1, 2");
        assert_eq!(few(&names(5)), "1, 2, 3, 4, 5");
        assert_eq!(few(&names(7)), "1, 2, 3, 4, 5 and 2 more");
        assert_eq!((count(1, "tenant"), count(0, "tenant")), ("1 tenant".into(), "0 tenants".into()));
    }
}
