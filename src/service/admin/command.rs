//! What may be asked of an installation at the console.

use crate::clock::Timestamp;
use crate::service::backups::BackupCommand;
use crate::service::fleet_query::QueryIn;
use crate::service::migrations::MigrateCommand;
use crate::service::plans;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One act of the operator at the console.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Command {
    /// Makes an operator; with a password if the account is new.
    OperatorAdd {
        /// The address.
        email: String,
        /// The name of a new account.
        name: String,
        /// The password of a new account.
        password: Option<String>,
    },
    /// Makes one tenant, or `count` of them named `slug-1`, `slug-2`, ...
    TenantCreate {
        /// The slug, or the beginning of them.
        slug: String,
        /// The name; the slug where none is given.
        name: Option<String>,
        /// Address of the owner, who has an account.
        owner: String,
        /// How many, if not one.
        count: Option<usize>,
    },
    /// Lists tenants.
    TenantList {
        /// Only those in this state.
        status: Option<String>,
    },
    /// Makes a tenant read-only.
    TenantSuspend {
        /// Which.
        slug: String,
    },
    /// Takes that back.
    TenantResume {
        /// Which.
        slug: String,
    },
    /// Closes a tenant: it is erased when the grace period ends.
    TenantClose {
        /// Which.
        slug: String,
        /// Whether its customer at Stripe is deleted with it.
        #[serde(default)]
        stripe_customer: bool,
    },
    /// Closes a tenant, and with `now` erases it at once.
    TenantErase {
        /// Which.
        slug: String,
        /// The slug again.
        confirm: String,
        /// Whether not to wait for the grace period.
        now: bool,
        /// Whether its customer at Stripe is deleted with it.
        #[serde(default)]
        stripe_customer: bool,
    },
    /// Moves a tenant to another volume.
    TenantMove {
        /// Which.
        slug: String,
        /// The volume.
        to: String,
    },
    /// Gives up moving a tenant.
    TenantMoveGiveUp {
        /// Which.
        slug: String,
    },
    /// Makes a clone of a tenant for staging.
    TenantClone {
        /// Which.
        slug: String,
        /// Slug of the clone.
        clone: String,
        /// Its name.
        name: Option<String>,
        /// Address of its owner, who has an account.
        owner: String,
        /// For how many milliseconds it is there.
        expires_in: i64,
    },
    /// Says when a clone expires, or that it is kept.
    TenantKeep {
        /// Which.
        slug: String,
        /// In how many milliseconds it expires; it is kept where nothing is said.
        expires_in: Option<i64>,
    },
    /// Makes a tenant of an export.
    TenantImport {
        /// The zip file, by its whole path.
        file: PathBuf,
        /// Address of the owner, who has an account.
        owner: String,
        /// The name; the exported one where none is given.
        name: Option<String>,
        /// The slug; made of the name where none is given.
        slug: Option<String>,
        /// Whether it is only looked at.
        preview: bool,
        /// Whether those who were members are invited.
        invite_members: bool,
    },
    /// Exports a tenant and says where the file is.
    TenantExport {
        /// Which.
        slug: String,
    },
    /// Ends all sessions of an account, or everybody's.
    SessionsEnd {
        /// The account's address; everybody's where none is given.
        email: Option<String>,
    },
    /// Tells how the plans of a file differ from the published ones, or publishes them.
    PlanApply {
        /// The file.
        file: plans::PlansFileIn,
        /// The versions that were seen, to publish; nothing to tell only.
        publish: Option<plans::VersionsSeen>,
    },
    /// Bills service periods that are over.
    PlanClosePeriod {
        /// Of which tenant; of all where none is given.
        tenant: Option<String>,
        /// Those that ended then or before; now where nothing is said.
        at: Option<Timestamp>,
        /// Whether drafts turn final at once.
        is_final: bool,
    },
    /// Declares the numbers of invoices lost that are in a tenant's file alone, which cannot be read.
    PlanDeclareLost {
        /// Whose.
        tenant: String,
    },
    /// Plans, runs or looks at migrations of the whole fleet.
    Migrate(MigrateCommand),
    /// Makes or lists backups.
    Backup(BackupCommand),
    /// Lists the keys of access tokens.
    KeysList,
    /// Makes another key for access tokens.
    KeysRotate {
        /// Whether the old ones are refused at once.
        emergency: bool,
    },
    /// Makes the usage sums of a tenant, or of all, anew from the events.
    UsageRebuild {
        /// Which tenant's.
        tenant: Option<String>,
    },
    /// Checks the usage events and sums of a tenant, or of all.
    VerifyUsage {
        /// Which tenant's.
        tenant: Option<String>,
    },
    /// Recomputes the invoices of a tenant, or of all.
    VerifyBilling {
        /// Which tenant's.
        tenant: Option<String>,
    },
    /// Runs one SQL statement over tenants.
    Query(Box<QueryIn>),
    /// Tells what the server does now.
    Top {
        /// How many tenants at most.
        limit: usize,
    },
    /// Tells what is wrong with the installation.
    Doctor,
    /// Checks all audit chains, or that of one tenant.
    VerifyAudit {
        /// Which tenant's.
        tenant: Option<String>,
    },
}
