//! Restoring in the place of a file that is gone or damaged.
//!
//! What was counted since the backup is gone with it, so an operator has to say that it is given up. Then all is of the backup, our
//! own tables too. No number is given twice: changes and usage events go on beyond all that can have been given since, so that older
//! cursors of changes answer 410 and nothing new is taken for billed. An event says why there are none in between. Invoices are
//! written into the file again from the catalog; those whose events are lost stay as they were issued, and `verify billing` says that they
//! cannot be recomputed. Keys of requests that were kept since are lost: what is repeated now is done again.

use super::{Backup, Installation};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::tenancy::tx::backups::Marks;
use crate::tenancy::{Lost, Swapped, blocking};
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

/// Numbers of which nobody can tell what they were given to, if they were.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LostNumbers {
    /// Changes of records after this one ..
    pub changes_after: i64,
    /// .. and before this one.
    pub changes_before: i64,
    /// Usage events after this one ..
    pub events_after: i64,
    /// .. and before this one.
    pub events_before: i64,
}

impl LostNumbers {
    /// Those between a backup and the file that was made of it.
    pub(super) fn between(backup: &Marks, now: &Swapped) -> LostNumbers {
        LostNumbers {
            changes_after: backup.change_seq,
            changes_before: now.marks.change_seq,
            events_after: backup.event_seq,
            events_before: now.marks.event_seq,
        }
    }
}

/// Refuses to give a file up that can be read, and to replace one that cannot be read unless it is given up.
///
/// # Errors
/// 409 `file_missing`, `file_sound`; 404 while the tenant is being erased.
pub(super) async fn admit(
    installation: &Arc<Installation>,
    id: TenantId,
    has_version: bool,
    discard_live: bool,
) -> Result<()> {
    match (has_version, discard_live) {
        (true, false) | (false, true) => Ok(()),
        (false, false) => Err(Error::conflict(
            "file_missing",
            "The tenant's file is not there or cannot be read, and with it the usage that was counted since the backup would \
             be lost. Restore beside it, as a new tenant; or give up what was in it (discard_live, --discard-live).",
        )),
        // Its version can be read; the rest need not be sound.
        (true, true) if fault(installation, id).await?.is_some() => Ok(()),
        (true, true) => Err(Error::conflict(
            "file_sound",
            "The tenant's file can be read: nothing of it needs to be given up. Restore without discard_live (--discard-live).",
        )),
    }
}

/// Why a file could not be put in place: where the one that is there is damaged, that, and what to do; else `error`.
pub(super) async fn told(installation: &Arc<Installation>, id: TenantId, error: Error) -> Error {
    match fault(installation, id).await {
        Ok(Some(fault)) => Error::conflict(
            "file_damaged",
            format!(
                "The tenant's file is damaged, and what it has counted cannot be taken over: {fault}. Restore beside it, as a new \
                 tenant; or give up what was in it since the backup (discard_live, --discard-live)."
            ),
        )
        .because(error),
        _ => error,
    }
}

/// What is known of a file otherwise.
///
/// # Errors
/// As the catalog says.
pub(super) async fn known(installation: &Installation, id: TenantId, backup: &Backup) -> Result<Lost> {
    let (newest, watermark, entitlements) = installation
        .catalog
        .read(move |tx| {
            Ok((tx.of(id).newest_backup()?, tx.of(id).last_watermark()?, tx.of(id).entitlements()?))
        })
        .await?;
    // The newest that was taken knows of the most numbers; from then on time tells how many there can have been.
    let newest = newest.as_ref().unwrap_or(backup);
    let known = Marks {
        change_seq: newest.summary.change_seq.max(backup.summary.change_seq),
        event_seq: newest.summary.event_seq.max(backup.summary.event_seq).max(watermark),
    };
    let note = json!({ "restored_from": backup.summary.id, "taken_at": backup.summary.taken_at, "lost_after": backup.summary.event_seq });
    Ok(Lost { known, taken_at: backup.summary.taken_at, entitlements, note: note.to_string() })
}

async fn fault(installation: &Arc<Installation>, id: TenantId) -> Result<Option<String>> {
    let tenancy = Arc::clone(&installation.tenancy);
    blocking(move || tenancy.fault_of_file(id)).await
}
