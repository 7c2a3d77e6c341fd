//! The catalog's file: how it is made, which migrations it has, and what is in a copy of it.

use crate::clock::Timestamp;
use crate::db::{Maintenance, OpenError, Track, TrackFault};
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// `PRAGMA application_id` of a catalog: `TnCa`.
pub(super) const APPLICATION_ID: i32 = 0x546e_4361;

/// Looks into a copy of a catalog: which migrations it has, and rows by table. Blocks.
///
/// # Errors
/// What is wrong with it.
pub fn look_into_copy(path: &Path) -> Result<(usize, BTreeMap<String, u64>)> {
    let file = Maintenance::open(path).map_err(cannot_open)?;
    file.require_kind(APPLICATION_ID).map_err(cannot_open)?;
    Ok((file.count_applied(&track()).map_err(unknown_version)?, file.rows_by_table()?))
}

/// Makes a new catalog. It appears whole or not at all: a crash leaves a file of another name, which makes way.
pub(super) fn make(directory: &Path, now: Timestamp) -> Result<()> {
    let unfinished = directory.join("catalog.new");
    for name in ["catalog.new", "catalog.new-wal", "catalog.new-shm"] {
        match std::fs::remove_file(directory.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    let file = Maintenance::create(&unfinished, APPLICATION_ID).map_err(cannot_open)?;
    file.migrate(&track(), now).map_err(Error::internal)?;
    drop(file);
    std::fs::rename(&unfinished, directory.join("catalog.db"))?;
    Ok(std::fs::File::open(directory)?.sync_all()?)
}

pub(super) fn unknown_version(fault: TrackFault) -> Error {
    Error::unavailable(
        "catalog_unavailable",
        "The catalog was written by another version of this program. Start that version, or a newer one.",
        60,
    )
    .because(fault)
}

pub(super) fn track() -> Track {
    Track::system(&[
        ("catalog/0001_core.sql", include_str!("../../migrations/catalog/0001_core.sql")),
        ("catalog/0002_erasures_begun.sql", include_str!("../../migrations/catalog/0002_erasures_begun.sql")),
        (
            "catalog/0003_audit_checkpoints.sql",
            include_str!("../../migrations/catalog/0003_audit_checkpoints.sql"),
        ),
        ("catalog/0004_second_factors.sql", include_str!("../../migrations/catalog/0004_second_factors.sql")),
        ("catalog/0005_account_tokens.sql", include_str!("../../migrations/catalog/0005_account_tokens.sql")),
        ("catalog/0006_idempotency.sql", include_str!("../../migrations/catalog/0006_idempotency.sql")),
        ("catalog/0007_sign_ups.sql", include_str!("../../migrations/catalog/0007_sign_ups.sql")),
        ("catalog/0008_plans.sql", include_str!("../../migrations/catalog/0008_plans.sql")),
        ("catalog/0009_api_keys.sql", include_str!("../../migrations/catalog/0009_api_keys.sql")),
        (
            "catalog/0010_roles_and_services.sql",
            include_str!("../../migrations/catalog/0010_roles_and_services.sql"),
        ),
        ("catalog/0011_usage.sql", include_str!("../../migrations/catalog/0011_usage.sql")),
        ("catalog/0012_invoices.sql", include_str!("../../migrations/catalog/0012_invoices.sql")),
        ("catalog/0013_stripe.sql", include_str!("../../migrations/catalog/0013_stripe.sql")),
        ("catalog/0014_statements.sql", include_str!("../../migrations/catalog/0014_statements.sql")),
        ("catalog/0015_jobs.sql", include_str!("../../migrations/catalog/0015_jobs.sql")),
        ("catalog/0016_api_key_rates.sql", include_str!("../../migrations/catalog/0016_api_key_rates.sql")),
        ("catalog/0017_stripe_parking.sql", include_str!("../../migrations/catalog/0017_stripe_parking.sql")),
        ("catalog/0018_letters.sql", include_str!("../../migrations/catalog/0018_letters.sql")),
        ("catalog/0019_webhooks.sql", include_str!("../../migrations/catalog/0019_webhooks.sql")),
        ("catalog/0020_billing.sql", include_str!("../../migrations/catalog/0020_billing.sql")),
        ("catalog/0021_migrations.sql", include_str!("../../migrations/catalog/0021_migrations.sql")),
        (
            "catalog/0022_billing_details.sql",
            include_str!("../../migrations/catalog/0022_billing_details.sql"),
        ),
        ("catalog/0023_money.sql", include_str!("../../migrations/catalog/0023_money.sql")),
        ("catalog/0024_backups.sql", include_str!("../../migrations/catalog/0024_backups.sql")),
        ("catalog/0025_swaps.sql", include_str!("../../migrations/catalog/0025_swaps.sql")),
        ("catalog/0026_letters_told.sql", include_str!("../../migrations/catalog/0026_letters_told.sql")),
        ("catalog/0028_imports.sql", include_str!("../../migrations/catalog/0028_imports.sql")),
        ("catalog/0029_backup_rounds.sql", include_str!("../../migrations/catalog/0029_backup_rounds.sql")),
        (
            "catalog/0030_invitation_letters.sql",
            include_str!("../../migrations/catalog/0030_invitation_letters.sql"),
        ),
        ("catalog/0031_moves.sql", include_str!("../../migrations/catalog/0031_moves.sql")),
        ("catalog/0032_clones.sql", include_str!("../../migrations/catalog/0032_clones.sql")),
        (
            "catalog/0033_stripe_customer_erasures.sql",
            include_str!("../../migrations/catalog/0033_stripe_customer_erasures.sql"),
        ),
        ("catalog/0034_moves_given_up.sql", include_str!("../../migrations/catalog/0034_moves_given_up.sql")),
    ])
}

pub(super) fn cannot_open(error: OpenError) -> Error {
    Error::unavailable("catalog_unavailable", "The catalog cannot be opened. See the log.", 60).because(error)
}
