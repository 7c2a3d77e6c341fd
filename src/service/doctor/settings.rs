//! Settings that do not go together, and mail.

use super::{Findings, Level, count};
use crate::clock::{HOUR, MINUTE};
use crate::error::Result;
use crate::service::{Installation, mail, telemetry};

pub(super) async fn look(installation: &Installation, findings: &mut Findings) -> Result<()> {
    proxy(installation, findings);
    collector(installation, findings);
    letters(installation, findings).await
}

fn proxy(installation: &Installation, findings: &mut Findings) {
    const CHECK: &str = "proxy";
    let config = installation.config();
    let is_local = config.listen.ip().is_loopback();
    let is_https = config.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
    if config.insecure_http && !is_local {
        findings.add(
            CHECK,
            Level::Warning,
            format!("insecure_http is set, and {} is on a network: passwords travel in the clear.", config.listen),
            "Put a proxy with TLS before a loopback address, set public_url = \"https://...\", and take insecure_http back.",
        );
    } else if config.insecure_http {
        findings.add(
            CHECK,
            Level::Note,
            "insecure_http is set and not needed: the server listens on this machine alone.",
            "Take it back, so that nothing is in the clear the day that listen is changed.",
        );
    }
    match &config.public_url {
        None if is_local => findings.add(
            CHECK,
            Level::Note,
            "public_url is not set: links in letters lead to this machine.",
            "Set public_url = \"https://app.example.com\" before people get letters.",
        ),
        None => findings.add(
            CHECK,
            Level::Warning,
            format!("public_url is not set: links in letters lead to http://{}.", config.listen),
            "Set public_url = \"https://app.example.com\".",
        ),
        Some(url) if !is_https && !config.insecure_http && !is_local => findings.add(
            CHECK,
            Level::Warning,
            format!("public_url = {url} is plain HTTP."),
            "Put a proxy with TLS before the server, and set public_url to its https URL.",
        ),
        Some(_) => {}
    }
    if is_https && config.trusted_proxies.is_empty() {
        findings.add(
            CHECK,
            Level::Warning,
            "public_url is https, so that a proxy is in front, and trusted_proxies is empty: all people count as one address, \
             in limits and in the audit log.",
            "Set trusted_proxies to the addresses from which the proxy calls, such as [\"127.0.0.1\"].",
        );
    }
    if !is_https && !config.trusted_proxies.is_empty() {
        findings.add(
            CHECK,
            Level::Note,
            "trusted_proxies is set, and public_url is not https: whoever calls from there says who they are.",
            "Make sure that only your proxy can reach the server, or empty trusted_proxies.",
        );
    }
    if findings.is_good(CHECK) {
        findings.good(CHECK, "public_url and trusted_proxies go together.");
    }
}

fn collector(installation: &Installation, findings: &mut Findings) {
    const CHECK: &str = "otlp";
    let Some(told) = telemetry::told(installation) else { return };
    match (told.failed, told.worked_at) {
        (Some((at, why)), _) => findings.add(
            CHECK,
            Level::Warning,
            format!("The collector of traces and metrics could not be told at {at}: {why}."),
            "Look at otlp_endpoint and otlp_headers, and whether the collector runs. What it does not take is dropped.",
        ),
        (None, Some(at)) => {
            findings.good(CHECK, format!("The collector of traces and metrics was last told at {at}."));
        }
        (None, None) => findings.add(
            CHECK,
            Level::Note,
            "The collector of traces and metrics was not told anything yet.",
            "It is told while a server runs; look again in a minute.",
        ),
    }
}

async fn letters(installation: &Installation, findings: &mut Findings) -> Result<()> {
    const CHECK: &str = "mail";
    let state = mail::state(installation).await?;
    if !state.sends {
        let is_public = installation.config().public_url.is_some();
        findings.add(
            CHECK,
            if is_public || state.waiting > 0 { Level::Warning } else { Level::Note },
            "No mail server is set: letters stay in the mail directory, and reach nobody.",
            "Set smtp_host, smtp_user, smtp_password and mail_from; until then see `GET /operator/mailbox`.",
        );
        return Ok(());
    }
    let now = installation.clock().now();
    let oldest = state.oldest.map_or(0, |oldest| now.since(oldest));
    if state.failures > 0 {
        findings.add(
            CHECK,
            Level::Fault,
            format!("The mail server failed {} in a row; {} for it.", times(state.failures), wait(state.waiting)),
            "The log says what it answered. Look at smtp_host, smtp_port, smtp_security, smtp_user and smtp_password.",
        );
    } else if oldest > HOUR {
        findings.add(
            CHECK,
            Level::Warning,
            format!("{} to be sent, the oldest for {} minutes.", wait(state.waiting), oldest / MINUTE),
            "They are sent while a server runs. If one does, the log says what the mail server answered.",
        );
    }
    if state.given_up > 0 {
        findings.add(
            CHECK,
            Level::Warning,
            format!("The mail server refused {} in the last 30 days.", count(state.given_up, "letter")),
            "The log says why; they are in the mail directory, with the ending .undelivered.",
        );
    }
    if findings.is_good(CHECK) {
        findings.good(CHECK, format!("Letters are sent; {} to be.", wait(state.waiting)));
    }
    Ok(())
}

fn times(number: u32) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn wait(number: usize) -> String {
    format!("{} wait{}", count(number, "letter"), if number == 1 { "s" } else { "" })
}
