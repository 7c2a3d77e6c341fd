//! Clones of tenants for staging: a tenant with the data of another one as they are now, which nobody is billed for and which
//! goes by itself.
//!
//! It has the records and uploads, and the usage that was counted. It has nothing that would act for the other one: no
//! members, API keys, invitations, endpoints of webhooks, jobs, schedules, invoices or link to Stripe; new jobs wait until
//! somebody releases them. Who erases a tenant erases its clones.

use super::backups::is_of_another_epoch;
use super::provisioning::{self, NewTenantIn};
use super::{Installation, detached, lifecycle};
use crate::catalog::{By, CopyOf, Tenant};
use crate::clock::{DAY, Timestamp};
use crate::error::{Error, Result};
use crate::fault;
use crate::id::{BackupId, IdentityId, TenantId};
use crate::model::hex::hex;
use crate::model::tenant::TenantStatus;
use crate::tenancy::tx::backups::NamedContent;
use crate::tenancy::{BackupCopy, Beside, blocking};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;

/// How long a clone is there where nothing is said.
pub const KEPT: i64 = 7 * DAY;
/// For how long it may be asked for.
const LONGEST: i64 = 366 * DAY;

/// What is to be cloned, and how.
#[derive(Clone, Debug)]
pub struct CloneIn {
    /// Slug of the clone.
    pub slug: String,
    /// Its name; `Copy of ..` where none is given.
    pub name: Option<String>,
    /// Who owns it: its one member.
    pub owner: IdentityId,
    /// When it expires; in a week where nothing is said.
    pub expires_at: Option<Timestamp>,
}

/// Makes a clone. Goes on to its end even if nobody waits for it.
///
/// # Errors
/// 404; 409 `wrong_status` of a tenant that is not in use, `is_clone`, `slug_taken`, `unknown_version`; 422 with every field; 503
/// `no_room_for_backups`.
pub async fn clone_tenant(
    installation: &Arc<Installation>,
    selector: &str,
    input: CloneIn,
    by: By,
) -> Result<Tenant> {
    let tenant = installation.catalog.tenant(selector).await?;
    if !tenant.status.is_visible() {
        return Err(Error::not_found());
    }
    if tenant.status == TenantStatus::Closing {
        return Err(Error::conflict("wrong_status", "The tenant is closing; this needs one that is in use."));
    }
    if tenant.is_clone {
        return Err(Error::conflict(
            "is_clone",
            "That is a clone itself. Clone the tenant that it was made of.",
        ));
    }
    let now = installation.clock.now();
    let expires_at = admit_expiry(input.expires_at.unwrap_or_else(|| now.plus(KEPT)), now)?;
    let name = input.name.clone().unwrap_or_else(|| cut(&format!("Copy of {}", tenant.name)));
    let new =
        provisioning::prepare_tenant(installation, &NewTenantIn { name, slug: Some(input.slug.clone()) })?;
    provisioning::refuse_taken_slug(installation, &new).await?;
    let of = CopyOf { tenant: tenant.id, is_clone: true, expires_at: Some(expires_at) };
    let (owner, installation) = (input.owner, Arc::clone(installation));
    detached(async move {
        let why = format!("a clone of {}", tenant.slug);
        let place = |new: TenantId| {
            let (installation, tenant) = (&installation, &tenant);
            async move {
                let copy = copy_of(installation, tenant.id).await?;
                let entitlements = installation.catalog.read(move |tx| tx.of(new).entitlements()).await?;
                let (tenancy, path) = (Arc::clone(&installation.tenancy), copy.path());
                let version = blocking(move || {
                    tenancy.provision_from(&path, new, entitlements.as_ref(), &why, Beside::Clone)
                });
                let version = version.await?;
                copy_uploads(installation, (tenant.id, new), &copy.facts.contents).await?;
                Ok(version)
            }
        };
        let made = provisioning::provision_beside(
            &installation,
            new,
            vec![owner],
            tenant.plan.clone(),
            of,
            by.clone(),
            place,
        )
        .await?;
        let (id, clone) = (tenant.id, made.id);
        let audit = installation.catalog.write("note_cloned", move |tx| {
            let details = json!({ "of": id, "as": clone, "owner": owner, "expires_at": expires_at });
            tx.of(clone).audit(&by, "tenant.cloned", &format!("tenant:{id}"), &details)?;
            tx.of(id).audit(&by, "tenant.cloned", &format!("tenant:{clone}"), &details)?;
            tx.audit(&by, "tenant.cloned", &format!("tenant:{clone}"), &details)
        });
        audit.await?;
        Ok(made)
    })
    .await
}

fn cut(name: &str) -> String {
    name.chars().take(100).collect()
}

fn admit_expiry(at: Timestamp, now: Timestamp) -> Result<Timestamp> {
    if at <= now || at > now.plus(LONGEST) {
        return Err(Error::invalid_field("expires_at", "range", "must be later than now, by a year at most"));
    }
    Ok(at)
}

/// A copy of the tenant's file as it is now: with the epoch that it has now, also where it is moved at this moment.
async fn copy_of(installation: &Arc<Installation>, tenant: TenantId) -> Result<BackupCopy> {
    let id = BackupId::new(installation.clock.now());
    loop {
        let known = installation.catalog.tenant(&tenant.to_string()).await?;
        let (tenancy, of) = (Arc::clone(&installation.tenancy), Arc::clone(&known));
        let copied = blocking(move || {
            fault::hold("clone", of.id);
            tenancy.copy_for_backup(&of, id)
        });
        let copied = copied.await;
        if copied.is_ok() || !is_of_another_epoch(installation, &known).await? {
            return copied;
        }
    }
}

/// Copies the uploads that the file names, each as it is on the disk; those that are gone there are gone here.
async fn copy_uploads(
    installation: &Arc<Installation>,
    (of, to): (TenantId, TenantId),
    named: &[NamedContent],
) -> Result<()> {
    for content in named {
        let (tenancy, content) = (Arc::clone(&installation.tenancy), content.clone());
        blocking(move || {
            let id = content.id;
            let Some(open) = tenancy.content_for_backup(of, id)? else { return Ok(()) };
            let path = tenancy.layout().tmp().join(format!("restore-{to}-upload-{id}"));
            let mut out = Digested { file: File::create(&path)?, digest: Sha256::new() };
            let copied = open.copy_to(&mut out).and_then(|()| {
                out.file.sync_all()?;
                if hex(&out.digest.finalize()) == content.sha256 {
                    tenancy.take_over_content(to, id, &path)
                } else {
                    tracing::warn!(tenant_id = %of, upload = %id, "an upload is not as it was, and is not cloned");
                    Ok(())
                }
            });
            if path.exists() {
                std::fs::remove_file(&path)?;
            }
            copied
        })
        .await?;
    }
    Ok(())
}

/// Counts the digest of what goes through.
struct Digested {
    file: File,
    digest: Sha256,
}

impl Write for Digested {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.digest.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Says when a clone expires, or that it is kept.
///
/// # Errors
/// 404; 409 `no_clone`, `wrong_status`; 410 `tenant_erased`, when its clones go as well; 422 for a time that has passed or is far away.
pub async fn set_expiry(
    installation: &Installation,
    selector: &str,
    at: Option<Timestamp>,
    by: By,
) -> Result<Tenant> {
    let tenant = installation.catalog.tenant(selector).await?;
    let id = tenant.id;
    if !tenant.status.is_visible() {
        return Err(Error::not_found());
    }
    if !tenant.is_clone {
        return Err(Error::conflict("no_clone", "That tenant is no clone: it does not expire."));
    }
    let at = at.map(|at| admit_expiry(at, installation.clock.now())).transpose()?;
    let write = installation.catalog.write("set_expiry", move |tx| {
        let of = tx.of(id);
        if of.tenant()?.status == TenantStatus::Closing {
            return Err(Error::conflict("wrong_status", "The clone is closing. An owner can reopen it."));
        }
        if let Some(tenant) = tenant.copy_of {
            CopyOf { tenant, is_clone: true, expires_at: at }.require_source(tx)?;
        }
        of.set_expiry(at)?;
        of.audit(&by, "tenant.expiry_set", "", &json!({ "expires_at": at }))?;
        of.tenant()
    });
    write.await
}

/// Clones of a tenant that are not erased, the newest first.
///
/// # Errors
/// 404.
pub async fn list_clones(installation: &Installation, selector: &str) -> Result<Vec<Tenant>> {
    let tenant = installation.catalog.tenant(selector).await?;
    if !tenant.status.is_visible() {
        return Err(Error::not_found());
    }
    let read = installation.catalog.read(move |tx| {
        let copies = tx.of(tenant.id).list_copies()?.into_iter().rev();
        copies.filter(|(_, is_clone, _)| *is_clone).map(|(id, ..)| tx.of(id).tenant()).collect()
    });
    read.await
}

/// Closes clones whose time is over: they are erased at once, as a tenant whose grace period is over.
///
/// # Errors
/// As the catalog says.
pub async fn close_expired(installation: &Installation) -> Result<()> {
    for id in installation.catalog.read(|tx| tx.list_expired_clones()).await? {
        let close = installation.catalog.write("close_clone", move |tx| {
            let of = tx.of(id);
            let is_over = of.tenant()?.expires_at.is_some_and(|at| at <= tx.now());
            if is_over { lifecycle::close(&of, &By::system(), 0).map(drop) } else { Ok(()) }
        });
        if let Err(error) = close.await {
            tracing::error!(tenant_id = %id, error = ?error, "a clone whose time is over could not be closed and will be tried again");
        }
    }
    Ok(())
}
