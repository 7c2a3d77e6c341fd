//! Settings: one struct, every field documented. Flags win over the environment, that over the file, that over the
//! default; an unknown key is an error that names it.

mod backups;
mod mail;
mod migrations;
mod otlp;
mod settings;
mod stripe;
mod text;
mod volumes;

pub use backups::Bucket;
pub use mail::{Secret, SmtpSecurity, read_authorities};
pub use migrations::Migrations;
pub use settings::{Config, LogFormat, Partial, Setting};
pub use volumes::{DATA as DATA_VOLUME, Volumes};

use crate::model::money::{Amount, Currency};
use crate::model::standard_webhooks::key_of;
use settings::{NAMES, from_environment};
use std::path::{Path, PathBuf};

/// Where a value came from, for `config show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A command line flag.
    Flag,
    /// `TENANTRY_<NAME>`.
    Environment,
    /// The settings file.
    File,
    /// Nobody said anything.
    Default,
}

/// A setting that cannot be used, in words.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads file and environment under the given flags. `file` must exist if given; else `tenantry.toml` in the data
    /// directory is read where there is one.
    ///
    /// # Errors
    /// A sentence that names the key and what is wrong with it.
    pub fn load(flags: Partial, file: Option<&Path>) -> Result<Config, ConfigError> {
        refuse_unknown_variables()?;
        let environment = from_environment(&variable)?;
        let data = flags
            .data
            .clone()
            .or_else(|| environment.data.clone())
            .unwrap_or_else(|| PathBuf::from("./data"));
        let given = file.map(Path::to_path_buf).or_else(|| variable("TENANTRY_CONFIG").map(PathBuf::from));
        let path = given.clone().unwrap_or_else(|| data.join("tenantry.toml"));
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if given.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(ConfigError(format!("{}: {error}", path.display()))),
        };
        let file: Partial = toml::from_str(&text)
            .map_err(|error| ConfigError(format!("{}: {}", path.display(), told(&error, &text))))?;
        let config = Config::merge(flags, environment, file);
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !self.listen.ip().is_loopback() && !self.insecure_http && !self.is_https() {
            return Err(ConfigError(format!(
                "listen = {}: that is not loopback, and passwords would travel in the clear. Put a TLS proxy before \
                 a loopback address and set public_url = \"https://...\", or say insecure_http = true.",
                self.listen
            )));
        }
        if let Some(url) = &self.public_url
            && !(url.starts_with("https://") || url.starts_with("http://"))
        {
            return Err(ConfigError(format!("public_url = {url}: must begin with https:// or http://")));
        }
        self.check_metrics()?;
        self.check_otlp()?;
        self.check_issuer()?;
        self.check_mail()?;
        self.check_costs()?;
        self.check_stripe()?;
        self.check_backups()?;
        self.check_volumes()?;
        if self.jobs_secret.as_ref().is_some_and(|secret| key_of(secret.expose()).is_none()) {
            return Err(ConfigError(
                "jobs_secret: must be whsec_ and base64, or any other text that is not empty".to_owned(),
            ));
        }
        let bounds = [
            ("tenants_per_identity", u64::from(self.tenants_per_identity), 0, 1_000_000),
            ("grace_days", u64::from(self.grace_days), 0, 3_650),
            ("invoice_due_days", u64::from(self.invoice_due_days), 0, 3_650),
            ("unpaid_grace_days", u64::from(self.unpaid_grace_days), 0, 3_650),
            ("backup_hours", u64::from(self.backup_hours), 0, 8_760),
            ("backup_daily", u64::from(self.backup_daily), 0, 3_650),
            ("backup_weekly", u64::from(self.backup_weekly), 0, 520),
            ("backup_parallel", self.backup_parallel as u64, 1, 32),
            ("export_hours", u64::from(self.export_hours), 1, 8_760),
            ("metrics_tenants", self.metrics_tenants as u64, 0, 5_000),
            ("telemetry_days", u64::from(self.telemetry_days), 1, 366),
            ("max_connections", self.max_connections as u64, 16, 1_000_000),
            ("idle_seconds", self.idle_seconds, 1, 3_600),
            ("audit_days", u64::from(self.audit_days), 0, 36_500),
            ("changes_days", u64::from(self.changes_days), 1, 36_500),
            ("changes_mb", u64::from(self.changes_mb), 1, 1 << 20),
            ("tenant_streams", self.tenant_streams as u64, 0, 1 << 20),
            ("identity_streams", self.identity_streams as u64, 0, 1 << 20),
            ("max_body_bytes", self.max_body_bytes as u64, 1_024, 1 << 30),
            ("file_max_bytes", self.file_max_bytes, 1, 1 << 40),
            ("address_requests_per_second", u64::from(self.address_requests_per_second), 0, 1_000_000),
            ("tenant_database_ms_per_second", u64::from(self.tenant_database_ms_per_second), 0, 1_000_000),
            ("refusal_pause_ms", self.refusal_pause_ms, 0, 5_000),
            ("tenant_turns", self.tenant_turns as u64, 0, 100_000),
            ("max_requests", self.max_requests as u64, 16, 1_000_000),
            ("jobs_at_once", self.jobs_at_once as u64, 1, 1_000),
            ("request_seconds", self.request_seconds, 1, 3_600),
            ("shutdown_seconds", self.shutdown_seconds, 0, 3_600),
        ];
        for (name, value, least, most) in bounds {
            if !(least..=most).contains(&value) {
                return Err(ConfigError(format!("{name} = {value}: must lie between {least} and {most}")));
            }
        }
        Ok(())
    }

    /// Metrics name customers: they are for nobody who only knows the address.
    fn check_metrics(&self) -> Result<(), ConfigError> {
        if self.metrics_token.as_ref().is_some_and(|token| token.expose().len() < 16) {
            return Err(ConfigError("metrics_token: must have at least 16 characters".to_owned()));
        }
        if let Some(address) = self.metrics_listen
            && !address.ip().is_loopback()
            && self.metrics_token.is_none()
        {
            return Err(ConfigError(format!(
                "metrics_listen = {address}: that is not loopback, and metrics name your customers. Set metrics_token, \
                 which Prometheus then shows."
            )));
        }
        Ok(())
    }

    /// What stands at the head of every invoice is an address, and neither a letter nor something that hides.
    fn check_issuer(&self) -> Result<(), ConfigError> {
        let Some(issuer) = &self.invoice_issuer else { return Ok(()) };
        if issuer.lines().count() > 12
            || issuer.lines().any(|line| line.chars().count() > 120 || line.chars().any(char::is_control))
        {
            return Err(ConfigError(
                "invoice_issuer: must have at most 12 lines of at most 120 characters, without control characters"
                    .to_owned(),
            ));
        }
        Ok(())
    }

    fn check_costs(&self) -> Result<(), ConfigError> {
        if Currency::parse(&self.cost_currency).is_none() {
            return Err(ConfigError(format!(
                "cost_currency = {}: must be a currency of ISO 4217 in capitals, like USD",
                self.cost_currency
            )));
        }
        for (name, cost) in [
            ("cost_database_hour_cents", &self.cost_database_hour_cents),
            ("cost_storage_gb_month_cents", &self.cost_storage_gb_month_cents),
            ("cost_out_gb_cents", &self.cost_out_gb_cents),
        ] {
            if Amount::parse(cost).is_none() {
                return Err(ConfigError(format!(
                    "{name} = {cost}: must be an amount of minor units with at most 6 digits after the point, like \"2.5\""
                )));
            }
        }
        Ok(())
    }

    fn is_https(&self) -> bool {
        self.public_url.as_deref().is_some_and(|url| url.starts_with("https://"))
    }

    /// The URL to put into links.
    pub fn base_url(&self) -> String {
        self.public_url
            .as_deref()
            .map_or_else(|| format!("http://{}", self.listen), |url| url.trim_end_matches('/').to_owned())
    }
}

/// Signs of a secret of Stripe in a line of a file: a list of them may stand in several.
const OF_STRIPE: &[&str] = &["stripe_secret_key", "stripe_webhook_secrets", "whsec_", "sk_", "rk_"];

/// What is wrong with a file, with the line; but not with the line of a secret.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line = error.span().and_then(|span| {
        let begin = text.get(..span.start)?.rfind('\n').map_or(0, |newline| newline + 1);
        text.get(begin..)?.lines().next()
    });
    if otlp::is_of_headers(error.span(), line, text) {
        "a line with otlp_headers cannot be read; it takes a list of texts in quotes".to_owned()
    } else if line.is_some_and(|line| line.contains("jobs_secret")) {
        "the line with jobs_secret cannot be read; it takes a text in quotes".to_owned()
    } else if line.is_some_and(|line| line.contains("metrics_token")) {
        "the line with metrics_token cannot be read; it takes a text in quotes".to_owned()
    } else if line.is_some_and(|line| line.contains("password")) {
        "the line with the password cannot be read; it takes a text in quotes".to_owned()
    } else if line.is_some_and(|line| OF_STRIPE.iter().any(|sign| line.contains(sign))) {
        "a line with a secret of Stripe cannot be read; stripe_secret_key takes a text in quotes, stripe_webhook_secrets \
         a list of such"
            .to_owned()
    } else {
        error.to_string()
    }
}

/// Variables beside the settings themselves that mean something to us.
const OTHER_VARIABLES: &[&str] = &[
    "TENANTRY_CONFIG",
    "TENANTRY_TEST_CLOCK",
    #[cfg(debug_assertions)]
    "TENANTRY_TEST_FAULT",
    #[cfg(debug_assertions)]
    "TENANTRY_TEST_HOLD",
    "TENANTRY_PASSWORD",
    "TENANTRY_FUZZ_SECONDS",
    "TENANTRY_FUZZ_SEED",
];

fn refuse_unknown_variables() -> Result<(), ConfigError> {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with("TENANTRY_")) else { continue };
        let known = OTHER_VARIABLES.contains(&name)
            || NAMES.iter().any(|setting| name[9..].eq_ignore_ascii_case(setting));
        if !known {
            return Err(ConfigError(format!("{name} is not a setting; `tenantry config show` lists them")));
        }
    }
    Ok(())
}

/// A variable of the environment.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    #[test]
    fn flags_win_over_environment_over_file_over_default() {
        let flags = Partial { grace_days: Some(1), ..Partial::default() };
        let environment = Partial { grace_days: Some(2), export_hours: Some(2), ..Partial::default() };
        let file = toml::from_str("grace_days = 3\nexport_hours = 3\nrequest_seconds = 3").unwrap();
        let config = Config::merge(flags, environment, file);
        assert_eq!((config.grace_days, config.export_hours, config.request_seconds), (1, 2, 3));
        assert_eq!(config.shutdown_seconds, 20);
        assert_eq!(config.sources["request_seconds"], Source::File);
    }

    #[test]
    fn unknown_keys_and_senseless_values_are_named() {
        let unknown = toml::from_str::<Partial>("grace_day = 3").unwrap_err().to_string();
        assert!(unknown.contains("grace_day"), "{unknown}");
        let secret = "smtp_password = 1234567890";
        let wrong = toml::from_str::<Partial>(secret).unwrap_err();
        assert!(wrong.to_string().contains("1234567890") && !told(&wrong, secret).contains("1234567890"));
        for secret in [
            "stripe_secret_key = sk_live_1234567890",
            "stripe_webhook_secrets = [\n  whsec_1234567890\n]",
            "otlp_headers = [\n  \"a: b\",\n  x-team: 1234567890\n]",
        ] {
            let wrong = toml::from_str::<Partial>(secret).unwrap_err();
            assert!(wrong.to_string().contains("1234567890") && !told(&wrong, secret).contains("1234567890"));
        }
        let wrong = from_environment(&|name| (name == "TENANTRY_LISTEN").then(|| "nowhere".to_owned()));
        assert!(wrong.unwrap_err().to_string().contains("TENANTRY_LISTEN=nowhere"));
        let open = Partial { listen: Some(SocketAddr::from(([0, 0, 0, 0], 80))), ..Partial::default() };
        let refused = Config::merge(open, Partial::default(), Partial::default()).check();
        assert!(refused.unwrap_err().to_string().contains("insecure_http"));
    }

    #[test]
    fn the_sample_file_names_only_what_exists() {
        let uncommented: String = Config::sample()
            .lines()
            .filter_map(|line| line.strip_prefix("# ").filter(|line| line.contains(" = ")))
            .fold(String::new(), |all, line| all + line + "\n");
        assert!(toml::from_str::<Partial>(&uncommented).is_ok(), "{uncommented}");
    }
}
