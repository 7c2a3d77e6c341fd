//! By what lists of the fleet are sorted.

use super::line::FleetFigures;
use super::position::Key;
use crate::catalog::TenantNames;
use crate::error::{Error, Result};
use crate::id::TenantId;
use std::cmp::Ordering;

/// By what a list is sorted, and which way round.
#[derive(Clone, Copy)]
pub(super) struct Order {
    pub(super) by: By,
    pub(super) descends: bool,
}

#[derive(Clone, Copy)]
pub(super) enum By {
    Id,
    Slug,
    Name,
    /// By what tenants did lately, as it was summed up when the list was begun.
    Live(Figure),
    /// By what is kept of them.
    Kept(Figure),
}

/// One figure of a tenant.
type Figure = fn(&FleetFigures) -> Option<f64>;

#[expect(clippy::cast_precision_loss, reason = "to be compared")]
const LIVE: [(&str, Figure); 9] = [
    ("requests", |of| Some(of.live.requests as f64)),
    ("errors", |of| Some(of.live.errors as f64)),
    ("refused", |of| Some(of.live.refused as f64)),
    ("error_rate", |of| of.live.error_rate),
    ("p50_ms", |of| of.live.p50_us.map(|us| us as f64)),
    ("p95_ms", |of| of.live.p95_us.map(|us| us as f64)),
    ("p99_ms", |of| of.live.p99_us.map(|us| us as f64)),
    ("database_ms", |of| Some(of.live.database_us as f64)),
    ("jobs_failed", |of| Some(of.live.jobs_failed as f64)),
];

/// Amounts in several currencies are compared as numbers: there are no rates here.
#[expect(clippy::cast_precision_loss, reason = "to be compared")]
const KEPT: [(&str, Figure); 7] = [
    ("size_bytes", |of| Some(of.standing.kept?.size_bytes? as f64)),
    ("last_active_at", |of| Some(of.standing.last_active_at?.0 as f64)),
    ("limits_percent", |of| Some(of.limits_percent? as f64)),
    ("revenue_cents", |of| Some(of.standing.kept?.revenue as f64)),
    ("cost_cents", |of| Some(of.standing.kept?.cost? as f64)),
    ("margin_cents", |of| Some(of.standing.kept?.margin? as f64)),
    ("growth_percent", |of| Some(of.standing.kept?.growth_percent? as f64)),
];

impl Order {
    pub(super) fn parse(text: &str) -> Result<Order> {
        let (name, descends) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let found = |all: &[(&str, Figure)]| all.iter().find(|(one, _)| *one == name).map(|(_, of)| *of);
        let by = match name {
            // Ids begin with the time.
            "id" | "created_at" => Some(By::Id),
            "slug" => Some(By::Slug),
            "name" => Some(By::Name),
            _ => found(&LIVE).map(By::Live).or_else(|| found(&KEPT).map(By::Kept)),
        };
        by.map(|by| Order { by, descends }).ok_or_else(|| {
            let figures: Vec<&str> = LIVE.iter().chain(&KEPT).map(|(name, _)| *name).collect();
            Error::malformed(
                "bad_order",
                format!(
                    "order must be created_at, slug, name, {}, or one of them after a -.",
                    figures.join(", ")
                ),
            )
        })
    }

    /// Of whom nothing is known comes last, whichever way round.
    pub(super) fn key(self, names: &TenantNames, figures: impl FnOnce(TenantId) -> FleetFigures) -> Key {
        match self.by {
            By::Id => Key::Text(String::new()),
            By::Slug => Key::Text(names.slug.clone()),
            By::Name => Key::Text(names.name.to_lowercase()),
            By::Live(of) | By::Kept(of) => {
                let nothing = if self.descends { f64::NEG_INFINITY } else { f64::INFINITY };
                Key::Number(of(&figures(names.id)).unwrap_or(nothing))
            }
        }
    }

    pub(super) fn compare(self, one: (&Key, TenantId), other: (&Key, TenantId)) -> Ordering {
        let compared = one.0.compare(other.0).then(one.1.cmp(&other.1));
        if self.descends { compared.reverse() } else { compared }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::service::telemetry::Live;

    #[test]
    fn who_did_nothing_comes_last_whichever_way_round() {
        let [a, b] = [1, 2].map(|at| TenantNames {
            id: TenantId::new(Timestamp(at)),
            slug: String::new(),
            name: String::new(),
        });
        let of = |id: TenantId| {
            let mut figures = FleetFigures::default();
            if id == b.id {
                figures.live = Live { p95_us: Some(5), ..Live::default() };
                figures.standing.last_active_at = Some(Timestamp(5));
            }
            figures
        };
        for order in ["p95_ms", "-p95_ms", "last_active_at", "-last_active_at"] {
            let order = Order::parse(order).unwrap();
            let (idle, busy) = (order.key(&a, of), order.key(&b, of));
            assert_eq!(order.compare((&busy, b.id), (&idle, a.id)), Ordering::Less);
        }
        assert!(Order::parse("settings").is_err() && Order::parse("--slug").is_err());
    }
}
