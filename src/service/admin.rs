//! What the command line does to an installation: one code path, whether a server runs beside it or not.

mod command;
mod of_tenants;

pub use command::Command;

use super::clones::{self, CloneIn};
use super::imports::ImportIn;
use super::invoices::{self, ClosePeriodsIn};
use super::lifecycle::OperatorAct;
use super::sessions::{self, Whose};
use super::tenants::find_owner;
use super::{
    Installation, audit, backups, doctor, fleet_query, migrations, operators, plans, signing_keys, telemetry,
    usage,
};
use crate::catalog::By;
use crate::error::Result;
use of_tenants::{create, describe, erase, export, give_up_move, import, list, move_to, operate};
use serde_json::{Value, json};
use std::sync::Arc;

/// Tenants that `top` is told of at most.
const MOST_OF_TOP: usize = 1_000;

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
        Command::TenantMove { slug, to } => move_to(installation, &slug, &to, progress).await,
        Command::TenantMoveGiveUp { slug } => give_up_move(installation, &slug).await,
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
