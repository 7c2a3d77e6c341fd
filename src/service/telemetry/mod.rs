//! What is counted of tenants: taken every second, stored by minutes, shown to operators and to Prometheus.

mod export;
mod fleet;
mod kept;
mod metrics;
mod months;
mod reading;
mod roll_up;
mod totals;

pub(super) use export::export_rest;
pub use export::{Told, export, told};
pub use fleet::{Fleet, FleetIn, FleetTenant, Position, list_fleet};
pub(super) use fleet::{is_called, searched};
pub use kept::{Kept, Standing, keep};
pub use metrics::{check_metrics_token, metrics};
pub use reading::{Series, SeriesIn, live_out, overview, series, slow_queries, top};
pub use roll_up::Live;
pub use totals::{CurrencyTotals, Totals, totals};

use super::Installation;
use crate::clock::{SharedClock, Timestamp};
use crate::config::Config;
use crate::db::ReaderThreads;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::receipt::StoreErased;
use crate::telemetry::{Figure, Minutes, Shown, Store, minute};
use export::Export;
use kept::KeptFigures;
use roll_up::RollUps;
use std::path::Path;
use std::sync::Arc;

/// What was counted, in memory and in telemetry.db.
pub(super) struct Telemetry {
    store: Store,
    minutes: Minutes,
    shown: Shown,
    roll_ups: RollUps,
    kept: KeptFigures,
    export: Option<Export>,
    /// One at a time stores minutes, or erases.
    storing: tokio::sync::Mutex<()>,
}

impl Telemetry {
    /// Opens telemetry.db. Blocks.
    ///
    /// # Errors
    /// The disk refuses, or a collector is reached by https and this machine knows no authorities.
    pub(super) fn open(
        directory: &Path,
        config: &Config,
        threads: ReaderThreads,
        clock: SharedClock,
    ) -> Result<Telemetry> {
        let now = clock.now();
        Ok(Telemetry {
            export: Export::new(config, Arc::clone(&clock))?,
            store: Store::open(directory, threads, clock)?,
            minutes: Minutes::new(now),
            shown: Shown::new(config.metrics_tenants),
            roll_ups: RollUps::default(),
            kept: KeptFigures::default(),
            storing: tokio::sync::Mutex::new(()),
        })
    }

    /// Ends the use of the file. Blocks.
    pub(super) fn close(&self) {
        self.store.close();
    }
}

/// Takes what was counted since the last time.
pub(super) fn take(installation: &Installation) {
    let (mut taken, nobody) = installation.tenancy.take_figures();
    taken.retain(|(tenant, _)| !installation.tenancy.is_fenced(*tenant));
    let (telemetry, now) = (&installation.telemetry, installation.clock.now());
    telemetry.shown.note(&taken, &nobody, now);
    let used = taken.iter().filter(|(_, totals)| totals.get(Figure::Requests) > 0);
    telemetry.kept.used(used.map(|(tenant, _)| *tenant), now);
    telemetry.minutes.note(&taken, now);
}

/// Takes what was counted; stores minutes that are over, and sums up the last ones for lists of the fleet. To be done every
/// second.
///
/// # Errors
/// As telemetry.db says; what was not stored is stored the next time.
pub async fn look(installation: &Installation) -> Result<()> {
    take(installation);
    let stored = store(installation).await;
    let now = installation.clock.now();
    let telemetry = &installation.telemetry;
    if telemetry.roll_ups.newest().is_none_or(|newest| minute(newest.as_of.0) != minute(now.0)) {
        telemetry.roll_ups.make(&telemetry.store, now).await?;
    }
    stored
}

async fn store(installation: &Installation) -> Result<()> {
    let telemetry = &installation.telemetry;
    let _storing = telemetry.storing.lock().await;
    while let Some((at, of)) = telemetry.minutes.first_waiting() {
        telemetry.store.add(at, of).await?;
        telemetry.minutes.stored();
    }
    Ok(())
}

/// Stores everything that was counted so far: the server ends.
///
/// # Errors
/// As telemetry.db says.
pub(super) async fn store_all(installation: &Installation) -> Result<()> {
    take(installation);
    installation.telemetry.minutes.end();
    store(installation).await
}

/// Removes what is older than it is kept.
///
/// # Errors
/// As telemetry.db says.
pub async fn sweep(installation: &Installation) -> Result<()> {
    let days = i64::from(installation.config.telemetry_days);
    let now = installation.clock.now();
    // What there is of an hour is removed at once; once an hour is enough.
    if installation.telemetry.roll_ups.is_sweep_due(now) {
        installation.telemetry.store.sweep(days).await?;
    }
    Ok(())
}

/// How the receipt of an erasure calls what is here.
const STORE: &str = "telemetry: figures by minute, hour and day";
const VERIFIED: &str = "counted to zero in the transaction that removed them; freed pages are overwritten and the \
                        write-ahead log was emptied";

/// How many rows there are of a tenant that is to be erased.
///
/// # Errors
/// As telemetry.db says.
pub(super) async fn count(installation: &Installation, tenant: TenantId) -> Result<StoreErased> {
    let removed = installation.telemetry.store.count(tenant).await?;
    Ok(StoreErased { store: STORE.to_owned(), removed, verified: VERIFIED.to_owned() })
}

/// Removes everything that was counted of a tenant, which is fenced already.
///
/// # Errors
/// As telemetry.db says.
pub(super) async fn erase(installation: &Installation, tenant: TenantId) -> Result<StoreErased> {
    let telemetry = &installation.telemetry;
    let _storing = telemetry.storing.lock().await;
    installation.tenancy.figures().forget(tenant);
    telemetry.minutes.forget(tenant);
    telemetry.shown.forget(tenant);
    installation.tenancy.slow_statements().forget(tenant);
    telemetry.roll_ups.forget(tenant);
    telemetry.kept.forget(tenant);
    let removed = telemetry.store.erase(tenant).await?;
    Ok(StoreErased { store: STORE.to_owned(), removed, verified: VERIFIED.to_owned() })
}

/// A tenant was made: lists and sums tell of it before anybody uses it.
pub(super) fn note_made(installation: &Installation, tenant: TenantId) {
    installation.telemetry.kept.made(tenant);
}

/// A moment some time ago.
fn ago(now: Timestamp, ms: i64) -> Timestamp {
    now.plus(-ms)
}
