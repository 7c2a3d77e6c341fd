//! Two tenants that are made to try to read each other, and removed without a trace.

use crate::catalog::{CanaryIds, NewApiKey};
use crate::clock::HOUR;
use crate::error::{Error, Kind, Result};
use crate::id::{ApiKeyId, ExportId, IdentityId, TenantId};
use crate::model::api_key::Key;
use crate::model::hex::hex;
use crate::model::tenant::TenantStatus;
use crate::model::{Email, Name};
use crate::policy::PermissionSet;
use crate::service::provisioning::{self, NewTenantIn};
use crate::service::tokens::hash_of;
use crate::service::{Caller, Installation, backups, detached, identity, plans, telemetry};
use std::sync::Arc;

/// A tenant that was made to be tried.
#[derive(Clone)]
pub struct Canary {
    /// Its id.
    pub id: TenantId,
    /// Its slug.
    pub slug: String,
    /// Its owner.
    pub owner: IdentityId,
    /// What stands in its name and in that of its owner, and nowhere else.
    pub mark: String,
    /// An access token of its owner.
    pub token: String,
    /// A key with every permission.
    pub key: String,
    /// The id of that.
    pub key_id: ApiKeyId,
    /// An export that it says is ready.
    pub export: ExportId,
}

/// Makes two tenants, lets `act` do with them what it likes, and removes them, whatever came of it. One at a time; audit heads
/// are not signed and no backup begins meanwhile, so that nothing is left of them.
///
/// # Errors
/// 503 `backup_running` or `doctor_busy`; they cannot be made or removed; what `act` returns.
pub async fn with_canaries<T, F>(
    installation: &Arc<Installation>,
    act: impl FnOnce([Canary; 2]) -> F + Send + 'static,
) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let installation = Arc::clone(installation);
    // To its end, also when whoever asked goes away.
    detached(async move {
        let _turn = installation.doctor.turn.try_lock().map_err(|_| {
            Error::unavailable("doctor_busy", "Somebody is looking already. Try again shortly.", 5)
        })?;
        let _no_backups = backups::hold_off(&installation).ok_or_else(|| {
            let detail = "A round of backups is under way, which must not take in tenants that go again.";
            Error::unavailable("backup_running", detail, 60)
        })?;
        let _no_heads = installation.signing.lock().await;
        remove_noted(&installation).await?;
        let done = match make(&installation).await {
            // In a task of its own, so that a panic does not keep them from being removed.
            Ok(canaries) => tokio::spawn(act(canaries)).await.map_err(Error::internal),
            Err(error) => Err(error),
        };
        remove_noted(&installation).await?;
        done
    })
    .await
}

/// Removes what a crash left of such tenants.
///
/// # Errors
/// As catalog and disk say.
pub async fn sweep_canaries(installation: &Installation) -> Result<()> {
    remove_noted(installation).await
}

async fn make(installation: &Installation) -> Result<[Canary; 2]> {
    let mut made = Vec::with_capacity(2);
    for _ in 0..2 {
        made.push(Egg::new(installation)?);
    }
    let ids = CanaryIds {
        tenants: made.iter().map(|egg| egg.candidate.id.to_string()).collect(),
        identities: made.iter().map(|egg| egg.owner.to_string()).collect(),
    };
    let (eggs, plan) = (made.clone(), plans::default_plan(installation).to_owned());
    let version = installation.tenancy.migration_target().version.clone();
    let insert = installation.catalog.write("make_canaries", move |tx| {
        tx.note_canaries(&ids)?;
        eggs.iter().try_for_each(|egg| {
            // No text is the hash of this: nobody signs in.
            tx.insert_identity(egg.owner, &egg.email, &egg.name, "!")?;
            provisioning::insert_tenant(tx, &egg.candidate, egg.owner, &plan, &version)
        })
    });
    insert.await?;
    let mut canaries = Vec::with_capacity(2);
    for egg in made {
        installation.tenancy.provision(egg.candidate.id, 1).await?;
        canaries.push(hatch(installation, egg).await?);
    }
    canaries.try_into().map_err(|_| Error::internal("two canaries are two"))
}

/// A canary to be.
#[derive(Clone)]
struct Egg {
    candidate: provisioning::TenantCandidate,
    slug: String,
    mark: String,
    owner: IdentityId,
    email: Email,
    name: Name,
}

impl Egg {
    fn new(installation: &Installation) -> Result<Egg> {
        let mark = hex(&crate::random::bytes::<12>());
        let fault = |fault| Error::invalid(vec![fault]);
        let slug = format!("canary-{mark}");
        let input = NewTenantIn { name: format!("Canary {mark}"), slug: Some(slug.clone()) };
        Ok(Egg {
            candidate: provisioning::prepare_tenant(installation, &input)?,
            owner: IdentityId::new(installation.clock.now()),
            email: Email::parse(&format!("canary-{mark}@example.invalid")).map_err(fault)?,
            name: Name::parse("name", &input.name).map_err(fault)?,
            slug,
            mark,
        })
    }
}

/// Lets its owner in.
async fn hatch(installation: &Installation, egg: Egg) -> Result<Canary> {
    let now = installation.clock.now();
    let (id, owner) = (egg.candidate.id, egg.owner);
    let (session, _) = identity::new_session(installation, owner, &Caller::default());
    let token = installation.tokens.access(session.id, owner, 1)?;
    let key_id = ApiKeyId::new(now);
    let key = Key::new(key_id, &crate::random::bytes());
    let (hash, name, export) = (hash_of(key.text()), egg.name.clone(), ExportId::new(now));
    let write = installation.catalog.write("hatch_canary", move |tx| {
        let of = tx.of(id);
        of.change_status(&[TenantStatus::Provisioning], TenantStatus::Active)?;
        tx.insert_session(&session)?;
        of.insert_api_key(&NewApiKey {
            id: key_id,
            holder: owner,
            created_by: owner,
            name: name.clone(),
            hash: hash.clone(),
            permissions: PermissionSet::all(),
            expires_at: Some(now.plus(HOUR)),
            rate: None,
        })?;
        // Never to be made: it is there before anybody can take it.
        of.insert_export(export, "")?;
        of.finish_export(export, 0, "", now.plus(HOUR))
    });
    write.await?;
    Ok(Canary { id, slug: egg.slug, owner, mark: egg.mark, token, key: key.into_text(), key_id, export })
}

/// Removes those that are noted: nobody is let in, the files go, then the rows.
async fn remove_noted(installation: &Installation) -> Result<()> {
    let Some(noted) = installation.catalog.read(|tx| tx.find_canaries()).await? else { return Ok(()) };
    let tenants: Vec<TenantId> = noted.tenants.iter().filter_map(|id| TenantId::parse(id)).collect();
    let identities: Vec<IdentityId> =
        noted.identities.iter().filter_map(|id| IdentityId::parse(id)).collect();
    let all = tenants.clone();
    let withdraw = installation
        .catalog
        .write("withdraw_canaries", move |tx| all.iter().try_for_each(|id| tx.of(*id).withdraw_canary()));
    withdraw.await?;
    for id in &tenants {
        installation.tenancy.erase_files(*id).await?;
        telemetry::erase(installation, *id).await?;
    }
    let delete = installation.catalog.write("delete_canaries", move |tx| {
        tenants.iter().try_for_each(|id| tx.of(*id).delete_canary())?;
        tx.delete_canaries(&identities)
    });
    delete.await?;
    let left = installation.catalog.read(|tx| tx.find_canaries()).await?;
    left.map_or(Ok(()), |_| Err(Error::new(Kind::Internal, "internal", "The canaries could not be removed.")))
}
