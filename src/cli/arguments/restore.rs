//! Arguments of `tenantry restore`.

use crate::clock::Timestamp;
use clap::Args;

/// What to restore, from which backup, and where.
#[derive(Args)]
pub(in crate::cli) struct RestoreArguments {
    /// The tenant: slug or id
    #[arg(long, value_name = "SLUG")]
    pub(in crate::cli) tenant: String,
    /// From the newest backup that was taken then or before
    #[arg(long, value_name = "TIME", required_unless_present = "backup", conflicts_with = "backup")]
    pub(in crate::cli) at: Option<Timestamp>,
    /// From the backup of this id, see `tenantry backup list`
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) backup: Option<String>,
    /// Beside the tenant, as a new one of this slug
    #[arg(long = "as", value_name = "NEW_SLUG")]
    pub(in crate::cli) beside: Option<String>,
}
