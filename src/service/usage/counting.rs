//! What Tenantry counts itself: requests, bytes, seats.

use crate::clock::DAY;
use crate::error::Result;
use crate::model::meter::{API_REQUESTS, JOBS_RUN, STORAGE_BYTES};
use crate::model::plan::Window;
use crate::model::usage::OLDEST;
use crate::service::{Installation, telemetry};
use crate::tenancy::tx::usage::window_of;
use crate::tenancy::{Effort, Lease, RequestBound, TenantScope, day};

/// Stores the requests that were counted since the last time, for all tenants in one transaction, and looks how much of
/// their limits that is.
///
/// # Errors
/// As the catalog says; what was not stored is stored the next time.
pub async fn store_requests(installation: &Installation) -> Result<()> {
    let counts = installation.tenancy().requests();
    let sums = counts.unstored();
    if sums.is_empty() {
        return Ok(());
    }
    let (stored, server, tenants) = (sums.clone(), installation.run.clone(), counts.tenants());
    let bounds = installation
        .catalog
        .write("store_requests", move |tx| {
            tx.store_counted(API_REQUESTS, &server, &stored)?;
            let mut bounds = Vec::new();
            for tenant in &tenants {
                let of = tx.of(*tenant);
                let Some(terms) = of.entitlements()? else { continue };
                let Some(limit) = terms.terms.limits.get(API_REQUESTS) else {
                    bounds.push((*tenant, None));
                    continue;
                };
                let window = window_of(&terms.timezone, limit.window, tx.now().0)?;
                let bound = limit.hard.and_then(|hard| hard.scaled(0)).map(|hard| (hard, window));
                let bound = match bound {
                    None => None,
                    Some((hard, window)) => Some(RequestBound {
                        hard,
                        used: of.counted(API_REQUESTS, window)?,
                        window: limit.window,
                        resets_at: (limit.window != Window::None).then_some(window.to),
                    }),
                };
                bounds.push((*tenant, bound));
            }
            Ok(bounds)
        })
        .await?;
    counts.stored(&sums, installation.clock().now());
    for (tenant, bound) in bounds {
        counts.bound(tenant, bound);
    }
    Ok(())
}

/// Stores what serving tenants took since the last time, for all of them in one transaction.
///
/// # Errors
/// As the catalog says; what was not stored is stored the next time.
pub async fn store_efforts(installation: &Installation) -> Result<()> {
    telemetry::take(installation);
    let efforts = installation.tenancy().efforts();
    for effort in Effort::ALL {
        let sums = efforts.unstored(effort);
        if sums.is_empty() {
            continue;
        }
        let (stored, server) = (sums.clone(), installation.run.clone());
        let write = installation
            .catalog
            .write("store_efforts", move |tx| tx.store_counted(effort.name(), &server, &stored));
        write.await?;
        efforts.stored(effort, &sums, installation.clock().now());
    }
    Ok(())
}

/// Stores the attempts at jobs that were counted since the last time, for all tenants in one transaction.
///
/// # Errors
/// As the catalog says; what was not stored is stored the next time.
pub async fn store_job_runs(installation: &Installation) -> Result<()> {
    let counts = installation.tenancy().job_runs();
    let sums = counts.unstored();
    if sums.is_empty() {
        return Ok(());
    }
    let (stored, server) = (sums.clone(), installation.run.clone());
    let write =
        installation.catalog.write("store_job_runs", move |tx| tx.store_counted(JOBS_RUN, &server, &stored));
    write.await?;
    counts.stored(&sums, installation.clock().now());
    // Nobody looks at what of them is new.
    counts.take_touched();
    Ok(())
}

/// Notes how much room tenants take that were used lately, and what their events cost. One that cannot be looked at does not keep the others.
///
/// # Errors
/// None so far; the log tells of tenants that are tried again.
pub async fn watch_storage(installation: &Installation) -> Result<()> {
    for lease in installation.tenancy().take_touched() {
        if let Err(error) = note_storage(installation, &lease).await {
            tracing::warn!(tenant_id = %lease.tenant_id(), error = ?error, "how much a tenant takes is not known");
        }
    }
    Ok(())
}

async fn note_storage(installation: &Installation, lease: &Lease) -> Result<()> {
    let scope = TenantScope::for_job(installation.tenancy(), lease).await?;
    let now = installation.clock().now().0;
    // Of what comes late nothing is older.
    let since = day(now - OLDEST - DAY);
    let bytes = scope.read(|tx| Ok(tx.stored_bytes()?)).await?;
    let catalog = scope.catalog();
    let levels = catalog.write("note_levels", move |of| {
        of.note_level(STORAGE_BYTES, bytes)?;
        of.note_seats()
    });
    levels.await?;
    let costs = scope.read(move |tx| tx.daily_costs(since)).await?;
    catalog.write("note_costs", move |of| of.store_daily_costs(since, &costs)).await?;
    note_spend(installation, &scope).await
}

/// Tells a tenant's file what was counted of meters with a price, where it has a spend cap: that is held with them from
/// then on, and no more requests are let in where it is reached and they have a price.
async fn note_spend(installation: &Installation, scope: &TenantScope) -> Result<()> {
    let priced = scope.read_with_terms(|_, terms, meters| {
        let Some(terms) = terms.filter(|terms| terms.spend_cap.is_some()) else { return Ok(None) };
        let built_in = meters.iter().filter(|meter| meter.is_built_in && terms.caps(&meter.name));
        Ok(Some((built_in.map(|meter| meter.name.clone()).collect::<Vec<_>>(), terms.period)))
    });
    let Some((names, period)) = priced.await?.filter(|(names, _)| !names.is_empty()) else { return Ok(()) };
    let caps_requests = names.iter().any(|name| name == API_REQUESTS);
    let catalog = scope.catalog();
    let counted = catalog.read(move |of| {
        names.iter().map(|name| Ok((name.clone(), of.counted(name, period)?))).collect::<Result<Vec<_>>>()
    });
    let reached = scope.note_counted(counted.await?).await?;
    installation.tenancy().requests().cap(scope.tenant().id, reached.filter(|_| caps_requests));
    Ok(())
}
