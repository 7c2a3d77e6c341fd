//! Arguments of `tenantry migrate ..`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(in crate::cli) enum MigrateCommand {
    /// Show what a run would do, and try it on copies of tenants
    #[command(after_help = "Examples:\n  tenantry migrate plan --app shop\n  \
                            tenantry migrate plan --app shop --rehearse 10\n\n\
                            The app is the one that the server was started with, if one runs. Migrations that do what they must \
                            not, or do not work, stop the start and touch no tenant.")]
    Plan {
        /// Try it on copies of this many tenants: the largest, the oldest, others at random
        #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
        rehearse: u32,
    },
    /// Migrate all tenants that are behind
    ///
    /// They are served all the while: each one's writes wait for its own migration alone. A tenant that fails is not
    /// served until it was migrated; all others go on. A run that was cut off is taken up at the next start.
    #[command(after_help = "Examples:\n  tenantry migrate run --app shop\n  \
                            tenantry migrate run --canary 20 --parallel 8 --halt-at-errors 1% --yes\n  \
                            tenantry migrate run --retry\n\n\
                            Exits with 0 when all were migrated, 1 when some failed or it was halted.")]
    Run {
        /// Tenants of this plan go first; all others follow if all of those are good
        #[arg(long, value_name = "PLAN")]
        canary_plan: Option<String>,
        /// This many tenants go first, from the smallest file to the largest
        #[arg(long, value_name = "N")]
        canary: Option<u32>,
        /// This tenant goes first; may be given several times
        #[arg(long, value_name = "SLUG")]
        canary_tenant: Vec<String>,
        /// Tenants that are migrated at once [default: 4]
        #[arg(long, value_name = "N")]
        parallel: Option<u32>,
        /// Halt when more than this share of tenants failed, of 20 at least [default: 5%]
        #[arg(long, value_name = "PERCENT")]
        halt_at_errors: Option<String>,
        /// Make no copy of larger files before: 500, 10M, 2G; 0 for none at all [default: copy all]
        #[arg(long, value_name = "SIZE", value_parser = size)]
        no_snapshot_above: Option<i64>,
        /// Try those again that failed before
        #[arg(long)]
        retry: bool,
        /// Migrate those too that were rolled back and held
        #[arg(long)]
        release: bool,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Go on with a run that was halted
    Resume,
    /// Give up the run: those under way are finished, all others stay as they are
    Cancel,
    /// Put one tenant back to the copy that was made before a migration
    ///
    /// Its tables and records are those of the copy. Usage, keys of requests, jobs, webhooks and invoices stay as they are.
    /// It is served at that version until `migrate run --release`.
    #[command(after_help = "Examples:\n  tenantry migrate rollback --tenant acme\n  \
                            tenantry migrate rollback --tenant acme --to 4 --discard-writes\n\n\
                            It is refused while records that were written since would be lost, unless --discard-writes is \
                            given; the file of before is kept for a week either way.")]
    Rollback {
        /// The tenant
        #[arg(long, value_name = "SLUG")]
        tenant: String,
        /// The version of the app that it is to have [default: the one before its own]
        #[arg(long, value_name = "VERSION")]
        to: Option<u32>,
        /// Lose the records that were written since
        #[arg(long)]
        discard_writes: bool,
    },
    /// Show how many tenants have which version, which failed and why, and whose schema differs from its version
    Status {
        /// Look into every file anew
        #[arg(long)]
        look: bool,
    },
}

/// Bytes, with K, M or G for 1024, 1024 x 1024, ...
fn size(text: &str) -> Result<i64, String> {
    let (digits, factor) = match text.trim().to_ascii_uppercase() {
        text if text.ends_with('K') => (text[..text.len() - 1].to_owned(), 1_i64 << 10),
        text if text.ends_with('M') => (text[..text.len() - 1].to_owned(), 1 << 20),
        text if text.ends_with('G') => (text[..text.len() - 1].to_owned(), 1 << 30),
        text => (text, 1),
    };
    let size = digits.parse::<i64>().ok().filter(|size| *size >= 0);
    size.and_then(|size| size.checked_mul(factor))
        .ok_or_else(|| "must be a size like 500, 10M or 2G".to_owned())
}
