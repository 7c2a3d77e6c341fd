//! What Tenantry counts itself: requests, bytes, seats.

use crate::catalog::OfTenant;
use crate::clock::DAY;
use crate::error::{Kind, Result};
use crate::id::TenantId;
use crate::model::meter::{API_REQUESTS, JOBS_RUN, STORAGE_BYTES};
use crate::model::notice::{WARN_FROM, Warning, percent};
use crate::model::plan::Window;
use crate::model::usage::OLDEST;
use crate::rating::{Period, window_of};
use crate::service::{Installation, telemetry};
use crate::tenancy::tx::usage::ScaledLimit;
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
    let uses = installation
        .catalog
        .write("store_requests", move |tx| {
            tx.store_counted(API_REQUESTS, &server, &stored)?;
            tenants
                .iter()
                .map(|tenant| Ok((*tenant, use_of_requests(&tx.of(*tenant))?)))
                .collect::<Result<Vec<_>>>()
        })
        .await?;
    counts.stored(&sums, installation.clock().now());
    for (tenant, found) in uses {
        counts.bound(tenant, found.as_ref().and_then(RequestUse::bound));
        if let Some(found) = found {
            warn_of_requests(installation, tenant, &found).await;
        }
    }
    Ok(())
}

/// How much of a limit of requests is used.
struct RequestUse {
    limit: ScaledLimit,
    used: i64,
    window: Period,
}

impl RequestUse {
    /// What is not exceeded.
    fn bound(&self) -> Option<RequestBound> {
        let resets_at = (self.limit.window != Window::None).then_some(self.window.to);
        let bound = |hard| RequestBound { hard, used: self.used, window: self.limit.window, resets_at };
        self.limit.hard.map(bound)
    }

    fn warning(&self) -> Option<Warning> {
        let (used, base) = (self.used, self.limit.base());
        let percent = percent(used, base);
        let warning = || Warning {
            meter: API_REQUESTS.to_owned(),
            used: used.to_string(),
            limit: base.to_string(),
            percent,
        };
        (percent >= WARN_FROM).then(warning)
    }
}

fn use_of_requests(of: &OfTenant<'_>) -> Result<Option<RequestUse>> {
    let Some(terms) = of.entitlements()? else { return Ok(None) };
    let Some(limit) = terms.terms.limits.get(API_REQUESTS) else { return Ok(None) };
    let limit = ScaledLimit::of(limit, 0);
    let window = window_of(&terms.timezone, limit.window, of.now().0)?;
    Ok(Some(RequestUse { limit, used: of.counted(API_REQUESTS, window)?, window }))
}

/// Tells with every answer to the tenant how much is used, and enters the notices that are due in its file: that is looked
/// at once for each, and stays shut at all other times. A file that cannot be written keeps no other tenant; it is tried
/// again the next time.
async fn warn_of_requests(installation: &Installation, tenant: TenantId, found: &RequestUse) {
    let tenancy = installation.tenancy();
    let warning = found.warning();
    let percent = warning.as_ref().map_or(0, |warning| warning.percent);
    tenancy.warn(tenant, API_REQUESTS, warning, found.window.to);
    let (base, starts_at) = (found.limit.base(), found.window.from);
    let Some(lease) = tenancy.requests().lease_to_notice(tenant, base, starts_at, percent) else { return };
    let noted = async {
        let scope = TenantScope::for_job(tenancy, &lease).await?;
        scope.note_use(API_REQUESTS, found.used).await
    };
    match noted.await {
        Ok(()) => tenancy.requests().noticed(tenant, base, starts_at, percent),
        Err(error) => {
            tracing::warn!(tenant_id = %tenant, error = ?error, "a notice of requests waits for a tenant's file");
        }
    }
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
        if let Err(error) = note_storage(installation, &lease).await
            // Gone since it was used: there is nothing to know.
            && error.kind() != Kind::NotFound
        {
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
    scope.note_use(STORAGE_BYTES, bytes).await?;
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
