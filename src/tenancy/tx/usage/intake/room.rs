//! Whether the limits and the cap have room for an event, and what becomes of their windows once all events are taken.

use super::super::kept_windows::KeptWindow;
use super::super::outcome::{Taken, UsageRefusal};
use super::super::spend::SPEND;
use super::super::sums::Counted;
use super::super::windows::{LIMIT, SPEND_CAP};
use super::Intake;
use crate::error::Result;
use crate::model::plan::{Decimal, Window};
use crate::model::usage::NewUsageEvent;

impl Intake<'_> {
    /// Why a limit or the cap has no room for an event; takes it into the spend if they have.
    pub(super) fn no_room(
        &mut self,
        event: &NewUsageEvent,
        occurred_at: i64,
    ) -> Result<Option<UsageRefusal>> {
        let Some((terms, _)) = self.terms.clone() else { return Ok(None) };
        if let Some(limit) = terms.limits.get(&event.meter.name) {
            let is_open = self.windows.iter().position(|window| window.tally.has(&event.meter, occurred_at));
            let index = match is_open {
                Some(index) => index,
                None => {
                    let opened =
                        self.tx.open_window(&terms, &event.meter, *limit, occurred_at, &self.kept)?;
                    self.windows.push(opened);
                    self.windows.len() - 1
                }
            };
            let window = &self.windows[index].tally;
            if let Some(hard) = limit.hard.filter(|_| event.meter.aggregation.adds_up())
                && event.quantity > 0
                && window.quantity.saturating_add(event.quantity) > hard
            {
                let text = |quantity: i64| Decimal::of_scaled(quantity, event.meter.scale).to_string();
                return Ok(Some(UsageRefusal::LimitReached {
                    meter: event.meter.name.clone(),
                    used: text(window.quantity),
                    hard: text(hard),
                    window: limit.window,
                    resets_at: (limit.window != Window::None).then_some(window.period.to),
                }));
            }
        }
        let is_open = (terms.period.from..terms.period.to).contains(&occurred_at);
        if terms.spend_cap.is_none() || !is_open || !terms.prices.contains_key(&event.meter.name) {
            return Ok(None);
        }
        if self.spend.is_none() {
            self.spend = Some(self.tx.open_spend(&terms, self.meters, &self.kept)?);
        }
        let Some(spend) = self.spend.as_mut().filter(|spend| spend.has(&event.meter)) else {
            return Ok(None);
        };
        let counted = Counted {
            seq: self.seq + 1,
            quantity: event.quantity,
            cost: event.cost.0,
            occurred_at,
            value: event.value.as_deref(),
            events: 1,
        };
        // An event that came before is not spent twice.
        if self.tx.find_event_by_key(&event.key)?.is_some()
            || spend.take(self.tx, &terms, &event.meter, &counted)?
        {
            return Ok(None);
        }
        Ok(Some(UsageRefusal::SpendCapReached {
            cap: terms.currency.write(spend.cap.unwrap_or_default()),
            resets_at: terms.period.to,
        }))
    }

    /// Enters what the events come to, and the notices that are due.
    ///
    /// # Errors
    /// 422 for more than can be counted; as the database says.
    pub fn finish(mut self) -> Result<Taken> {
        for addition in &self.additions {
            self.tx.add_to_sum(addition)?;
        }
        let mut taken = Taken::default();
        let now = self.tx.now().0;
        for window in &mut self.windows {
            self.tx.keep_window(&mut window.tally, LIMIT, self.seq)?;
            let (is_new, warning) = self.tx.note_window(window)?;
            taken.has_notices |= is_new;
            let tally = &window.tally;
            // Of a window that is over nobody has to be warned.
            if (tally.period.from..tally.period.to).contains(&now) {
                taken.looked_at.push(tally.meter.name.clone());
                taken.warnings.extend(warning.map(|warning| (warning, tally.period.to)));
            }
        }
        if let (Some((terms, _)), Some(spend)) = (&self.terms, &mut self.spend) {
            self.tx.close_spend(spend, self.seq)?;
            let (is_new, warning) = self.tx.note_spend(terms, spend)?;
            taken.has_notices |= is_new;
            taken.looked_at.push(SPEND_CAP.to_owned());
            taken.warnings.extend(warning.map(|warning| (warning, terms.period.to)));
        }
        taken.touches_limits = taken.has_notices || !taken.looked_at.is_empty();
        self.keep();
        Ok(taken)
    }

    /// Keeps the windows in memory for who comes next.
    fn keep(self) {
        let Some((terms, cache)) = self.terms else { return };
        let windows = self.windows.iter().filter_map(|window| KeptWindow::of(&window.tally, LIMIT));
        let spend = self.spend.iter().flat_map(|spend| spend.tallies());
        let spend = spend.filter_map(|tally| KeptWindow::of(tally, SPEND));
        cache.windows.put(self.chain, terms.revision, self.kept, windows.chain(spend).collect());
    }
}
