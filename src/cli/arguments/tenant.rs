//! Arguments of `tenantry tenant ..`.

use crate::clock::{DAY, HOUR};
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
        /// Delete its customer at Stripe with it
        #[arg(long)]
        stripe_customer: bool,
    },
    /// Close a tenant and erase it when the grace period ends, or at once
    #[command(after_help = "Examples:\n  tenantry tenant erase acme --confirm acme\n  \
                            tenantry tenant erase acme --confirm acme --now --json > receipt.json\n  \
                            tenantry tenant erase acme --confirm acme --now --stripe-customer")]
    Erase {
        /// Its slug or id
        slug: String,
        /// The slug again, to be sure
        #[arg(long, value_name = "SLUG")]
        confirm: String,
        /// Do not wait for the grace period
        #[arg(long)]
        now: bool,
        /// Delete its customer at Stripe with it, once what it owes is billed; Stripe collects nothing from it any more then
        #[arg(long)]
        stripe_customer: bool,
    },
    /// Move a tenant's files to another volume of the settings, or back to `data`
    #[command(
        after_help = "The tenant is served meanwhile; its writes wait for a moment at the end. Until then --give-up ends the\n\
                      move, from another terminal. Ctrl-C does not where a server runs: the move goes on there. Without a\n\
                      server Ctrl-C is the way, and the next command removes what was copied.\n\nExamples:\n  tenantry tenant move acme --to fast\n  tenantry tenant move acme --to data\n  \
                            tenantry tenant move acme --give-up"
    )]
    Move {
        /// Its slug or id
        slug: String,
        /// The volume: a name in `volumes` of the settings, or data
        #[arg(long, value_name = "VOLUME", required_unless_present = "give_up")]
        to: Option<String>,
        /// Give up the move under way: the tenant stays where it is, and what was copied is removed. Waits for that
        #[arg(long, conflicts_with = "to")]
        give_up: bool,
    },
    /// Make a clone of a tenant for staging, which is not billed and goes by itself
    #[command(
        after_help = "It has records, uploads and counted usage, and no members, keys, webhooks, jobs, schedules or invoices; new\n\
                      jobs are held. Who erases the tenant erases its clones.\n\nExample:\n  \
                      tenantry tenant clone acme --as acme-staging --owner dev@example.com --expires 7d"
    )]
    Clone {
        /// Slug or id of the tenant
        slug: String,
        /// Slug of the clone
        #[arg(long = "as", value_name = "NEW_SLUG")]
        clone: String,
        /// Address of its owner and only member, who has an account
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// Its name [default: Copy of the tenant's]
        #[arg(long)]
        name: Option<String>,
        /// When it is closed and erased by itself: hours, days or weeks, as 12h, 7d, 2w
        #[arg(long, value_name = "TIME", default_value = "7d")]
        expires: Span,
    },
    /// Keep a clone for longer, or for good
    #[command(
        after_help = "Examples:\n  tenantry tenant keep acme-staging --expires 14d\n  tenantry tenant keep acme-staging"
    )]
    Keep {
        /// Slug or id of the clone
        slug: String,
        /// In how much time from now it expires [default: it is kept for good]
        #[arg(long, value_name = "TIME")]
        expires: Option<Span>,
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

/// A span of time, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) struct Span(pub(in crate::cli) i64);

impl std::str::FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Span, String> {
        let wrong = || "must be a number of hours, days or weeks, as 12h, 7d or 2w".to_owned();
        let unit = match text.chars().last() {
            Some('h') => HOUR,
            Some('d') => DAY,
            Some('w') => 7 * DAY,
            _ => return Err(wrong()),
        };
        let count: u16 = text.get(..text.len() - 1).unwrap_or_default().parse().map_err(|_| wrong())?;
        if count == 0 { Err(wrong()) } else { Ok(Span(i64::from(count) * unit)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        let parsed = |text: &str| text.parse::<Span>().map(|span| span.0).ok();
        assert_eq!(
            [parsed("12h"), parsed("7d"), parsed("2w")],
            [Some(12 * HOUR), Some(7 * DAY), Some(14 * DAY)]
        );
        for wrong in ["", "d", "0d", "-1d", "7", "7m", "1.5d", "99999d", "7 d", "7\u{e4}"] {
            assert_eq!(parsed(wrong), None, "{wrong}");
        }
    }
}
