//! Arguments of `tenantry plan`.

use crate::clock::Timestamp;
use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(in crate::cli) enum PlanCommand {
    /// Show how the plans of a file differ from the published ones, and publish them
    ///
    /// A published version never changes: what differs is published as another version. New tenants and those who choose
    /// the plan get that one; who is on an older version stays on it.
    #[command(after_help = "Examples:\n  tenantry plan apply shop/app.toml\n  \
                            tenantry plan apply plans.toml --dry-run\n  \
                            tenantry plan apply plans.json --yes --json\n\n\
                            FILE is an app.toml, a TOML file with [plans.<key>] tables alone, or the same as JSON.")]
    Apply {
        /// The file with the plans
        file: PathBuf,
        /// Publish without asking
        #[arg(long)]
        yes: bool,
        /// Show the difference and publish nothing
        #[arg(long, conflicts_with = "yes")]
        dry_run: bool,
    },
    /// Bill service periods that are over, without waiting for usage that may come late
    ///
    /// The server does it by itself, 24 hours after a period has ended; drafts turn final an hour later. Closing again
    /// changes nothing. Usage that comes after it is one adjustment on the next invoice.
    #[command(after_help = "Examples:\n  tenantry plan close-period\n  \
                            tenantry plan close-period --tenant acme --final\n  \
                            tenantry plan close-period --at 2026-06-01T00:00:00Z --json")]
    ClosePeriod {
        /// Only of this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Only what ended at this time or before [default: now]
        #[arg(long, value_name = "TIME")]
        at: Option<Timestamp>,
        /// Make the invoices final at once: they get their numbers
        #[arg(long = "final")]
        is_final: bool,
    },
    /// Declare the numbers of invoices lost that stand in the file of a tenant alone, which cannot be read
    ///
    /// After an older catalog was put back, billing of all tenants waits until it knows every number that was issued. What
    /// is declared lost is not waited for: the numbers are not given again, the gap stays, and the ledger of issued
    /// invoices and the audit log say who did it.
    #[command(
        after_help = "Examples:\n  tenantry plan declare-lost acme\n  tenantry plan declare-lost acme --yes --json"
    )]
    DeclareLost {
        /// The tenant whose file cannot be read: slug or id
        #[arg(value_name = "TENANT")]
        tenant: String,
        /// Do it without asking
        #[arg(long)]
        yes: bool,
    },
}
