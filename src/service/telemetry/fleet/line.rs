//! What a list of the fleet tells of one tenant.

use crate::catalog::Tenant;
use crate::clock::Timestamp;
use crate::model::money::{Amount, MICROS};
use crate::service::telemetry::{Live, Standing, live_out};
use serde_json::{Value, json};

/// All figures of a tenant, those that it is sorted by.
#[derive(Clone, Copy, Debug, Default)]
pub struct FleetFigures {
    /// What it did lately.
    pub live: Live,
    /// What is kept of it.
    pub standing: Standing,
    /// How much of its nearest limit is used, in percent; told from 80 on.
    pub limits_percent: Option<i64>,
}

/// One tenant of a list.
#[derive(Clone, Debug)]
pub struct FleetTenant {
    /// The tenant.
    pub tenant: Tenant,
    /// Its figures.
    pub figures: FleetFigures,
}

impl FleetTenant {
    /// The figures as they are told, summed up at `as_of`.
    pub fn figures_out(&self, as_of: Timestamp) -> Value {
        let FleetFigures { live, standing, limits_percent } = &self.figures;
        let mut out = live_out(live);
        let Some(map) = out.as_object_mut() else { return out };
        let kept = standing.kept.as_ref();
        let amount = |micros: Option<i64>| micros.map(|micros| Amount(micros).to_string());
        for (name, value) in [
            ("as_of", json!(as_of)),
            ("last_active_at", json!(standing.last_active_at)),
            ("limits_percent", json!(limits_percent)),
            ("size_bytes", json!(kept.and_then(|kept| kept.size_bytes))),
            ("currency", json!(kept.map(|kept| kept.currency.code()))),
            ("revenue_cents", json!(amount(kept.and_then(|kept| kept.revenue.checked_mul(MICROS))))),
            ("cost_cents", json!(amount(kept.and_then(|kept| kept.cost)))),
            ("margin_cents", json!(amount(kept.and_then(|kept| kept.margin)))),
            ("growth_percent", json!(kept.and_then(|kept| kept.growth_percent))),
            ("figures_as_of", json!(kept.map(|kept| kept.looked_at))),
        ] {
            map.insert(name.to_owned(), value);
        }
        out
    }
}
