//! The arguments of every command, and their help.

mod backup;
mod mail;
mod migrate;
mod plan;
mod query;
mod restore;
mod tenant;
mod verify;

pub(super) use backup::BackupCommand;
pub(super) use mail::{MailCommand, Part};
pub(super) use migrate::MigrateCommand;
pub(super) use plan::PlanCommand;
pub(super) use query::QueryArguments;
pub(super) use restore::{RestoreArguments, WholeArguments};
pub(super) use tenant::TenantCommand;
pub(super) use verify::VerifyCommand;

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
    /// Directory of the app: app.toml, migrations, seed.sql, mail, public [default: the built-in starter app]
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
        self.load_with(Partial { listen, ..Partial::default() })
    }

    /// The settings, with these flags and others.
    pub(super) fn load_with(&self, flags: Partial) -> Result<Config, Failure> {
        let flags = Partial { data: self.data.clone(), app: self.app.clone().map(Some), ..flags };
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
    /// Plans: prices, limits, features
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Migrations of all tenants' files
    #[command(subcommand)]
    Migrate(MigrateCommand),
    /// Backups of tenants and of the catalog
    #[command(subcommand)]
    Backup(BackupCommand),
    /// Put a tenant back to what it was, from a backup: in place, or beside it as a new tenant; or a whole installation
    ///
    /// In place: records and uploads are those of the backup; usage, invoices and jobs stay as they are, since they happened. What
    /// is there is backed up before, so that this can be taken back. Of a file that is gone or damaged nothing can be taken over: say
    /// --discard-live.
    ///
    /// With --all: the catalog, the ledgers and every tenant, into a data directory that is empty but for keys/ and tenantry.toml. Whom
    /// the ledger of erasures names does not come back. Each file is looked through. Cut off, the same command goes on.
    #[command(after_help = "Examples:\n  tenantry restore --tenant acme --at 2026-06-01T12:00:00Z\n  \
                            tenantry restore --tenant acme --backup 0192f0c1-2b4e-7c6a-9d1e-3f5a7b9c1d2e --as acme-june\n  \
                            tenantry restore --all --from /mnt/backups/tenantry --data /var/lib/tenantry\n\n\
                            `tenantry backup list --tenant acme` shows what there is.\n\
                            Exits with 0 when all is restored, 1 when something is not.")]
    Restore(RestoreArguments),
    /// Usage: what was counted
    #[command(subcommand)]
    Usage(UsageCommand),
    /// Check what was signed or chained
    #[command(subcommand)]
    Verify(VerifyCommand),
    /// Letters: which there are, and how they look
    #[command(subcommand)]
    Mail(MailCommand),
    /// The keys that sign access tokens
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Who is signed in
    #[command(subcommand)]
    Sessions(SessionsCommand),
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
    /// Tell what is wrong with the installation, and what to do about it
    ///
    /// Files and who may read them, disk, descriptors, clock, settings behind a proxy, mail, backups and whether one was ever
    /// restored, keys, the catalog, tenants without files and files without tenants, tenants that are not served. Two tenants are
    /// made that try to read each other through every door, and are removed again. Works beside a running server, and without one.
    #[command(
        after_help = "Examples:\n  tenantry doctor\n  tenantry doctor --json | jq '.findings[] | select(.level == \"fault\")'\n\n\
                            Levels are good, note, warning and fault. Exits with 0 when there is neither a warning nor a fault, else 1."
    )]
    Doctor,
    /// Run one SQL statement that reads, over many tenants
    ///
    /// It reads what an owner of each tenant may read, each in a process of its own, and is written into the audit log of every
    /// tenant that is asked. It ends with its budget; what is left over is told, and how to go on.
    #[command(after_help = "Examples:\n  tenantry query \"SELECT count(*) FROM invoices\" --all\n  \
                            tenantry query \"SELECT * FROM customers\" --tenant acme --tenant globex --limit 50\n  \
                            tenantry query \"SELECT count(*) AS open FROM tickets WHERE closed_at IS NULL\" --plan team --csv\n  \
                            tenantry query - --all --json < report.sql\n\n\
                            Exits with 0 when every tenant answered in full, 1 when one did not: see what is told beside.")]
    Query(QueryArguments),
    /// Watch what the server does, tenant by tenant
    ///
    /// Requests, latency, errors, database time and jobs of the last minute or two, the busiest tenants first. `q` quits. Where
    /// there is no terminal it is told once.
    #[command(
        after_help = "Examples:\n  tenantry top\n  tenantry top --every 5\n  tenantry top --once --json"
    )]
    Top {
        /// Tell it once
        #[arg(long)]
        once: bool,
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
        every: u64,
        /// How many tenants at most [default: as many as fit, or 50]
        #[arg(long, value_name = "NUMBER")]
        tenants: Option<u32>,
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
pub(super) enum UsageCommand {
    /// Drop the sums and make them anew from the events, which stay as they are
    #[command(after_help = "Examples:\n  tenantry usage rebuild --tenant acme\n  tenantry usage rebuild")]
    Rebuild {
        /// Only this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
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
pub(super) enum SessionsCommand {
    /// End all sessions of an account, or everybody's: the next request of each is refused
    #[command(
        after_help = "Examples:\n  tenantry sessions end someone@example.com\n  tenantry sessions end --everybody"
    )]
    End {
        /// The account's address
        #[arg(required_unless_present = "everybody")]
        email: Option<String>,
        /// Sign everybody out
        #[arg(long, conflicts_with = "email")]
        everybody: bool,
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
