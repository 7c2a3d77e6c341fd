//! Limits: how much of each is used, what the usage of the open period costs, and the cap of that.

use crate::catalog::By;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::meter::{API_REQUESTS, JOBS_RUN, Meter, SEATS, STORAGE_BYTES};
use crate::model::money::{Amount, Currency};
use crate::model::notice::percent;
use crate::model::plan::Window;
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::rating::Period;
use crate::service::Installation;
use crate::service::members::require_now;
use crate::tenancy::TenantScope;
use crate::tenancy::tx::usage::{LimitUse, ScaledLimit};
use serde_json::{Value, json};
use std::sync::Arc;

/// The most that a cap may be, in minor units.
pub const MOST_CAP: i64 = 1_000_000_000_000;

/// How much of one limit is used.
#[derive(Clone, Debug)]
pub struct LimitLine {
    /// The meter.
    pub meter: Arc<Meter>,
    /// The limit.
    pub limit: ScaledLimit,
    /// What is used.
    pub used: i64,
    /// When the window ends.
    pub resets_at: Option<i64>,
}

impl LimitLine {
    /// How much of it is used, in percent, rounded down.
    pub fn percent(&self) -> i64 {
        percent(self.used, self.limit.base())
    }
}

/// All limits of a tenant.
#[derive(Clone, Debug)]
pub struct Limits {
    /// By meter.
    pub lines: Vec<LimitLine>,
    /// What all amounts are in.
    pub currency: Currency,
    /// What usage may cost in the open period, in minor units.
    pub spend_cap: Option<i64>,
    /// What it costs so far.
    pub spent: Amount,
    /// Meters with a price that Tenantry counts itself: the cap is held with what was counted up to a minute ago.
    pub late: Vec<String>,
    /// Of them those more of which is let in also where the cap is reached.
    pub unrefused: Vec<String>,
    /// Members with a seat, and how many there may be.
    pub seats: (i64, Option<i64>),
    /// What else the plan has.
    pub features: Value,
}

/// How much of each limit is used now.
///
/// # Errors
/// 403 without `limits:read`.
pub async fn find_limits(scope: &TenantScope) -> Result<Limits> {
    scope.require(Permission::LimitsRead)?;
    let seats = scope.catalog().read(|of| of.seats()).await?;
    let seats = (seats.used, seats.limit);
    let found = scope.read_with_terms(|tx, terms, meters| {
        let Some(terms) = terms else { return Ok(None) };
        let uses = tx.limit_uses(terms, meters)?;
        let now = tx.now().0;
        let mut counted = Vec::new();
        for (name, limit) in &terms.limits {
            if let Some(meter) = meters.get(name).filter(|meter| meter.is_built_in) {
                let window = terms.window(limit.window, now)?;
                counted.push((Arc::clone(meter), *limit, window, tx.jobs_enqueued(window)?));
            }
        }
        let spent = Amount(tx.spent(terms, meters)?);
        let features = terms.entitlements.terms.document().remove("features").unwrap_or_default();
        let late = terms.prices.keys().filter(|name| meters.get(name).is_some_and(|meter| meter.is_built_in));
        let late: Vec<String> = late.cloned().collect();
        Ok(Some((uses, counted, spent, late, terms.currency, terms.spend_cap, tx.stored_bytes()?, features)))
    });
    let Some((uses, counted, spent, late, currency, spend_cap, stored, features)) = found.await? else {
        return Ok(Limits {
            lines: Vec::new(),
            currency: Currency::USD,
            spend_cap: None,
            spent: Amount::ZERO,
            late: Vec::new(),
            unrefused: Vec::new(),
            seats,
            features: json!({}),
        });
    };
    let line = |found: LimitUse| LimitLine {
        meter: found.meter,
        limit: found.limit,
        used: found.used,
        resets_at: found.resets_at,
    };
    let mut lines: Vec<LimitLine> = uses.into_iter().map(line).collect();
    let counts = move |meter: Arc<Meter>, limit: ScaledLimit, window: Period, used: i64| {
        let resets_at = (limit.window != Window::None).then_some(window.to);
        LimitLine { meter, limit, used, resets_at }
    };
    let catalog = scope.catalog();
    let of_catalog = catalog.read(move |of| {
        let mut lines = Vec::new();
        for (meter, limit, window, enqueued) in counted.clone() {
            let used = match meter.name.as_str() {
                STORAGE_BYTES => stored,
                SEATS => seats.0,
                // Not attempts, as the meter, but what a limit can refuse.
                JOBS_RUN => enqueued,
                name => of.counted(name, window)?,
            };
            lines.push(counts(meter, limit, window, used));
        }
        Ok(lines)
    });
    lines.extend(of_catalog.await?);
    // What this server has counted since it was last stored counts too.
    for line in &mut lines {
        let unstored = match line.meter.name.as_str() {
            API_REQUESTS => scope.unstored_requests(),
            _ => continue,
        };
        line.used = line.used.saturating_add(unstored);
    }
    lines.sort_by(|one, other| one.meter.name.cmp(&other.meter.name));
    // Whoever was invited is not kept out because others used much meanwhile; what a seat costs counts as spent all the
    // same, so that the rest makes room for it. How many there may be is what the plan's `seats` is for.
    let unrefused = late.iter().filter(|name| *name == SEATS).cloned().collect();
    Ok(Limits { lines, currency, spend_cap, spent, late, unrefused, seats, features })
}

/// The same for an operator; that is in the tenant's audit log.
///
/// # Errors
/// 404; as its file says.
pub async fn find_limits_for_operator(installation: &Installation, selector: &str, by: By) -> Result<Limits> {
    let scope = TenantScope::for_operator(&installation.tenancy, by, selector, Act::Read, "limits").await?;
    find_limits(&scope).await
}

/// Sets what usage may cost in a period, or takes that back.
///
/// # Errors
/// 403 without `billing:manage`; 422 for an amount that no cap may be.
pub async fn set_spend_cap(scope: &TenantScope, cap: Option<i64>) -> Result<()> {
    scope.require(Permission::BillingManage)?;
    if cap.is_some_and(|cap| !(0..=MOST_CAP).contains(&cap)) {
        return Err(Error::invalid_field(
            "spend_cap_cents",
            "amount",
            format!("must be a whole number of minor units from 0 to {MOST_CAP}, or null for no cap"),
        ));
    }
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    scope
        .catalog()
        .write("set_spend_cap", move |of| {
            require_now(of, &roles, actor, Permission::BillingManage)?;
            of.admit(Act::Pay)?;
            let before = of.set_spend_cap(cap)?;
            if before != cap {
                let details = json!({ "from": before, "to": cap });
                of.audit(&by, "spend_cap.changed", "", &details)?;
            }
            Ok(())
        })
        .await?;
    // What is in the tenant's file is what is enforced. Otherwise the next use of the file tells it.
    if let Err(error) = scope.refresh_entitlements().await {
        tracing::warn!(tenant_id = %scope.tenant().id, error = ?error, "a tenant's file was not told of its spend cap yet");
    }
    Ok(())
}

/// A moment as limits tell it.
pub fn resets_at(line: &LimitLine) -> Option<Timestamp> {
    line.resets_at.map(Timestamp)
}
