//! What operators see of it.

use super::fleet::nearest_limit;
use super::kept::GROWS_FROM;
use super::roll_up::{Live, WINDOW};
use super::{ago, take};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::money::Amount;
use crate::service::Installation;
use crate::telemetry::{Bucket, Figure, MOST_POINTS, Process, Totals, Window};
use serde_json::{Value, json};
use std::cmp::Ordering;

/// Which points of a tenant are asked for.
#[derive(Clone, Debug)]
pub struct SeriesIn {
    /// From the point in which this moment lies.
    pub from: Option<Timestamp>,
    /// To this moment, which no longer belongs to it; else until now.
    pub to: Option<Timestamp>,
    /// `minute`, `hour` or `day`.
    pub window: Option<String>,
}

/// Points of a tenant, those alone of which there is something.
#[derive(Clone, Debug)]
pub struct Series {
    /// The tenant.
    pub tenant: TenantId,
    /// What each point is about.
    pub window: Window,
    /// When the first could begin.
    pub from: Timestamp,
    /// Before when the last begins.
    pub to: Timestamp,
    /// The points, the oldest first.
    pub points: Vec<Bucket>,
}

/// A series of one tenant: without a beginning the last hour by minutes, two days by hours or thirty days by days.
///
/// # Errors
/// 404 if there is no such tenant; 400 `bad_window`, `bad_range` or `too_many_points`.
pub async fn series(installation: &Installation, selector: &str, input: SeriesIn) -> Result<Series> {
    let tenant = installation.catalog.tenant(selector).await?.id;
    let window = match input.window.as_deref() {
        None => Window::Minute,
        Some(name) => Window::parse(name)
            .ok_or_else(|| Error::malformed("bad_window", "window must be minute, hour or day."))?,
    };
    let to = input.to.unwrap_or_else(|| installation.clock.now().plus(1));
    let before = match window {
        Window::Minute => HOUR,
        Window::Hour => 2 * DAY,
        Window::Day => 30 * DAY,
    };
    let from = window.begin(input.from.unwrap_or_else(|| ago(to, before)));
    if from >= to {
        return Err(Error::malformed("bad_range", "from must be before to."));
    }
    if to.since(from) / window.span() > MOST_POINTS {
        let detail = format!(
            "A series has at most {MOST_POINTS} points: ask for a shorter time, or for a longer window (hour, day)."
        );
        return Err(Error::malformed("too_many_points", detail));
    }
    let points = installation.telemetry.store.series(tenant, window, from, to).await?;
    Ok(Series { tenant, window, from, to, points })
}

/// How many tenants each part of the overview names at most.
const NAMED: usize = 10;
/// With fewer requests nobody is called slow.
const ENOUGH: u64 = 10;

/// Who is slow, failing, refused or busy, by what all did in the last quarter of an hour; who costs more than it brings in this
/// month, and who grows.
///
/// # Errors
/// As the catalog says.
pub async fn overview(installation: &Installation) -> Result<Value> {
    let Some(roll_up) = installation.telemetry.roll_ups.newest() else {
        return Err(Error::unavailable(
            "starting",
            "The server has just been started. Try again shortly.",
            1,
        ));
    };
    let all: Vec<(TenantId, Live)> = roll_up.tenants.iter().map(|(id, live)| (*id, *live)).collect();
    let first = |is_one: fn(&Live) -> bool, by: fn(&Live) -> f64| {
        let mut some: Vec<(TenantId, Live)> = all.iter().copied().filter(|(_, live)| is_one(live)).collect();
        some.sort_by(|(a, one), (b, other)| by(other).total_cmp(&by(one)).then(a.cmp(b)));
        some.truncate(NAMED);
        some
    };
    let slow = first(|live| live.requests >= ENOUGH, |live| count(live.p95_us.unwrap_or(0)));
    let failing = first(
        |live| live.errors > 0 || live.jobs_failed > 0,
        |live| live.error_rate.unwrap_or(0.0) + count(live.jobs_failed) / 1e12,
    );
    let refused = first(|live| live.refused > 0, |live| count(live.refused));
    let busy = first(|live| live.database_us > 0 || live.requests > 0, |live| count(live.database_us));
    let near =
        nearest(all.iter().filter_map(|(id, live)| Some((nearest_limit(installation, *id)?, *id, *live))));
    let kept = installation.telemetry.kept.all();
    let live = |id: &TenantId| roll_up.tenants.get(id).copied().unwrap_or_default();
    // The largest loss first.
    let losing = kept
        .iter()
        .filter_map(|(id, kept)| Some((-kept.margin.filter(|margin| *margin < 0)?, *id, live(id))));
    let growing = kept.iter().filter_map(|(id, kept)| {
        Some((kept.growth_percent.filter(|percent| *percent >= GROWS_FROM)?, *id, live(id)))
    });
    let (unprofitable, growing) = (nearest(losing), nearest(growing));
    let sum = |of: fn(&Live) -> u64| all.iter().map(|(_, live)| of(live)).sum::<u64>();
    Ok(json!({
        "as_of": roll_up.as_of,
        "window_seconds": WINDOW / 1_000,
        "tenants": all.len(),
        "requests": sum(|live| live.requests),
        "errors": sum(|live| live.errors),
        "refused": sum(|live| live.refused),
        "slow": named(installation, &slow).await,
        "failing": named(installation, &failing).await,
        "refused_most": named(installation, &refused).await,
        "busy": named(installation, &busy).await,
        "near_limits": named(installation, &near).await,
        "unprofitable": named(installation, &unprofitable).await,
        "growing": named(installation, &growing).await,
    }))
}

/// Those first of which there is most.
fn nearest(all: impl Iterator<Item = (i64, TenantId, Live)>) -> Vec<(TenantId, Live)> {
    let mut all: Vec<(i64, TenantId, Live)> = all.collect();
    all.sort_by_key(|(percent, id, _)| (std::cmp::Reverse(*percent), *id));
    all.into_iter().map(|(_, id, live)| (id, live)).take(NAMED).collect()
}

async fn named(installation: &Installation, all: &[(TenantId, Live)]) -> Vec<Value> {
    let mut out = Vec::with_capacity(all.len());
    for (id, live) in all {
        // Erased since.
        let Ok(tenant) = installation.catalog.tenant(&id.to_string()).await else { continue };
        let mut line = json!({ "tenant": { "id": id, "slug": tenant.slug, "name": tenant.name } });
        if let (Some(line), Value::Object(figures)) = (line.as_object_mut(), live_out(live)) {
            line.extend(figures);
            let kept = installation.telemetry.kept.standing(*id).kept;
            let margin = kept.and_then(|kept| kept.margin).map(|margin| Amount(margin).to_string());
            line.insert("margin_cents".to_owned(), json!(margin));
            line.insert("currency".to_owned(), json!(kept.map(|kept| kept.currency.code())));
            line.insert("growth_percent".to_owned(), json!(kept.and_then(|kept| kept.growth_percent)));
            line.insert("limits_percent".to_owned(), json!(nearest_limit(installation, *id)));
        }
        out.push(line);
    }
    out
}

/// The figures of a tenant in the last quarter of an hour, as they are told.
pub fn live_out(live: &Live) -> Value {
    let ms = |us: Option<u64>| us.map(|us| count(us) / 1e3);
    json!({
        "requests": live.requests,
        "errors": live.errors,
        "refused": live.refused,
        "error_rate": live.error_rate,
        "p50_ms": ms(live.p50_us),
        "p95_ms": ms(live.p95_us),
        "p99_ms": ms(live.p99_us),
        "database_ms": count(live.database_us) / 1e3,
        "jobs_failed": live.jobs_failed,
    })
}

#[expect(clippy::cast_precision_loss, reason = "to be compared and shown")]
fn count(number: u64) -> f64 {
    number as f64
}

/// Slow queries that are told of at most.
const MOST_SLOW: usize = 100;

/// Statements that took longer than the settings say, by their shape and tenant, those first that took most since the start.
///
/// # Errors
/// 404 if there is no such tenant.
pub async fn slow_queries(installation: &Installation, selector: Option<&str>) -> Result<Value> {
    let of = match selector {
        Some(selector) => Some(installation.catalog.tenant(selector).await?.id),
        None => None,
    };
    let ms = |us: u64| count(us) / 1e3;
    let mut items = Vec::new();
    for (id, shape, slow) in installation.tenancy.slow_statements().worst(of, MOST_SLOW) {
        // Erased since.
        let Ok(tenant) = installation.catalog.tenant(&id.to_string()).await else { continue };
        items.push(json!({
            "tenant": { "id": id, "slug": tenant.slug, "name": tenant.name },
            "statement": shape,
            "count": slow.count,
            "total_ms": ms(slow.total_us),
            "most_ms": ms(slow.most_us),
            "last_at": slow.last_at,
        }));
    }
    Ok(json!({ "items": items, "next_cursor": null }))
}

/// What the server does now, for `tenantry top`: all tenants that did anything in this minute and the one before, by database
/// time, at most `limit` of them.
pub async fn top(installation: &Installation, limit: usize) -> Value {
    take(installation);
    let (recent, now) = (installation.telemetry.minutes.recent(), installation.clock.now());
    let seconds = count(now.since(recent.since).max(1_000).unsigned_abs()) / 1e3;
    let mut all = recent.tenants;
    let mut whole = Totals::default();
    all.iter().for_each(|(_, totals)| whole.add(totals));
    let busy = |totals: &Totals| (totals.get(Figure::DatabaseUs), totals.get(Figure::Requests));
    all.sort_by(|(a, one), (b, other)| match busy(other).cmp(&busy(one)) {
        Ordering::Equal => a.cmp(b),
        decided => decided,
    });
    let active = all.len();
    all.truncate(limit);
    let mut tenants = Vec::with_capacity(all.len());
    for (id, totals) in &all {
        let Ok(tenant) = installation.catalog.tenant(&id.to_string()).await else { continue };
        let mut line = rates(totals, seconds);
        if let Some(line) = line.as_object_mut() {
            line.insert("tenant".to_owned(), json!({ "id": id, "slug": tenant.slug }));
        }
        tenants.push(line);
    }
    let process = Process::now();
    let (open, most) = installation.tenancy.open_files();
    json!({
        "at": now,
        "seconds": seconds,
        "version": env!("CARGO_PKG_VERSION"),
        "active_tenants": active,
        "all": rates(&whole, seconds),
        "open_files": { "open": open, "most": most },
        "jobs_running": installation.tenancy.figures().jobs_running(),
        "process": {
            "resident_bytes": process.resident_bytes, "descriptors": process.open_descriptors,
            "cpu_seconds": process.cpu_seconds, "threads": process.threads,
        },
        "tenants": tenants,
    })
}

fn rates(totals: &Totals, seconds: f64) -> Value {
    let per_second = |figure| count(totals.get(figure)) / seconds;
    let mut out = live_out(&Live::of(totals));
    if let Some(out) = out.as_object_mut() {
        out.insert("requests_per_second".to_owned(), json!(per_second(Figure::Requests)));
        out.insert("database_ms_per_second".to_owned(), json!(per_second(Figure::DatabaseUs) / 1e3));
        out.insert("rows_per_second".to_owned(), json!(per_second(Figure::Rows)));
        out.insert("bytes_out_per_second".to_owned(), json!(per_second(Figure::BytesOut)));
        out.insert("jobs".to_owned(), json!(totals.get(Figure::Jobs)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_are_named_that_are_nearest_to_a_limit_however_many_there_are() {
        let ids: Vec<TenantId> = (0..40).map(|at| TenantId::new(Timestamp(at))).collect();
        // 80 to 99 percent, each twice, in no order.
        let all = ids.iter().zip(0..).map(|(id, at)| (80 + (at * 7) % 20, *id, Live::default()));
        let percents: Vec<i64> = nearest(all)
            .iter()
            .map(|(id, _)| {
                ids.iter().zip(0..).find(|(of, _)| *of == id).map_or(0, |(_, at)| 80 + (at * 7) % 20)
            })
            .collect();
        assert_eq!(percents, [99, 99, 98, 98, 97, 97, 96, 96, 95, 95]);
    }
}
