//! The way of a scope to usage.

use super::TenantScope;
use crate::catalog::Actor;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::meter::{Meters, STORAGE_BYTES};
use crate::model::notice::{WARN_FROM, percent};
use crate::model::plan::Window;
use crate::model::usage::{NewUsageEvent, UsageEvent};
use crate::tenancy::file::TenantFile;
use crate::tenancy::tx::usage::{Intake, Outcome, Taken, TermsCache, Untold, UsageRefusal, UsageTerms};
use crate::tenancy::warnings::Warnings;
use crate::tenancy::{App, TenantTx};
use std::sync::Arc;

/// What a write needs to take usage along.
pub(super) struct Metering {
    app: Arc<App>,
    terms: Arc<TermsCache>,
    warnings: Arc<Warnings>,
    tenant: TenantId,
    actor: Actor,
}

impl Metering {
    /// Takes the events of billable records. One that a limit has no room for fails the write.
    pub(super) fn take_billable(&self, tx: TenantTx<'_>, events: &[NewUsageEvent]) -> Result<()> {
        for outcome in self.take(tx, events)? {
            if let Outcome::Refused(refusal) = outcome {
                return Err(refusal.error());
            }
        }
        Ok(())
    }

    /// Takes events, each by itself; what they lead to is known once they are on disk.
    fn take(&self, tx: TenantTx<'_>, events: &[NewUsageEvent]) -> Result<Vec<Outcome>> {
        let meters = &self.app.meters;
        let mut intake = Intake::begin(tx, meters, Some(&self.terms), self.actor)?;
        let outcomes = events.iter().map(|event| intake.take(event)).collect::<Result<_>>()?;
        let taken = intake.finish()?;
        if taken.touches_limits {
            self.tell(tx, taken);
        }
        Ok(outcomes)
    }

    /// What limits have come to is known once it is on disk.
    fn tell(&self, tx: TenantTx<'_>, taken: Taken) {
        let (warnings, tenant) = (Arc::clone(&self.warnings), self.tenant);
        tx.after_commit(move || warnings.tell(tenant, taken));
    }

    /// How many bytes the tenant may take and takes now, where that is bounded.
    ///
    /// # Errors
    /// As the database says.
    pub(super) fn storage(&self, tx: TenantTx<'_>) -> Result<Option<Storage>> {
        let terms = self.terms.storage_terms(tx, &self.app.meters)?;
        terms.map(|terms| Ok(Storage { terms, before: tx.stored_bytes()? })).transpose()
    }

    /// Refuses a write that takes more room where there is none; what makes room is let through. Enters the notices that are
    /// due.
    ///
    /// # Errors
    /// 402 `limit_reached`, `spend_cap_reached`.
    pub(super) fn admit(&self, tx: TenantTx<'_>, storage: &Storage) -> Result<()> {
        let Storage { terms, before } = storage;
        let (meters, used) = (&self.app.meters, tx.stored_bytes()?);
        if used > *before {
            if terms.caps(STORAGE_BYTES)
                && let Some(refusal) = tx.spend_on_level(terms, meters, STORAGE_BYTES, used)?
            {
                return Err(refusal.error());
            }
            if let Some(hard) = terms.storage_limit().filter(|hard| used > *hard) {
                return Err(no_room(*before, hard).error());
            }
        }
        let base = terms.limits.get(STORAGE_BYTES).map(|limit| limit.base());
        if base.is_some_and(|base| percent(used.max(*before), base) >= WARN_FROM)
            && let Some(taken) = tx.note_use(terms, meters, STORAGE_BYTES, [*before, used])?
        {
            self.tell(tx, taken);
        }
        Ok(())
    }
}

/// How much room a write has.
pub(super) struct Storage {
    terms: Arc<UsageTerms>,
    before: i64,
}

fn no_room(used: i64, hard: i64) -> UsageRefusal {
    UsageRefusal::LimitReached {
        meter: STORAGE_BYTES.to_owned(),
        used: used.to_string(),
        hard: hard.to_string(),
        window: Window::None,
        resets_at: None,
    }
}

impl TenantScope {
    pub(super) fn metering(&self, file: &TenantFile) -> Metering {
        Metering {
            app: Arc::clone(self.tenancy.app()),
            terms: Arc::clone(&file.terms),
            warnings: Arc::clone(&self.tenancy.warnings),
            tenant: self.tenant.id,
            actor: self.by.actor,
        }
    }

    /// The meters of this installation.
    pub fn meters(&self) -> &Meters {
        &self.tenancy.app().meters
    }

    /// Takes usage events, all in one transaction and each by itself.
    ///
    /// # Errors
    /// 422 for more than can be counted; as [`TenantScope::write`].
    pub async fn take_usage_events(&self, events: Vec<NewUsageEvent>) -> Result<Vec<Outcome>> {
        let metering = self.metering(self.file().await?);
        self.write("usage_events", move |tx| metering.take(*tx, &events)).await
    }

    /// Notes what Tenantry counted itself of meters with a price, and tells where the spend cap is reached by now. In any
    /// state of the tenant: no record is touched.
    ///
    /// # Errors
    /// As the database says.
    pub async fn note_counted(&self, counted: Vec<(String, i64)>) -> Result<Option<UsageRefusal>> {
        let file = self.file().await?;
        let metering = self.metering(file);
        let write = file.database.write("note_counted", move |tx| {
            let (tx, meters) = (TenantTx::new(tx), &metering.app.meters);
            let Some(terms) = metering.terms.terms(tx, meters)? else { return Ok(None) };
            tx.note_counted(&terms, meters, &counted)?;
            metering.tell(tx, tx.note_standing_spend(&terms, meters)?);
            tx.cap_is_reached(&terms, meters)
        });
        write.await
    }

    /// Enters the notices that are due of a meter that Tenantry counts itself and of which so much is used in the window that
    /// is open. Where they are there already the file is read and nothing more. In any state of the tenant: no record is
    /// touched.
    ///
    /// # Errors
    /// As the database says.
    pub async fn note_use(&self, meter: &'static str, used: i64) -> Result<()> {
        let lacks = self.read_with_terms(move |tx, terms, meters| {
            terms.map_or(Ok(false), |terms| tx.lacks_notices(terms, meters, meter, used))
        });
        if !lacks.await? {
            return Ok(());
        }
        let file = self.file().await?;
        let metering = self.metering(file);
        let write = file.database.write("note_use", move |tx| {
            let (tx, meters) = (TenantTx::new(tx), &metering.app.meters);
            if let Some(terms) = metering.terms.terms(tx, meters)?
                && let Some(taken) = tx.note_use(&terms, meters, meter, [0, used])?
            {
                metering.tell(tx, taken);
            }
            Ok(())
        });
        write.await
    }

    /// How many requests of this tenant were counted and are not stored yet.
    pub fn unstored_requests(&self) -> i64 {
        self.tenancy.requests.unstored_of(self.tenant.id)
    }

    /// Takes an event back, by another event whose number is told.
    ///
    /// # Errors
    /// 404 for an event that there is not; 403 `not_the_sender`; 409 `already_voided`, `not_voidable`; as
    /// [`TenantScope::write`].
    pub async fn void_usage_event(&self, seq: i64) -> Result<i64> {
        let (app, actor) = (Arc::clone(self.tenancy.app()), self.by.actor);
        self.write("void_usage_event", move |tx| tx.void_usage_event(seq, &app.meters, actor)).await
    }

    /// The same by an operator, in any state of the tenant: no record is touched. Tells of the event, too.
    ///
    /// # Errors
    /// As [`TenantScope::void_usage_event`].
    pub async fn correct_usage_event(&self, seq: i64) -> Result<(i64, UsageEvent)> {
        let (app, file, actor) = (Arc::clone(self.tenancy.app()), self.file().await?, self.by.actor);
        let write = file.database.write("correct_usage_event", move |tx| {
            let tx = TenantTx::new(tx);
            let by = tx.void_usage_event(seq, &app.meters, actor)?;
            Ok((by, tx.find_usage_event(seq)?.ok_or_else(Error::not_found)?))
        });
        write.await
    }

    /// Makes the sums anew from the events, in any state of the tenant; tells of how many events.
    ///
    /// # Errors
    /// As the database says.
    pub async fn rebuild_usage(&self) -> Result<i64> {
        let (app, file) = (Arc::clone(self.tenancy.app()), self.file().await?);
        let terms = Arc::clone(&file.terms);
        let write = file.database.write("rebuild_usage", move |tx| {
            terms.forget_windows();
            TenantTx::new(tx).rebuild_usage_sums(&app.meters)
        });
        write.await
    }

    /// Looks whether events and sums are sound: how many events there are, and the first thing that is wrong.
    ///
    /// # Errors
    /// As the database says.
    pub async fn verify_usage(&self) -> Result<(i64, Option<String>)> {
        let app = Arc::clone(self.tenancy.app());
        self.read_slow(move |tx| tx.verify_usage(&app.meters)).await
    }

    /// Reads with the terms that count for usage, in one transaction; nothing where the file was told none.
    ///
    /// # Errors
    /// What `act` returns, and as [`TenantScope::read`].
    pub async fn read_with_terms<T, F>(&self, mut act: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnMut(&TenantTx<'_>, Option<&UsageTerms>, &Meters) -> Result<T> + Send + 'static,
    {
        let metering = self.metering(self.file().await?);
        self.read(move |tx| {
            let meters = &metering.app.meters;
            act(tx, metering.terms.terms(*tx, meters)?.as_deref(), meters)
        })
        .await
    }

    /// Notices of limits that nobody was told of yet.
    ///
    /// # Errors
    /// As [`TenantScope::read`].
    pub async fn untold_notices(&self) -> Result<Vec<Untold>> {
        self.read(|tx| tx.list_untold_notices(100)).await
    }

    /// Remembers that notices up to a number were told. In any state of the tenant: no record is touched.
    ///
    /// # Errors
    /// As [`TenantScope::write`].
    pub async fn told_notices(&self, up_to: i64) -> Result<()> {
        let file = self.file().await?;
        file.database.write("told_notices", move |tx| TenantTx::new(tx).told_notices(up_to)).await
    }
}
