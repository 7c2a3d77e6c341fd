//! The list of all tenants, searched, and sorted also by what they did lately.

use super::roll_up::{Live, RollUp};
use crate::catalog::{Tenant, TenantNames};
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::service::Installation;
use std::cmp::Ordering;
use std::sync::Arc;

/// Longest text that is searched for, in characters.
const LONGEST_SEARCH: usize = 200;

/// Which tenants are asked for.
#[derive(Clone, Debug)]
pub struct FleetIn {
    /// What their slugs or names contain, or their id.
    pub q: Option<String>,
    /// Their state.
    pub status: Option<TenantStatus>,
    /// Their plan.
    pub plan: Option<String>,
    /// By what they are sorted, `-` before it for the other way round; else by their ids.
    pub order: Option<String>,
    /// Where the page before ended.
    pub after: Option<Position>,
    /// How many.
    pub limit: usize,
}

/// One page.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// When it was summed up what tenants did lately.
    pub as_of: Timestamp,
    /// Tenants with what they did.
    pub tenants: Vec<(Tenant, Live)>,
    /// Where the next page begins, if there is one.
    pub next: Option<Position>,
}

/// A place in a list: by which sums it was sorted, and the tenant there.
#[derive(Clone, Debug, PartialEq)]
pub struct Position {
    as_of: Timestamp,
    id: TenantId,
    key: Key,
}

impl Position {
    /// Reads what [`Position`] is written as.
    pub fn parse(text: &str) -> Option<Position> {
        let mut parts = text.splitn(4, ' ');
        let (as_of, id) = (parts.next()?.parse().ok()?, TenantId::parse(parts.next()?)?);
        let key = match (parts.next()?, parts.next()?) {
            ("n", bits) => Key::Number(f64::from_bits(bits.parse().ok()?)),
            ("t", text) => Key::Text(text.to_owned()),
            _ => return None,
        };
        Some(Position { as_of: Timestamp(as_of), id, key })
    }
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Position { as_of, id, key } = self;
        match key {
            Key::Number(number) => write!(f, "{} {id} n {}", as_of.0, number.to_bits()),
            Key::Text(text) => write!(f, "{} {id} t {text}", as_of.0),
        }
    }
}

/// What a tenant is sorted by.
#[derive(Clone, Debug, PartialEq)]
enum Key {
    Number(f64),
    Text(String),
}

impl Key {
    fn compare(&self, other: &Key) -> Ordering {
        match (self, other) {
            (Key::Number(one), Key::Number(other)) => one.total_cmp(other),
            (Key::Text(one), Key::Text(other)) => one.cmp(other),
            (Key::Number(_), Key::Text(_)) => Ordering::Less,
            (Key::Text(_), Key::Number(_)) => Ordering::Greater,
        }
    }
}

#[derive(Clone, Copy)]
struct Order {
    by: By,
    descends: bool,
}

#[derive(Clone, Copy)]
enum By {
    Id,
    Slug,
    Name,
    Live(Figure),
}

/// One figure of what a tenant did lately.
type Figure = fn(&Live) -> Option<f64>;

#[expect(clippy::cast_precision_loss, reason = "to be compared")]
const LIVE: [(&str, Figure); 8] = [
    ("requests", |live| Some(live.requests as f64)),
    ("errors", |live| Some(live.errors as f64)),
    ("refused", |live| Some(live.refused as f64)),
    ("error_rate", |live| live.error_rate),
    ("p50_ms", |live| live.p50_us.map(|us| us as f64)),
    ("p95_ms", |live| live.p95_us.map(|us| us as f64)),
    ("p99_ms", |live| live.p99_us.map(|us| us as f64)),
    ("database_ms", |live| Some(live.database_us as f64)),
];

impl Order {
    fn parse(text: &str) -> Result<Order> {
        let (name, descends) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let by = match name {
            // Ids begin with the time.
            "id" | "created_at" => Some(By::Id),
            "slug" => Some(By::Slug),
            "name" => Some(By::Name),
            _ => LIVE.iter().find(|(live, _)| *live == name).map(|(_, of)| By::Live(*of)),
        };
        by.map(|by| Order { by, descends }).ok_or_else(|| {
            let live: Vec<&str> = LIVE.iter().map(|(name, _)| *name).collect();
            Error::malformed(
                "bad_order",
                format!(
                    "order must be created_at, slug, name, {}, or one of them after a -.",
                    live.join(", ")
                ),
            )
        })
    }

    /// Who did nothing comes last, whichever way round.
    fn key(self, names: &TenantNames, roll_up: &RollUp) -> Key {
        match self.by {
            By::Id => Key::Text(String::new()),
            By::Slug => Key::Text(names.slug.clone()),
            By::Name => Key::Text(names.name.to_lowercase()),
            By::Live(of) => {
                let live = roll_up.tenants.get(&names.id).copied().unwrap_or_default();
                let nothing = if self.descends { f64::NEG_INFINITY } else { f64::INFINITY };
                Key::Number(of(&live).unwrap_or(nothing))
            }
        }
    }

    fn compare(self, one: (&Key, TenantId), other: (&Key, TenantId)) -> Ordering {
        let compared = one.0.compare(other.0).then(one.1.cmp(&other.1));
        if self.descends { compared.reverse() } else { compared }
    }
}

/// A page of all tenants.
///
/// # Errors
/// 400 `bad_order` or `bad_search`; 410 `list_expired` where a list by what tenants did was begun too long ago.
pub async fn list_fleet(installation: &Installation, input: FleetIn) -> Result<Fleet> {
    let order = Order::parse(input.order.as_deref().unwrap_or("id"))?;
    let roll_up = roll_up_of(installation, order, input.after.as_ref())?;
    let q = input.q.map(|q| q.trim().to_lowercase()).filter(|q| !q.is_empty());
    if q.as_ref().is_some_and(|q| q.chars().count() > LONGEST_SEARCH) {
        return Err(Error::malformed("bad_search", "q must have at most 200 characters."));
    }
    let (status, plan) = (input.status, input.plan);
    let after = input.after;
    let (begins, most) = (after.as_ref().map(|at| at.id), u32::try_from(input.limit + 1).unwrap_or(u32::MAX));
    // What is read by key needs nothing but its page.
    let is_by_key = q.is_none() && matches!(order.by, By::Id);
    let all = installation.catalog.read(move |tx| {
        let which = (status, plan.as_deref());
        if is_by_key {
            return tx.list_tenant_names_by_id(which, begins, order.descends, most);
        }
        tx.list_tenant_names(status, plan.as_deref())
    });
    let all = all.await?;
    let mut found: Vec<(Key, TenantId)> = all
        .iter()
        .filter(|names| {
            q.as_ref().is_none_or(|q| {
                names.slug.contains(q.as_str())
                    || names.name.to_lowercase().contains(q.as_str())
                    || names.id.to_string() == *q
            })
        })
        .map(|names| (order.key(names, &roll_up), names.id))
        .filter(|(key, id)| {
            let after = after.as_ref();
            after.is_none_or(|at| order.compare((key, *id), (&at.key, at.id)) == Ordering::Greater)
        })
        .collect();
    let more = found.len() > input.limit;
    let compare =
        |one: &(Key, TenantId), other: &(Key, TenantId)| order.compare((&one.0, one.1), (&other.0, other.1));
    if more && input.limit > 0 {
        // What is not on the page needs no order.
        found.select_nth_unstable_by(input.limit - 1, compare);
    }
    found.truncate(input.limit);
    found.sort_unstable_by(compare);
    let next = found.last().filter(|_| more);
    let next = next.map(|(key, id)| Position { as_of: roll_up.as_of, id: *id, key: key.clone() });
    let ids: Vec<TenantId> = found.into_iter().map(|(_, id)| id).collect();
    let tenants = installation
        .catalog
        .read(move |tx| ids.iter().map(|id| tx.of(*id).tenant()).collect::<Result<Vec<_>>>());
    let tenants = tenants.await?.into_iter().map(|tenant| {
        let live = roll_up.tenants.get(&tenant.id).copied().unwrap_or_default();
        (tenant, live)
    });
    Ok(Fleet { as_of: roll_up.as_of, tenants: tenants.collect(), next })
}

/// The sums that the list was begun with; the newest for a new one, and where those are gone and it is not sorted by them.
fn roll_up_of(installation: &Installation, order: Order, after: Option<&Position>) -> Result<Arc<RollUp>> {
    let roll_ups = &installation.telemetry.roll_ups;
    let begun_with = after.and_then(|position| roll_ups.of(position.as_of));
    let is_by_them = matches!(order.by, By::Live(_));
    let Some(position) = after.filter(|_| is_by_them) else {
        // Before the first are made, in the first moments of a server, nobody did anything.
        return Ok(begun_with.or_else(|| roll_ups.newest()).unwrap_or_default());
    };
    let is_of_before = position.as_of == Timestamp::default();
    begun_with.or_else(|| is_of_before.then(Arc::default)).ok_or_else(|| {
        let detail = "What this list is sorted by is no longer kept. Begin it anew, without a cursor.";
        Error::new(Kind::Gone, "list_expired", detail)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_was_written() {
        let id = TenantId::new(Timestamp(7));
        for key in [
            Key::Number(0.125),
            Key::Number(f64::NEG_INFINITY),
            Key::Text("a b".into()),
            Key::Text(String::new()),
        ] {
            let position = Position { as_of: Timestamp(5), id, key };
            assert_eq!(Position::parse(&position.to_string()), Some(position));
        }
        assert_eq!(Position::parse("5 x n 1"), None);
    }

    #[test]
    fn who_did_nothing_comes_last_whichever_way_round() {
        let [a, b] = [1, 2].map(|at| TenantNames {
            id: TenantId::new(Timestamp(at)),
            slug: String::new(),
            name: String::new(),
        });
        let live = Live { p95_us: Some(5), ..Live::default() };
        let roll_up = RollUp { as_of: Timestamp(0), tenants: [(b.id, live)].into_iter().collect() };
        for order in ["p95_ms", "-p95_ms"] {
            let order = Order::parse(order).unwrap();
            let (idle, busy) = (order.key(&a, &roll_up), order.key(&b, &roll_up));
            assert_eq!(order.compare((&busy, b.id), (&idle, a.id)), Ordering::Less);
        }
        assert!(Order::parse("settings").is_err() && Order::parse("--slug").is_err());
    }
}
