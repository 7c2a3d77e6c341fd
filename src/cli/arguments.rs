//! The arguments of every command, and their help.

use super::Failure;
use crate::config::{Config, Partial};
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tenantry demo                                       look around, with three tenants and some people
  tenantry new shop && tenantry serve --app shop      an app of your own
  tenantry operator add you@example.com               make yourself an operator
  tenantry tenant create acme --owner you@example.com
  tenantry tenant export acme

Settings come from flags, the environment (TENANTRY_LISTEN), DATA/tenantry.toml and defaults, in this order;
`tenantry config show` lists them.";

/// The back end of a multi-tenant product in one binary: every customer in a SQLite file of its own.
#[derive(Parser)]
#[command(name = "tenantry", version, after_help = EXAMPLES, max_term_width = 110)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Flags that every command takes.
#[derive(Args, Clone)]
pub(super) struct Common {
    /// Directory of all databases, files and keys [default: ./data]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common options")]
    pub(super) data: Option<PathBuf>,
    /// Directory of the app: app.toml, migrations, seed.sql, public [default: the built-in starter app]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Common options")]
    pub(super) app: Option<PathBuf>,
    /// Settings file [default: DATA/tenantry.toml, if there is one]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Common options")]
    pub(super) config: Option<PathBuf>,
    /// Print JSON
    #[arg(long, global = true, help_heading = "Common options")]
    pub(super) json: bool,
}

impl Common {
    /// The settings, with these flags.
    pub(super) fn load(&self, listen: Option<SocketAddr>) -> Result<Config, Failure> {
        let flags = Partial {
            data: self.data.clone(),
            app: self.app.clone().map(Some),
            listen,
            ..Partial::default()
        };
        Config::load(flags, self.config.as_deref()).map_err(|error| Failure::WrongUse(error.to_string()))
    }
}

#[derive(Args, Clone)]
pub(super) struct Listening {
    /// Address to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS")]
    pub(super) listen: Option<SocketAddr>,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Serve the API and the pages
    #[command(
        after_help = "Examples:\n  tenantry serve\n  tenantry serve --app shop --listen 127.0.0.1:9000\n  \
                            TENANTRY_LOG_FORMAT=json tenantry serve --data /var/lib/tenantry"
    )]
    Serve(Listening),
    /// Serve demo data: three tenants, six people, a few thousand records
    #[command(after_help = "Examples:\n  tenantry demo\n  tenantry demo --json --listen 127.0.0.1:0")]
    Demo(Listening),
    /// Make the directory of a new app
    #[command(after_help = "Example:\n  tenantry new shop && tenantry serve --app shop")]
    New {
        /// The directory; must not exist or be empty
        dir: PathBuf,
    },
    /// Who runs this installation
    #[command(subcommand)]
    Operator(OperatorCommand),
    /// Tenants
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Check what was signed or chained
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// The keys that sign access tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Exit with 0 if a server is ready at the address
    #[command(after_help = "Example:\n  tenantry healthcheck --listen 127.0.0.1:8080")]
    Healthcheck(Listening),
    /// Write the OpenAPI document of the app's tables, or TypeScript types of their records
    #[command(after_help = "Examples:\n  tenantry openapi --app shop > shop.openapi.json\n  \
                            tenantry openapi --app shop --typescript --out src/records.ts")]
    Openapi {
        /// TypeScript declarations instead of OpenAPI
        #[arg(long)]
        typescript: bool,
        /// Write to this file [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Print the version
    Version,
    /// Run one SQL statement for a server that started this
    #[command(hide = true)]
    SqlWorker,
}

#[derive(Subcommand)]
pub(super) enum OperatorCommand {
    /// Make an operator: of an account that exists, or of a new one
    #[command(after_help = "Examples:\n  tenantry operator add you@example.com\n  \
                            printf '%s' \"$PASSWORD\" | tenantry operator add you@example.com --password-stdin")]
    Add {
        /// The address
        email: String,
        /// The name of a new account
        #[arg(long, default_value = "Operator")]
        name: String,
        /// Read the password of a new account from standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum KeysCommand {
    /// The keys that count, and how old they are
    #[command(after_help = "Example:\n  tenantry keys list --json")]
    List,
    /// Sign with another key from now on
    ///
    /// The key before verifies until its last token has ended, then it is retired: nobody is signed out.
    #[command(after_help = "Examples:\n  tenantry keys rotate\n  tenantry keys rotate --emergency")]
    Rotate {
        /// A key was stolen: refuse all tokens of before at once. Clients have to refresh; sessions live on
        #[arg(long)]
        emergency: bool,
    },
}

#[derive(Subcommand)]
pub(super) enum TenantCommand {
    /// Make a tenant, or many
    #[command(after_help = "Examples:\n  tenantry tenant create acme --owner you@example.com\n  \
                            tenantry tenant create load --owner you@example.com --count 1000")]
    Create {
        /// Its slug: 2-40 characters of a-z, 0-9 and single hyphens
        slug: String,
        /// Address of the owner, who has an account
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// Its name [default: the slug]
        #[arg(long)]
        name: Option<String>,
        /// Make this many, named SLUG-1, SLUG-2, ...
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        count: Option<u32>,
    },
    /// List tenants
    List {
        /// Only those in this state: active, suspended, closing, erased, ...
        #[arg(long)]
        status: Option<String>,
    },
    /// Make a tenant read-only
    Suspend {
        /// Its slug or id
        slug: String,
    },
    /// Take a suspension back
    Resume {
        /// Its slug or id
        slug: String,
    },
    /// Close a tenant: read-only and exportable until the grace period ends, then erased
    Close {
        /// Its slug or id
        slug: String,
    },
    /// Close a tenant and erase it when the grace period ends, or at once
    #[command(after_help = "Examples:\n  tenantry tenant erase acme --confirm acme\n  \
                            tenantry tenant erase acme --confirm acme --now --json > receipt.json")]
    Erase {
        /// Its slug or id
        slug: String,
        /// The slug again, to be sure
        #[arg(long, value_name = "SLUG")]
        confirm: String,
        /// Do not wait for the grace period
        #[arg(long)]
        now: bool,
    },
    /// Export everything of a tenant into a zip file
    #[command(after_help = "Example:\n  tenantry tenant export acme --output acme.zip")]
    Export {
        /// Its slug or id
        slug: String,
        /// Copy the file there [default: it stays among the exports of the data directory]
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(super) enum VerifyCommand {
    /// Check audit logs against their chains and signed checkpoints: of the installation, or of an export
    #[command(
        after_help = "Examples:\n  tenantry verify audit\n  tenantry verify audit --tenant acme --json\n  \
                            tenantry verify audit acme.zip --key receipts.pub\n  \
                            tenantry verify audit audit.ndjson --tenant-id 0199... --checkpoints audit-checkpoints.ndjson\n\n\
                            Exits with 0 if nothing is wrong, 1 if something is, 2 if it was asked wrongly."
    )]
    Audit {
        /// An export, or the audit.ndjson of one; the whole installation where none is given
        file: Option<PathBuf>,
        /// Only the log of this tenant of the installation
        #[arg(long, value_name = "SLUG", conflicts_with = "file")]
        tenant: Option<String>,
        /// Id of the tenant that audit.ndjson is of (in the manifest of the export)
        #[arg(long, value_name = "ID", requires = "file")]
        tenant_id: Option<String>,
        /// The audit-checkpoints.ndjson beside it
        #[arg(long, value_name = "FILE", requires = "file")]
        checkpoints: Option<PathBuf>,
        /// The public key you trust, in hex [default: DATA/keys/receipts.pub, else the one in the file]
        #[arg(long, value_name = "FILE", requires = "file")]
        key: Option<PathBuf>,
    },
    /// Check an export: every file against the manifest, and its audit log
    #[command(after_help = "Example:\n  tenantry verify export acme.zip --key receipts.pub")]
    Export {
        /// The zip file
        file: PathBuf,
        /// The public key you trust, in hex [default: DATA/keys/receipts.pub, else the one in the file]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
    /// Check the receipt of an erasure; needs nothing but the file
    #[command(after_help = "Example:\n  tenantry verify receipt receipt.json --key receipts.pub")]
    Receipt {
        /// The receipt as JSON
        file: PathBuf,
        /// The public key you trust, in hex [default: DATA/keys/receipts.pub, else the one in the receipt]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub(super) enum ConfigCommand {
    /// Check settings and app, and say what is wrong
    Check,
    /// Show every setting, its value and where it comes from
    Show {
        /// Print a settings file with every key, commented out
        #[arg(long)]
        sample: bool,
    },
}
