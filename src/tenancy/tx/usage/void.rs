//! Taking an event back: by another one that undoes it, so that nothing is removed.

use super::super::TenantTx;
use super::intake::Intake;
use super::quarter;
use super::sums::Counted;
use crate::catalog::Actor;
use crate::error::{Error, Kind, Result};
use crate::model::meter::Meters;
use crate::model::usage::{OLDEST, UsageRow};

impl TenantTx<'_> {
    /// Takes an event back, and tells the number of the event that does it. Whoever sent it may, and operators: what a
    /// product sent of its customers is not theirs to take back.
    ///
    /// # Errors
    /// 404 for an event that there is not; 403 `not_the_sender`; 409 `already_voided`, `not_voidable`, `too_old_to_void`.
    pub fn void_usage_event(self, seq: i64, meters: &Meters, actor: Actor) -> Result<i64> {
        let event = self.find_usage_event(seq)?.ok_or_else(Error::not_found)?;
        let is_operator = matches!(actor, Actor::Operator(_) | Actor::Console);
        if !is_operator && event.sender != Some(actor.to_string()) {
            return Err(Error::new(
                Kind::Forbidden,
                "not_the_sender",
                "Only whoever sent this event can take it back: the same member, or the same API key. An operator of this \
                 installation can too.",
            ));
        }
        if event.voids.is_some() {
            return Err(Error::conflict(
                "not_voidable",
                "This event takes another one back. Send that one again, under another key, if it should count after all.",
            ));
        }
        if event.key.starts_with('_') {
            return Err(Error::conflict(
                "not_voidable",
                "This event came with a record that was created: what is billed of it is not taken back by itself.",
            ));
        }
        if event.occurred_at < self.now().0.saturating_sub(OLDEST) {
            return Err(Error::conflict(
                "too_old_to_void",
                "This event occurred more than 35 days ago: its period is billed. An operator can give a credit note.",
            ));
        }
        let mut intake = Intake::begin(self, meters, None, actor)?;
        let (key, number) = (format!("_void:{seq}"), intake.next_seq());
        let row = UsageRow(
            number,
            &key,
            &event.meter,
            -event.quantity,
            -event.cost,
            event.occurred_at,
            self.now().0,
            true,
            None,
            Some(seq),
        );
        if !intake.insert(&row)? {
            return Err(Error::conflict("already_voided", "This event was taken back before."));
        }
        // A meter that nobody knows any more has sums all the same: they are made anew as plain ones.
        let Some(meter) = meters.get(&event.meter) else { return Ok(number) };
        if meter.aggregation.adds_up() {
            intake.count(
                meter,
                event.occurred_at,
                &Counted {
                    seq: number,
                    quantity: row.3,
                    cost: row.4,
                    occurred_at: event.occurred_at,
                    value: None,
                    events: -1,
                },
            )?;
            intake.finish()?;
        } else {
            self.rebuild_quarter(meter, quarter(event.occurred_at), number)?;
        }
        // Windows that are not open here are made anew from the sums.
        self.forget_windows(Some(&event.meter))?;
        Ok(number)
    }
}
