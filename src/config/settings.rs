//! The list of settings. Each is written once: the struct, the file, the environment and `config show` follow from it.

use super::mail::{Secret, SmtpSecurity};
use super::migrations::Migrations;
use super::text::FromText;
use super::volumes::Volumes;
use super::{ConfigError, Source};
use crate::model::network::Network;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty = $default:expr, $sample:literal;)*) => {
        /// The settings of one installation.
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $doc])* pub $name: $type,)*
            /// Where each value came from.
            pub sources: BTreeMap<&'static str, Source>,
        }

        /// The same, each only where it was given.
        #[derive(Clone, Debug, Default, serde::Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Partial {
            $($(#[doc = $doc])* pub $name: Option<$type>,)*
        }

        impl Config {
            pub(super) fn merge(flags: Partial, environment: Partial, file: Partial) -> Config {
                let mut sources = BTreeMap::new();
                Config {
                    $($name: {
                        let (value, source) = match (flags.$name, environment.$name, file.$name) {
                            (Some(value), _, _) => (value, Source::Flag),
                            (None, Some(value), _) => (value, Source::Environment),
                            (None, None, Some(value)) => (value, Source::File),
                            (None, None, None) => ($default, Source::Default),
                        };
                        sources.insert(stringify!($name), source);
                        value
                    },)*
                    sources,
                }
            }

            /// Name, value as JSON, source and explanation of every setting; of a secret only that it is set.
            pub fn describe(&self) -> Vec<Setting> {
                vec![$(Setting {
                    name: stringify!($name),
                    value: serde_json::json!(self.$name),
                    source: self.sources.get(stringify!($name)).copied().unwrap_or(Source::Default),
                    about: concat!($($doc,)*).trim(),
                },)*]
            }

            /// A settings file with every key, commented out, and what it means.
            pub fn sample() -> String {
                let mut text = String::from("# Settings of Tenantry. Flags and the environment (TENANTRY_LISTEN, ...) win over this file.\n");
                $(text.push_str(&format!("\n#{}\n# {} = {}\n", concat!($($doc,)*), stringify!($name), $sample));)*
                text
            }
        }

        pub(super) fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Partial, ConfigError> {
            Ok(Partial {
                $($name: {
                    let variable = concat!("TENANTRY_", stringify!($name)).to_uppercase();
                    get(&variable).map(|text| <$type as FromText>::from_text(&text)
                        .map_err(|why| ConfigError(format!("{variable}={text}: {why}")))).transpose()?
                },)*
            })
        }

        pub(super) const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

settings! {
    /// Directory of all databases, files and keys.
    data: PathBuf = PathBuf::from("./data"), "\"./data\"";
    /// Other directories that tenants may be moved to, best on other disks, by name. The data directory itself is called data.
    volumes: Volumes = Volumes::new(), "{ fast = \"/mnt/fast/tenantry\" }";
    /// Directory of the app: app.toml, migrations, seed.sql, mail, public. The built-in starter app where none is given.
    app: Option<PathBuf> = None, "\"./app\"";
    /// Address to listen on.
    listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8080)), "\"127.0.0.1:8080\"";
    /// The URL under which people reach this server, for links in mails.
    public_url: Option<String> = None, "\"https://app.example.com\"";
    /// The mail server that letters are sent by. Without one they stay in data/mail.
    smtp_host: Option<String> = None, "\"smtp.example.com\"";
    /// Its port; else 465 with tls, 587 with starttls, 25 with none.
    smtp_port: Option<u16> = None, "587";
    /// How the connection to it is secured: tls, starttls or none.
    smtp_security: SmtpSecurity = SmtpSecurity::Starttls, "\"starttls\"";
    /// A file with certificates (PEM) that count beside those of this machine: where its certificate is of your own authority.
    smtp_ca_file: Option<PathBuf> = None, "\"/etc/ssl/our-authority.pem\"";
    /// The name to sign in with there.
    smtp_user: Option<String> = None, "\"tenantry\"";
    /// The password that goes with it; never shown.
    smtp_password: Option<Secret> = None, "\"a secret\"";
    /// Who letters are from.
    mail_from: Option<String> = None, "\"Example <no-reply@example.com>\"";
    /// Whether a letter also says that an invoice was paid.
    mail_paid_invoices: bool = false, "false";
    /// The secret key of your account at Stripe, sk_ or rk_; never shown. Without one billing is local.
    stripe_secret_key: Option<Secret> = None, "\"sk_live_...\"";
    /// The signing secrets of its webhook endpoint, of which any may match; never shown. Without one /webhooks/stripe is off.
    stripe_webhook_secrets: Vec<Secret> = Vec::new(), "[\"whsec_...\"]";
    /// Where Stripe is reached.
    stripe_api_base: String = "https://api.stripe.com".to_owned(), "\"https://api.stripe.com\"";
    /// Whether it is live mode, with real money; else what the secret key says.
    stripe_livemode: Option<bool> = None, "false";
    /// The secret that jobs are signed with, for handlers to check; never shown. Without one that in data/keys/jobs.secret, made at the first start.
    jobs_secret: Option<Secret> = None, "\"whsec_...\"";
    /// Jobs that run at the same time, of all tenants.
    jobs_at_once: usize = 64, "64";
    /// Networks that webhooks of tenants may be sent to though they are not the open internet.
    outgoing_allow_networks: Vec<Network> = Vec::new(), "[\"10.20.0.0/16\"]";
    /// Allows webhooks of tenants to be sent by plain HTTP.
    outgoing_allow_http: bool = false, "false";
    /// Allows plain HTTP on a network that is not loopback.
    insecure_http: bool = false, "false";
    /// Proxies whose X-Forwarded-For is believed, from the right.
    trusted_proxies: Vec<IpAddr> = Vec::new(), "[\"10.0.0.2\"]";
    /// How the log looks: text or json.
    log_format: LogFormat = LogFormat::Text, "\"text\"";
    /// Address of its own for /metrics, which then is not answered at `listen`.
    metrics_listen: Option<SocketAddr> = None, "\"127.0.0.1:9464\"";
    /// What Prometheus shows as its bearer token for /metrics, at least 16 characters; never shown. Without one operators alone read it at `listen`.
    metrics_token: Option<Secret> = None, "\"a long secret\"";
    /// Tenants with series of their own in /metrics: those that do most. The rest is one series.
    metrics_tenants: usize = 100, "100";
    /// URL of a collector of OpenTelemetry, which is told traces and metrics by OTLP (HTTP, JSON) at /v1/traces and /v1/metrics below it. Without one nothing is told.
    otlp_endpoint: Option<String> = None, "\"http://127.0.0.1:4318\"";
    /// Headers that it is sent, such as what lets us in; never shown.
    otlp_headers: Vec<Secret> = Vec::new(), "[\"authorization: Bearer ...\"]";
    /// Of so many requests and jobs it is told the trace of one; 0 tells none.
    otlp_traces_one_in: u32 = 1, "10";
    /// Seconds from one time that it is told metrics to the next; 0 tells none.
    otlp_metrics_seconds: u64 = 60, "60";
    /// service.name of what it is told.
    otlp_service_name: String = "tenantry".to_owned(), "\"tenantry\"";
    /// Milliseconds that a statement on a tenant's file may take before it is told of as slow; 0 tells of none.
    slow_statement_ms: u32 = 100, "100";
    /// Days that figures of tenants are kept by minutes; hours and days are kept longer.
    telemetry_days: u32 = 30, "30";
    /// What is logged, as directives of tracing: info, tenantry=debug.
    log: String = "info".to_owned(), "\"info\"";
    /// Tenants that one identity owns at once before it can make no more; 0 leaves making tenants to operators.
    tenants_per_identity: u32 = 20, "20";
    /// When files get new migrations of the app: `on_open`, each as it is opened, or manual, by `tenantry migrate run` alone.
    migrations: Migrations = Migrations::OnOpen, "\"on_open\"";
    /// Days between closing a tenant and its erasure.
    grace_days: u32 = 30, "30";
    /// Who sends invoices: name, address, tax number, one line each, at most 12. Stands at the head of each.
    invoice_issuer: Option<String> = None, "\"Example GmbH\\nHauptstrasse 1\\n10115 Berlin\\nVAT DE123456789\"";
    /// Days after which an invoice is due.
    invoice_due_days: u32 = 14, "14";
    /// Days after that until a tenant that has not paid can only be read and paid for.
    unpaid_grace_days: u32 = 14, "14";
    /// The currency of the costs of serving below.
    cost_currency: String = "USD".to_owned(), "\"USD\"";
    /// What an hour of database time costs you, in minor units: for the margin of each tenant.
    cost_database_hour_cents: String = "0".to_owned(), "\"2.5\"";
    /// What a gigabyte on the disk costs you in a month, in minor units.
    cost_storage_gb_month_cents: String = "0".to_owned(), "\"10\"";
    /// What a gigabyte that is sent costs you, in minor units.
    cost_out_gb_cents: String = "0".to_owned(), "\"9\"";
    /// Requests a second of one address (IPv4, or /64 of IPv6) that is not signed in, and ten times as many at once; 0 is any number.
    address_requests_per_second: u32 = 500, "500";
    /// Milliseconds of database time a second that a tenant may take whose plan says nothing of it; 0 is any amount.
    tenant_database_ms_per_second: u32 = 0, "500";
    /// Milliseconds by which 429 `rate_limited` is told later to a tenant that goes on asking; 0 tells it at once.
    refusal_pause_ms: u64 = 250, "250";
    /// Requests of one tenant that are worked on at once while other tenants ask too; 0 is any number.
    tenant_turns: usize = 0, "8";
    /// Requests of all tenants that are worked on at once: what comes beyond them is refused with 503.
    max_requests: usize = 4_096, "4096";
    /// Hours an export stays to be downloaded.
    export_hours: u32 = 72, "72";
    /// Hours between two rounds of backups, of the tenants that were written since and of the catalog; 0 makes none by itself.
    backup_hours: u32 = 24, "24";
    /// The directory of backups, best on another disk; else data/backups.
    backup_directory: Option<PathBuf> = None, "\"/mnt/backups/tenantry\"";
    /// The bucket that backups go to instead, of a service that speaks as S3 does.
    backup_bucket: Option<String> = None, "\"acme-backups\"";
    /// Where that service is reached; else Amazon's in the region.
    backup_endpoint: Option<String> = None, "\"https://s3.example.com\"";
    /// The region of the bucket.
    backup_region: String = "us-east-1".to_owned(), "\"us-east-1\"";
    /// What the names of objects in the bucket begin with.
    backup_prefix: Option<String> = None, "\"tenantry\"";
    /// The name of the key to the bucket; never shown.
    backup_access_key_id: Option<Secret> = None, "\"a name\"";
    /// The key to the bucket; never shown. Best given in the environment.
    backup_secret_access_key: Option<Secret> = None, "\"a secret\"";
    /// Days for each of which the last backup is kept. The newest of a tenant is kept for as long as the tenant.
    backup_daily: u32 = 7, "7";
    /// Weeks for each of which the last backup is kept.
    backup_weekly: u32 = 4, "4";
    /// Tenants that are backed up at the same time.
    backup_parallel: usize = 2, "2";
    /// Days that audit entries are kept; 0 keeps them for good.
    audit_days: u32 = 0, "0";
    /// Days that changes are kept for those who follow them, and for the history of records.
    changes_days: u32 = 30, "30";
    /// Most megabytes of changes kept per tenant.
    changes_mb: u32 = 256, "256";
    /// Most open streams of changes per tenant.
    tenant_streams: usize = 10_000, "10000";
    /// Most open streams of changes per identity.
    identity_streams: usize = 100, "100";
    /// Most tenant files open at once; 0 takes 200, or what descriptors allow.
    open_tenants: usize = 0, "0";
    /// Most connections at once; fewer where the limit of open files is low.
    max_connections: usize = 10_000, "10000";
    /// Seconds after which a connection without a request is closed; longer than a proxy before us keeps it.
    idle_seconds: u64 = 75, "75";
    /// Largest request body, in bytes.
    max_body_bytes: usize = 8 << 20, "8388608";
    /// Largest upload, in bytes.
    file_max_bytes: u64 = 100 << 20, "104857600";
    /// Largest export that is taken in as an import, in bytes; 0 leaves importing to operators.
    import_max_bytes: u64 = 1 << 30, "1073741824";
    /// Seconds after which a request is given up; an upload, when so long nothing of it came.
    request_seconds: u64 = 30, "30";
    /// Seconds that a shutdown waits for running requests.
    shutdown_seconds: u64 = 20, "20";
}

/// How the log looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// One setting as `config show` prints it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Setting {
    /// Its key in the file.
    pub name: &'static str,
    /// Its value.
    pub value: serde_json::Value,
    /// Where that came from.
    pub source: Source,
    /// What it means.
    pub about: &'static str,
}
