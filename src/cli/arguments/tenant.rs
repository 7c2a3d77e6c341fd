//! Arguments of `tenantry tenant ..`.

use clap::Subcommand;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(in crate::cli) enum TenantCommand {
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
    /// Make a tenant of an export, from here or from another installation
    #[command(
        after_help = "Examples:\n  tenantry tenant import acme.zip --owner you@example.com --preview\n  \
                            tenantry tenant import acme.zip --owner you@example.com --slug acme-again"
    )]
    Import {
        /// The zip file of the export
        file: PathBuf,
        /// Address of the owner, who has an account
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// Its name [default: as it was]
        #[arg(long)]
        name: Option<String>,
        /// Its slug [default: made of the name]
        #[arg(long)]
        slug: Option<String>,
        /// Tell what is in it and what stands against it, and make nothing
        #[arg(long)]
        preview: bool,
        /// Invite those who were members
        #[arg(long)]
        invite_members: bool,
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
