//! What the command line does to an installation: one code path, whether a server runs beside it or not.

mod of_tenants;

use super::backups::{self, BackupCommand};
use super::clones::{self, CloneIn};
use super::fleet_query::{self, QueryIn};
use super::imports::ImportIn;
use super::invoices::{self, ClosePeriodsIn};
use super::lifecycle::OperatorAct;
use super::migrations::{self, MigrateCommand};
use super::sessions::{self, Whose};
use super::tenants::find_owner;
use super::{Installation, audit, doctor, moves, operators, plans, signing_keys, telemetry, usage};
use crate::catalog::By;
use crate::clock::Timestamp;
use crate::error::Result;
use of_tenants::{create, describe, erase, export, import, list, operate};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// Tenants that `top` is told of at most.
const MOST_OF_TOP: usize = 1_000;

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

/// Carries a command out. `progress` gets lines for whoever waits.
///
/// # Errors
/// As the act says.
pub async fn run(
    installation: &Arc<Installation>,
    command: Command,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    match command {
        Command::OperatorAdd { email, name, password } => {
            let by = By::console();
            let identity =
                operators::add_operator(installation, &email, &name, password.as_deref(), by, false).await?;
            Ok(json!({ "id": identity.id, "email": identity.email, "operator": true }))
        }
        Command::TenantCreate { slug, name, owner, count } => {
            let owner = find_owner(installation, &owner).await?;
            create(installation, owner, slug, name, count, progress).await
        }
        Command::TenantList { status } => list(installation, status.as_deref()).await,
        Command::TenantSuspend { slug } => operate(installation, &slug, OperatorAct::Suspend).await,
        Command::TenantResume { slug } => operate(installation, &slug, OperatorAct::Resume).await,
        Command::TenantClose { slug, stripe_customer } => {
            operate(installation, &slug, OperatorAct::Close { stripe_customer }).await
        }
        Command::TenantErase { slug, confirm, now, stripe_customer } => {
            erase(installation, &slug, &confirm, now, stripe_customer).await
        }
        Command::TenantMove { slug, to } => {
            let moved = moves::move_and_wait(installation, &slug, &to, By::console(), progress).await?;
            Ok(serde_json::to_value(moved)?)
        }
        Command::TenantClone { slug, clone, name, owner, expires_in } => {
            let owner = find_owner(installation, &owner).await?;
            let expires_at = Some(installation.clock.now().plus(expires_in));
            let input = CloneIn { slug: clone, name, owner, expires_at };
            let made = clones::clone_tenant(installation, &slug, input, By::console()).await?;
            Ok(json!({ "tenant": describe(&made) }))
        }
        Command::TenantKeep { slug, expires_in } => {
            let at = expires_in.map(|milliseconds| installation.clock.now().plus(milliseconds));
            Ok(describe(&clones::set_expiry(installation, &slug, at, By::console()).await?))
        }
        Command::TenantImport { file, owner, name, slug, preview, invite_members } => {
            let owner = find_owner(installation, &owner).await?;
            import(installation, &file, owner, &ImportIn { name, slug, preview, invite_members }, progress)
                .await
        }
        Command::TenantExport { slug } => export(installation, &slug).await,
        Command::SessionsEnd { email } => {
            let whose = email.map_or(Whose::Everybody, Whose::Account);
            let ended = sessions::end_sessions(installation, whose, By::console()).await?;
            Ok(json!({ "sessions_ended": ended }))
        }
        Command::PlanApply { file, publish } => {
            let applied = plans::apply_plans(installation, &file, publish, By::console()).await?;
            Ok(serde_json::to_value(applied)?)
        }
        Command::PlanClosePeriod { tenant, at, is_final } => {
            let input = ClosePeriodsIn { tenant, at, is_final };
            let closed = invoices::close_periods(installation, input, By::console()).await?;
            Ok(serde_json::to_value(closed)?)
        }
        Command::PlanDeclareLost { tenant } => {
            let numbers = invoices::declare_lost(installation, &tenant, By::console()).await?;
            Ok(json!({ "numbers": numbers }))
        }
        Command::Migrate(command) => migrations::run_command(installation, command, progress).await,
        Command::Backup(command) => backups::run_command(installation, command, progress).await,
        Command::KeysList => Ok(json!({ "keys": signing_keys::list_keys(installation) })),
        Command::KeysRotate { emergency } => {
            let keys = signing_keys::rotate_keys(installation, emergency, By::console()).await?;
            Ok(json!({ "keys": keys }))
        }
        Command::UsageRebuild { tenant } => {
            let rebuilt = usage::rebuild_usage(installation, tenant.as_deref(), progress).await?;
            Ok(json!({ "tenants": rebuilt }))
        }
        Command::VerifyUsage { tenant } => {
            let checked = usage::verify_usage(installation, tenant.as_deref()).await?;
            let sound = checked.iter().all(|checked| checked.fault.is_none());
            Ok(json!({ "ok": sound, "tenants": checked }))
        }
        Command::VerifyBilling { tenant } => {
            let checked = invoices::verify_billing(installation, tenant.as_deref()).await?;
            let sound = checked.iter().all(|checked| checked.fault.is_none());
            Ok(json!({ "ok": sound, "tenants": checked }))
        }
        Command::Query(input) => {
            let answer = fleet_query::run_query(installation, *input, By::console()).await?;
            Ok(serde_json::from_slice(&answer)?)
        }
        Command::Top { limit } => Ok(telemetry::top(installation, limit.min(MOST_OF_TOP)).await),
        // Whoever has a router tries the doors between tenants before.
        Command::Doctor => {
            let diagnosis = doctor::diagnose(installation, doctor::Findings::default()).await?;
            Ok(serde_json::to_value(diagnosis)?)
        }
        Command::VerifyAudit { tenant } => {
            let verdicts = audit::verify_audit(installation, tenant.as_deref()).await?;
            let sound = verdicts.iter().all(|verdict| verdict.fault.is_none());
            Ok(json!({ "ok": sound, "chains": verdicts }))
        }
    }
}
