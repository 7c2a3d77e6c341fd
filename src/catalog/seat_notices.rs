//! Notices that the seats of a tenant are nearly or wholly taken: each once, in the transaction that takes the seat.

use super::OfTenant;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::letter::Recipient;
use crate::model::meter::SEATS;
use crate::model::notice::{Notice, WARN_FROM, Warning, crossed, percent};
use crate::model::plan::Window;
use crate::params;
use crate::rating::{Period, window_of};
use foldhash::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// One person alone is no news, whatever the plan has: nobody has taken a seat beside it.
const ALONE: i64 = 1;

/// The tenants whose seats are nearly or wholly taken, as far as that is known since the start, and until when it counts.
#[derive(Default)]
pub(super) struct SeatWarnings {
    known: Mutex<HashMap<TenantId, (Warning, i64)>>,
    /// Whether anything was ever known: most installations never ask the map.
    has_any: AtomicBool,
}

impl SeatWarnings {
    fn learn(&self, tenant: TenantId, found: Option<(Warning, i64)>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match found {
            Some(found) => {
                self.has_any.store(true, Relaxed);
                known.insert(tenant, found);
            }
            None => drop(known.remove(&tenant)),
        }
    }

    /// What a tenant is to be told now.
    pub(super) fn of(&self, tenant: TenantId, now: Timestamp) -> Option<Warning> {
        if !self.has_any.load(Relaxed) {
            return None;
        }
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&tenant).filter(|(_, until)| now.0 < *until).map(|(warning, _)| warning.clone())
    }
}

/// How the seats of a tenant stand against what its plan has.
struct SeatUse {
    used: i64,
    allowed: i64,
    window: Window,
    period: Period,
}

impl SeatUse {
    fn percent(&self) -> i64 {
        if self.used <= ALONE { 0 } else { percent(self.used, self.allowed) }
    }

    fn warning(&self) -> Option<(Warning, i64)> {
        let percent = self.percent();
        let warning = || Warning {
            meter: SEATS.to_owned(),
            used: self.used.to_string(),
            limit: self.allowed.to_string(),
            percent,
        };
        (percent >= WARN_FROM).then(|| (warning(), self.period.to))
    }
}

impl OfTenant<'_> {
    /// The seats that the plan speaks of: what is to be warned of, else how many there are.
    fn seat_use(&self) -> Result<Option<SeatUse>> {
        let seats = self.seats()?;
        let Some(terms) = self.entitlements()? else { return Ok(None) };
        let limit = terms.terms.limits.get(SEATS);
        let soft = limit.and_then(|limit| Some((limit.soft?.scaled(0)?, limit.window)));
        let Some((allowed, window)) = soft.or(seats.limit.map(|limit| (limit, Window::None))) else {
            return Ok(None);
        };
        let period = window_of(&terms.timezone, window, self.now().0)?;
        Ok(Some(SeatUse { used: seats.used, allowed, window, period }))
    }

    /// Posts the notices that are due as the seats are taken now, and remembers what the tenant is to be warned of.
    pub(super) fn notice_seats(&self) -> Result<()> {
        let seats = self.seat_use()?;
        for threshold in seats.iter().flat_map(|seats| crossed(0, seats.percent())) {
            let Some(seats) = &seats else { continue };
            self.post_notice_of_seats(seats, threshold)?;
        }
        self.remember_seats(seats.as_ref());
        Ok(())
    }

    fn remember_seats(&self, seats: Option<&SeatUse>) {
        let (access, tenant) = (Arc::clone(self.catalog.access), self.tenant);
        let found = seats.and_then(SeatUse::warning);
        self.tx().after_commit(move || access.seats.learn(tenant, found));
    }

    fn post_notice_of_seats(&self, seats: &SeatUse, threshold: i64) -> Result<()> {
        let (window, starts_at) = (seats.window.name(), seats.period.from);
        let is_new = self.tx().execute(
            "INSERT INTO seat_notices (tenant_id, window, starts_at, threshold, allowed, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![self.tenant, window, starts_at, threshold, seats.allowed, self.now()],
        )?;
        if is_new == 0 {
            return Ok(());
        }
        let notice = Notice {
            meter: SEATS.to_owned(),
            window: window.to_owned(),
            starts_at,
            threshold,
            used: seats.used.to_string(),
            allowed: seats.allowed.to_string(),
            at: self.now(),
        };
        let (kind, key, data) = notice.event();
        self.tell_webhooks(kind, &key, &data)?;
        let tenant = self.tenant()?;
        self.post(
            &format!("{key} {}", tenant.id),
            &Recipient::Billing,
            &notice.letter(tenant.name, tenant.slug),
        )
    }

    /// What the tenant is to be warned of now, with the moment from which on it does not count any more.
    ///
    /// # Errors
    /// As the database says.
    pub fn find_seat_warning(&self) -> Result<Option<(Warning, i64)>> {
        Ok(self.seat_use()?.as_ref().and_then(SeatUse::warning))
    }
}

impl super::Catalog {
    /// The seats of a tenant, if they are nearly or wholly taken, as far as that is known since the start.
    pub fn seat_warning(&self, tenant: TenantId, now: Timestamp) -> Option<Warning> {
        self.access.seats.of(tenant, now)
    }

    /// Remembers what was looked up with [`OfTenant::find_seat_warning`].
    pub fn learn_seat_warning(&self, tenant: TenantId, found: Option<(Warning, i64)>) {
        self.access.seats.learn(tenant, found);
    }
}
