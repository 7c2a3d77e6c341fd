//! Arguments of `tenantry restore`.

use crate::clock::Timestamp;
use clap::Args;

/// What to restore, from which backup, and where.
#[derive(Args)]
pub(in crate::cli) struct RestoreArguments {
    /// The tenant: slug or id
    #[arg(long, value_name = "SLUG", required_unless_present = "all")]
    pub(in crate::cli) tenant: Option<String>,
    /// From the newest backup that was taken then or before
    #[arg(long, value_name = "TIME", required_unless_present_any = ["backup", "all"], conflicts_with = "backup")]
    pub(in crate::cli) at: Option<Timestamp>,
    /// From the backup of this id, see `tenantry backup list`
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) backup: Option<String>,
    /// Beside the tenant, as a new one of this slug
    #[arg(long = "as", value_name = "NEW_SLUG")]
    pub(in crate::cli) beside: Option<String>,
    /// In the place of a file that is gone or damaged: give up what was in it since the backup
    #[arg(long, conflicts_with = "beside")]
    pub(in crate::cli) discard_live: bool,
    /// The whole installation instead of one tenant
    #[command(flatten)]
    pub(in crate::cli) whole: WholeArguments,
}

/// How a whole installation is restored.
#[derive(Args)]
pub(in crate::cli) struct WholeArguments {
    /// Everything, into an empty data directory: catalog, ledgers and all tenants. Run again, it goes on
    #[arg(long, conflicts_with_all = ["tenant", "backup", "beside", "discard_live"])]
    pub(in crate::cli) all: bool,
    /// Everything from this directory or bucket (`s3://BUCKET/PREFIX`); else from the store that the settings name
    #[arg(long, value_name = "DIR|URL", requires = "all", conflicts_with = "tenant")]
    pub(in crate::cli) from: Option<String>,
    /// So many tenants at once [default: `backup_parallel`]
    #[arg(long, value_name = "N", requires = "all", conflicts_with = "tenant", value_parser = clap::value_parser!(u16).range(1..=32))]
    pub(in crate::cli) parallel: Option<u16>,
    /// Let jobs run as soon as there is a server, though some may have run since the backup
    #[arg(long, requires = "all", conflicts_with = "tenant")]
    pub(in crate::cli) run_jobs: bool,
    /// Make new keys where DATA/keys has none: second factors have to be set up again
    #[arg(long, requires = "all", conflicts_with = "tenant")]
    pub(in crate::cli) new_keys: bool,
}
