//! Arguments of `tenantry backup ..`.

use clap::Subcommand;

#[derive(Subcommand)]
pub(in crate::cli) enum BackupCommand {
    /// Back up the tenants that were written since their last backup, and the catalog
    ///
    /// Writers go on meanwhile. The server does it by itself, every `backup_hours`.
    #[command(after_help = "Examples:\n  tenantry backup run\n  tenantry backup run --tenant acme\n  \
                            TENANTRY_BACKUP_DIRECTORY=/mnt/backups tenantry backup run --full --json\n\n\
                            Exits with 0 when all that was due is stored, 1 when something is not.")]
    Run {
        /// Only this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Also what is as in the backup before
        #[arg(long)]
        full: bool,
    },
    /// List what is in the store of backups, newest first
    #[command(after_help = "Examples:\n  tenantry backup list\n  tenantry backup list --tenant acme --json")]
    List {
        /// Only of this tenant
        #[arg(long, value_name = "SLUG")]
        tenant: Option<String>,
        /// Those before the one of this id
        #[arg(long, value_name = "ID")]
        before: Option<String>,
    },
}
