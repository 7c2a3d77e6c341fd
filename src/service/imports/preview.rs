//! What is told of an import before it is one: what comes over, what does not, and what stands against it.

use super::work::Opened;
use crate::catalog::{Import, Importer};
use crate::error::Result;
use crate::model::Slug;
use crate::model::import::{ImportPreview, ImportSource, ImportedMember, ImportedUploads, LeftOut};
use crate::model::meter::STORAGE_BYTES;
use crate::service::{Installation, plans, provisioning};
use crate::tenancy::Filled;
use std::sync::Arc;

/// What stands against it beside its rows.
pub(super) async fn stands_against(
    installation: &Arc<Installation>,
    import: &Import,
    opened: &Opened,
    stored_bytes: i64,
) -> Result<Vec<String>> {
    let most = installation.config.file_max_bytes;
    let mut against: Vec<String> = opened.archive.uploads_beyond(most).take(20).map(|(name, size)| {
        format!("The upload {name} has {size} bytes, and one may have {most} here. Ask the operator to raise file_max_bytes.")
    }).collect();
    let (owner, importer) = (import.owner, import.importer);
    let owned_most = installation.config.tenants_per_identity;
    let slug = import.wish.slug.as_deref().and_then(|slug| Slug::parse(slug).ok());
    let plan = plans::default_plan(installation).to_owned();
    let (is_free, owned, most_stored) = installation
        .catalog
        .read(move |tx| {
            let is_free = slug.as_ref().map_or(Ok(true), |slug| tx.is_slug_free(slug))?;
            let plan = tx.find_plan(&plan)?;
            let limit = plan.as_ref().and_then(|plan| plan.plan.limits.get(STORAGE_BYTES));
            // As the tenant's own writes are bounded then.
            let most_stored = limit.and_then(|limit| limit.hard).and_then(|hard| hard.scaled(0));
            Ok((is_free, tx.count_tenants_owned(owner)?, most_stored))
        })
        .await?;
    if !is_free {
        against.push("The slug is or was in use. Choose another.".to_owned());
    }
    if importer == Importer::Person {
        if let Err(error) = provisioning::admit_one_more(owned, owned_most) {
            against.push(error.detail().to_owned());
        }
        let uploads = i64::try_from(opened.unpacked.uploads.1).unwrap_or(i64::MAX);
        let takes = stored_bytes.saturating_add(uploads);
        if let Some(most) = most_stored.filter(|most| takes > *most) {
            against.push(format!(
                "It takes {takes} bytes, and the plan that a new tenant begins with has room for {most}. Ask the operator \
                 to import it, or leave something out."
            ));
        }
    }
    Ok(against)
}

/// All that is told of it.
pub(super) fn describe(
    opened: &Opened,
    members: Vec<ImportedMember>,
    filled: Filled,
    against: Vec<String>,
    missing: Vec<String>,
) -> ImportPreview {
    let manifest = &opened.archive.manifest;
    let cut = |text: &str| text.chars().take(200).collect::<String>();
    let mut left_out = filled.left_out;
    left_out.extend(missing.iter().take(100).map(|path| {
        LeftOut::new(format!("upload {path}"), "the export does not hold it as it was uploaded")
    }));
    if opened.members.others > 0 {
        left_out.push(LeftOut::new(
            "service identities",
            "programs get a new identity and new keys here; rows that were theirs keep the old id",
        ));
    }
    left_out.push(LeftOut::new(
        "usage events, invoices, audit log",
        "they were counted and billed where they come from, and stay in the export",
    ));
    left_out.push(LeftOut::new(
        "jobs, schedules, webhooks, API keys, roles of the tenant's own",
        "an export does not have them: nothing runs or is sent twice",
    ));
    let problems: Vec<String> = filled.problems.into_iter().chain(against).collect();
    ImportPreview {
        source: ImportSource {
            installation: cut(&manifest.installation),
            version: cut(&manifest.version),
            tenant_id: cut(&manifest.tenant.id),
            slug: cut(&manifest.tenant.slug),
            name: cut(&manifest.tenant.name),
            exported_at: cut(&manifest.exported_at),
        },
        schema: filled.schema,
        tables: filled.tables,
        members,
        members_total: opened.members.people.len() as u64,
        uploads: ImportedUploads { count: opened.unpacked.uploads.0, bytes: opened.unpacked.uploads.1 },
        left_out,
        can_be_applied: problems.is_empty(),
        problems,
    }
}
