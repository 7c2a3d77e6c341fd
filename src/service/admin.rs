//! What the command line does to an installation: one code path, whether a server runs beside it or not.

use super::backups::{self, BackupCommand};
use super::imports::ImportIn;
use super::invoices::{self, ClosePeriodsIn};
use super::lifecycle::{self, OperatorAct};
use super::migrations::{self, MigrateCommand};
use super::provisioning::{self, Maker, NewTenantIn};
use super::sessions::{self, Whose};
use super::{
    Installation, audit, doctor, erasure, exports, imports, operators, plans, signing_keys, telemetry,
    tenants, usage,
};
use crate::catalog::{By, ExportStatus, ImportStatus, Tenant};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::IdentityId;
use crate::model::Email;
use crate::model::tenant::{Act, TenantStatus};
use crate::tenancy::TenantScope;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::task::JoinSet;

/// Tenants that are made at the same time: their commits share an fsync.
const AT_ONCE: usize = 16;
/// Tenants of one read of the list.
const PAGE: u32 = 1_000;
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
    },
    /// Closes a tenant, and with `now` erases it at once.
    TenantErase {
        /// Which.
        slug: String,
        /// The slug again.
        confirm: String,
        /// Whether not to wait for the grace period.
        now: bool,
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
            match count {
                None => {
                    let tenant = create_one(installation, owner, slug, name).await?;
                    Ok(json!({ "created": 1, "tenant": describe(&tenant) }))
                }
                Some(count) => create_many(installation, owner, &slug, count, progress).await,
            }
        }
        Command::TenantList { status } => list(installation, status.as_deref()).await,
        Command::TenantSuspend { slug } => operate(installation, &slug, OperatorAct::Suspend).await,
        Command::TenantResume { slug } => operate(installation, &slug, OperatorAct::Resume).await,
        Command::TenantClose { slug } => operate(installation, &slug, OperatorAct::Close).await,
        Command::TenantErase { slug, confirm, now } => erase(installation, &slug, &confirm, now).await,
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

fn describe(tenant: &Tenant) -> Value {
    json!({
        "id": tenant.id, "slug": tenant.slug, "name": tenant.name, "status": tenant.status, "plan": tenant.plan,
        "created_at": tenant.created_at, "erase_after": tenant.erase_after,
    })
}

async fn find_owner(installation: &Installation, email: &str) -> Result<IdentityId> {
    let parsed = Email::parse(email).map_err(|fault| Error::invalid(vec![fault]))?;
    let found = installation.catalog.read(move |tx| tx.find_identity_by_email(&parsed)).await?;
    found.map(|found| found.id).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "unknown_owner",
            format!("There is no account with the address {email}. Sign it up first, or add it with `operator add`."),
        )
    })
}

async fn create_one(
    installation: &Arc<Installation>,
    owner: IdentityId,
    slug: String,
    name: Option<String>,
) -> Result<Tenant> {
    let input = NewTenantIn { name: name.unwrap_or_else(|| slug.clone()), slug: Some(slug) };
    let candidate = provisioning::prepare_tenant(installation, &input)?;
    provisioning::provision_tenant(installation, candidate, owner, Maker::Operator, By::console()).await
}

async fn create_many(
    installation: &Arc<Installation>,
    owner: IdentityId,
    slug: &str,
    count: usize,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let mut running = JoinSet::new();
    let mut created = 0;
    for number in 1..=count {
        if running.len() >= AT_ONCE {
            created += finish_one(&mut running).await?;
        }
        let installation = Arc::clone(installation);
        let slug = format!("{slug}-{number}");
        running.spawn(async move { create_one(&installation, owner, slug, None).await });
        if number % 1_000 == 0 {
            progress(format!("{number} of {count} tenants"));
        }
    }
    while !running.is_empty() {
        created += finish_one(&mut running).await?;
    }
    Ok(json!({ "created": created }))
}

async fn finish_one(running: &mut JoinSet<Result<Tenant>>) -> Result<usize> {
    match running.join_next().await {
        None => Ok(0),
        Some(joined) => joined.unwrap_or_else(|error| Err(Error::internal(error))).map(|_| 1),
    }
}

async fn list(installation: &Installation, status: Option<&str>) -> Result<Value> {
    let status: Option<TenantStatus> = status.map(tenants::parse_status).transpose()?;
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = tenants::list_tenants(installation, after, status, PAGE).await?;
        after = page.last().map(|last| last.id);
        all.extend(page.iter().map(describe));
        if page.len() < PAGE as usize {
            return Ok(json!({ "items": all }));
        }
    }
}

async fn operate(installation: &Installation, slug: &str, act: OperatorAct) -> Result<Value> {
    Ok(describe(&lifecycle::operate_tenant(installation, slug, act, By::console()).await?))
}

async fn erase(installation: &Installation, slug: &str, confirm: &str, now: bool) -> Result<Value> {
    let tenant = installation.catalog.tenant(slug).await?;
    if confirm != tenant.slug {
        return Err(Error::invalid_field(
            "--confirm",
            "mismatch",
            "must be the slug of the tenant, to be sure",
        ));
    }
    let closing = matches!(tenant.status, TenantStatus::Closing | TenantStatus::Erasing);
    if !closing {
        lifecycle::operate_tenant(installation, slug, OperatorAct::Close, By::console()).await?;
    }
    if now {
        let receipt = erasure::erase_now(installation, slug, confirm, By::console()).await?;
        return Ok(json!({ "erased": true, "receipt": receipt }));
    }
    let id = tenant.id;
    let tenant = installation.catalog.read(move |tx| tx.of(id).tenant()).await?;
    Ok(json!({ "erased": false, "tenant": describe(&tenant) }))
}

async fn import(
    installation: &Arc<Installation>,
    file: &Path,
    owner: IdentityId,
    input: &ImportIn,
    progress: &(dyn Fn(String) + Send + Sync),
) -> Result<Value> {
    let id = imports::import_file(installation, file, owner, input).await?.id;
    let mut told = 0;
    loop {
        // As with exports: whoever is quicker.
        let ran = imports::run_next_import(installation).await?;
        let import = installation.catalog.read(move |tx| tx.find_import(owner, id)).await?;
        let preview = || import.preview.as_deref().map(serde_json::from_str::<Value>).transpose();
        match import.status {
            ImportStatus::Ready => {
                let tenant = import.tenant.ok_or_else(Error::not_found)?;
                let tenant = installation.catalog.read(move |tx| tx.of(tenant).tenant()).await?;
                return Ok(json!({ "tenant": describe(&tenant), "preview": preview()? }));
            }
            ImportStatus::Previewed => {
                let preview = preview()?;
                // Nobody at the console decides about it later.
                imports::forget_preview(installation, owner, id).await?;
                return Ok(json!({ "preview": preview }));
            }
            ImportStatus::Failed | ImportStatus::Expired => {
                let error = import.error.unwrap_or_else(|| "The import failed. See the log.".to_owned());
                return Err(Error::new(Kind::Invalid, "import_refused", error));
            }
            ImportStatus::Uploading | ImportStatus::Queued | ImportStatus::Running => {
                if import.progress > told {
                    told = import.progress;
                    progress(format!("{told} %"));
                }
                if !ran {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn export(installation: &Arc<Installation>, slug: &str) -> Result<Value> {
    let scope =
        TenantScope::for_operator(&installation.tenancy, By::console(), slug, Act::Leave, "export").await?;
    let id = exports::request_export(installation, &scope).await?.id;
    loop {
        // The server's own runner may be quicker; then this has nothing to do but to look again.
        let ran = exports::run_next_export(installation).await?;
        let export = exports::find_export(&scope, id).await?;
        match export.status {
            ExportStatus::Ready => {
                let path = exports::open_download(installation, &scope, id).await?;
                return Ok(json!({ "export": export, "path": path }));
            }
            ExportStatus::Failed | ExportStatus::Expired => {
                return Err(Error::new(
                    Kind::Internal,
                    "export_failed",
                    export.error.unwrap_or_else(|| "The export failed. See the log.".to_owned()),
                ));
            }
            ExportStatus::Queued | ExportStatus::Running if !ran => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            ExportStatus::Queued | ExportStatus::Running => {}
        }
    }
}
