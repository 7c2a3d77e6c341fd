//! Usage in a file of its own, against what a naive count of the same events comes to.

mod intake;
mod limits;
mod once;
mod oracle;
mod windows;

use super::*;
use crate::catalog::Actor;
use crate::clock::{DAY, HOUR, ManualClock, SharedClock, Timestamp};
use crate::db::{Database, DatabaseOptions, Maintenance, OpenError};
use crate::error::Result;
use crate::model::entitlements::Entitlements;
use crate::model::meter::Meters;
use crate::model::money::Amount;
use crate::model::plan::{KnownMeters, Plan, Window, object};
use crate::model::usage::NewUsageEvent;
use crate::rating::Period;
use crate::tenancy::TenantTx;
use crate::tenancy::file::system_track;
use std::sync::Arc;

/// 2026-03-15T12:00:00Z.
const NOW: i64 = 1_773_576_000_000;

const METERS: &str = "[tokens]\n[bytes]\nscale = 3\n[calls]\naggregation = \"count\"\n[peak]\naggregation = \"max\"\n\
                      [users]\naggregation = \"unique\"\nproperty = \"user\"\n[level]\naggregation = \"latest\"";

/// A tenant's file with meters of every kind.
pub(super) struct House {
    database: Arc<Database>,
    clock: Arc<ManualClock>,
    meters: Arc<Meters>,
    terms: Arc<TermsCache>,
    runtime: tokio::runtime::Runtime,
    _directory: tempfile::TempDir,
}

impl House {
    pub(super) fn new() -> House {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data.db");
        let file = Maintenance::create(&path, 7).unwrap();
        file.unsynced().unwrap();
        file.migrate(&system_track(), Timestamp(NOW)).unwrap();
        drop(file);
        let options = DatabaseOptions::of_tests();
        let clock = Arc::new(ManualClock::new(Timestamp(NOW)));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let database = Database::open(&path, options, shared, |_| Ok::<_, OpenError>(())).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        House {
            database,
            clock,
            meters: Arc::new(Meters::read(toml::from_str(METERS).unwrap()).unwrap()),
            terms: Arc::default(),
            runtime,
            _directory: directory,
        }
    }

    /// The tenant is on a plan that says so.
    pub(super) fn plan(&self, toml: &str, spend_cap: Option<i64>) {
        let known = KnownMeters::of(&self.meters);
        let plan = format!("title = \"Pro\"\n{toml}");
        let terms = Plan::read(object(toml::from_str(&plan).unwrap()), "", &known).unwrap();
        let revision = self.read(|tx| Ok(tx.entitlements_revision()?)).unwrap_or_default() + 1;
        let entitlements = Entitlements {
            revision,
            plan: "pro".to_owned(),
            version: 1,
            status: "active".to_owned(),
            timezone: "UTC".to_owned(),
            period_start: NOW - 10 * DAY,
            period_end: NOW + 20 * DAY,
            spend_cap,
            terms,
        };
        self.write(move |tx| Ok(tx.put_entitlements(&entitlements)?)).unwrap();
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        mut act: impl FnMut(TenantTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.runtime.block_on(self.database.write("test", move |tx| act(TenantTx::new(tx))))
    }

    pub(super) fn read<T>(&self, mut act: impl FnMut(TenantTx<'_>) -> Result<T>) -> T {
        self.database.read_blocking(|tx| act(TenantTx::new(tx))).unwrap()
    }

    /// Takes events in one transaction.
    pub(super) fn take(&self, events: &[NewUsageEvent]) -> (Vec<Outcome>, Taken) {
        self.try_take(events).unwrap()
    }

    pub(super) fn try_take(&self, events: &[NewUsageEvent]) -> Result<(Vec<Outcome>, Taken)> {
        let (events, meters, terms) = (events.to_vec(), Arc::clone(&self.meters), Arc::clone(&self.terms));
        self.write(move |tx| {
            let mut intake = Intake::begin(tx, &meters, Some(&terms), Actor::System)?;
            let outcomes = events.iter().map(|event| intake.take(event)).collect::<Result<_>>()?;
            Ok((outcomes, intake.finish()?))
        })
    }

    pub(super) fn void(&self, seq: i64) -> Result<i64> {
        let meters = Arc::clone(&self.meters);
        self.write(move |tx| tx.void_usage_event(seq, &meters, Actor::System))
    }

    pub(super) fn event(&self, meter: &str, quantity: i64, key: &str) -> NewUsageEvent {
        NewUsageEvent {
            meter: Arc::clone(self.meters.get(meter).unwrap()),
            quantity,
            cost: Amount(quantity),
            occurred_at: None,
            key: key.to_owned(),
            properties: None,
            value: None,
        }
    }

    pub(super) fn at(&self, meter: &str, quantity: i64, key: &str, moment: i64) -> NewUsageEvent {
        NewUsageEvent { occurred_at: Some(moment), ..self.event(meter, quantity, key) }
    }

    pub(super) fn user(&self, user: &str, key: &str) -> NewUsageEvent {
        let properties = Some(format!("{{\"user\":\"{user}\"}}"));
        NewUsageEvent { properties, value: Some(user.to_owned()), ..self.event("users", 1, key) }
    }

    /// What a meter comes to in a stretch of time, as one window.
    pub(super) fn total(&self, meter: &str, period: Period) -> (i64, i128) {
        let query = UsageQuery {
            meter: Arc::clone(self.meters.get(meter).unwrap()),
            period,
            window: Window::None,
            timezone: "UTC".to_owned(),
        };
        let sums = self.read(|tx| tx.find_usage(&query));
        assert!(sums.len() <= 1);
        sums.first().map_or((0, 0), |sum| (sum.quantity, sum.cost))
    }

    /// All of `_usage_sums` and `_usage_values`.
    pub(super) fn derived(&self) -> Vec<String> {
        self.read(|tx| {
            let mut rows = Vec::new();
            for sql in [
                "SELECT meter || ' ' || starts_at || ' ' || quantity || ' ' || latest_at || ' ' || cost || ' ' || events
                   || ' ' || first_seq || ' ' || last_seq FROM _usage_sums ORDER BY meter, starts_at",
                "SELECT meter || ' ' || starts_at || ' ' || value FROM _usage_values ORDER BY 1",
            ] {
                rows.extend(tx.tx.query(sql, &[], |row| row.get::<String>(0))?);
            }
            Ok(rows)
        })
    }

    pub(super) fn rebuild(&self) {
        let meters = Arc::clone(&self.meters);
        self.write(move |tx| tx.rebuild_usage_sums(&meters)).unwrap();
    }

    /// Notices so far: meter, threshold, what was used.
    pub(super) fn notices(&self) -> Vec<(String, i64, String)> {
        let notices = self.read(|tx| tx.list_untold_notices(100));
        notices.into_iter().map(|told| told.notice).map(|it| (it.meter, it.threshold, it.used)).collect()
    }
}

/// All time that events can lie in here.
pub(super) fn always() -> Period {
    Period { from: NOW - 40 * DAY, to: NOW + 40 * DAY }
}

#[track_caller]
pub(super) fn accepted(outcomes: &[Outcome]) -> Vec<i64> {
    let seq = |outcome: &Outcome| match outcome {
        Outcome::Accepted(seq) => *seq,
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(seq).collect()
}

/// How far apart events lie.
pub(super) const STEP: i64 = HOUR / 3;
