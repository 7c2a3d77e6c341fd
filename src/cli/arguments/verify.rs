//! Arguments of `tenantry verify ..`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(in crate::cli) enum VerifyCommand {
    /// Restore backups beside everything, and compare them with what they should be
    ///
    /// Without a tenant: the newest of so many tenants, first those that were looked at longest ago, and of the catalog.
    #[command(after_help = "Examples:\n  tenantry verify backup\n  tenantry verify backup --tenant acme\n  \
                            tenantry verify backup --sample 100 --json\n\nExits with 0 when all are good, 1 when one is not or there \
                            are none.")]
    Backup {
        /// Only this tenant's: its newest
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// How many [default: 10, of one tenant 1]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        sample: Option<u32>,
    },
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
    /// Recompute all invoices from the usage events: of the installation, or of an export
    ///
    /// Each invoice is drawn again from its plan and its usage, which is measured again from the events. Nothing but the
    /// file is needed for an export. The last event of each invoice was signed with it: the events up to it are held against
    /// that, too.
    #[command(
        after_help = "Examples:\n  tenantry verify billing\n  tenantry verify billing --tenant acme\n  \
                            tenantry verify billing --export acme.zip\n  tenantry verify billing --export unpacked/\n\n\
                            Prints OK, or the first line that differs and exits with 1."
    )]
    Billing {
        /// Only the invoices of this tenant of the installation
        #[arg(long, value_name = "SLUG", conflicts_with = "export")]
        tenant: Option<String>,
        /// An export, or the directory that it was unpacked into
        #[arg(long, value_name = "FILE")]
        export: Option<PathBuf>,
        /// The public key you trust, in hex [default: DATA/keys/receipts.pub, else the one in the file]
        #[arg(long, value_name = "FILE", requires = "export")]
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
    /// Check usage: that no event was changed, and that the sums are what the events come to
    #[command(
        after_help = "Examples:\n  tenantry verify usage\n  tenantry verify usage --tenant acme --json\n\n\
                            Exits with 0 if nothing is wrong, 1 if something is."
    )]
    Usage {
        /// Only this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
    },
    /// Check the receipt of an erasure; needs nothing but the file
    #[command(after_help = "Examples:\n  tenantry verify receipt receipt.json --key receipts.pub\n  \
                            tenantry verify receipt receipt.json --html receipt.html")]
    Receipt {
        /// The receipt as JSON
        file: PathBuf,
        /// The public key you trust, in hex [default: DATA/keys/receipts.pub, else the one in the receipt]
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Write it as a page to be printed and filed, if the signature is good
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
}
