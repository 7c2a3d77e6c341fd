//! Storing the changes of one write.

use super::Last;
use super::change::Op;
use super::effects::{Effect, effects};
use super::keep::{Keep, prune};
use super::tracked::{ReadBy, Side, Tracked, TrackedTable, rowid};
use crate::catalog::Actor;
use crate::db::{Captured, CapturedRow, Tx, Value, ValueRef};
use crate::error::{Error, Kind, Result};
use crate::model::money::Amount;
use crate::model::usage::NewUsageEvent;
use crate::tenancy::TenantTx;
use crate::tenancy::tx::records::append_key_part;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Bytes of JSON up to which a record is kept with its change. A larger one is told without it.
const LARGEST_RECORD: usize = 256 << 10;
/// What a row of `_changes` takes beside its texts.
const ROW_BYTES: usize = 48;
/// After so many changes, a write also removes what need not be kept: at most twice as many as have come, so that a
/// backlog shrinks.
const PRUNE_EVERY: i64 = 64;

const INSERT: &str = "INSERT INTO _changes (seq, at, op, table_name, id, record, actor, bytes)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Stores what this write has changed so far.
///
/// # Errors
/// 413 `too_many_changes`; as the database says.
pub fn record_changes(tx: TenantTx<'_>, tracked: &Tracked, actor: Actor, keep: &Keep) -> Result<Recorded> {
    let Some(captured) = tx.tx.take_captured() else { return Ok(Recorded::default()) };
    if !captured.is_whole() {
        return Err(Error::new(
            Kind::TooLarge,
            "too_many_changes",
            "This changes too many records at once, with all that goes along; nothing was changed. Do it in parts.",
        ));
    }
    if captured.rows().len() == 0 {
        return Ok(Recorded::default());
    }
    let begun = match tx.tx.remembered() {
        Some([seq, bytes]) => Last { seq, bytes },
        None => tx.last_change()?,
    };
    let mut ledger = Ledger {
        tx: tx.tx,
        actor: actor.to_string(),
        last: begun,
        id: String::new(),
        record: Vec::new(),
        billable: Vec::new(),
    };
    for effect in effects(tracked, &captured) {
        ledger.add(tracked, &captured, effect)?;
    }
    let last = ledger.last;
    tx.tx.give_back(captured);
    tx.tx.remember([last.seq, last.bytes]);
    if last.seq / PRUNE_EVERY != begun.seq / PRUNE_EVERY {
        prune(tx, keep, 2 * PRUNE_EVERY.max(last.seq - begun.seq))?;
    }
    Ok(Recorded { last: (last.seq > begun.seq).then_some(last.seq), billable: ledger.billable })
}

/// What a write changed.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The number of its last change, if there was one.
    pub last: Option<i64>,
    /// One event for each created record that counts for a meter.
    pub billable: Vec<NewUsageEvent>,
}

/// The feed while a write adds to it.
struct Ledger<'t> {
    tx: &'t Tx<'t>,
    actor: String,
    last: Last,
    id: String,
    record: Vec<u8>,
    billable: Vec<NewUsageEvent>,
}

impl Ledger<'_> {
    fn add(&mut self, tracked: &Tracked, captured: &Captured, effect: Effect) -> Result<()> {
        let row = captured.row(effect.row).and_then(|row| Some((row, tracked.get(row.table())?)));
        let Some((row, table)) = row else { return Ok(()) };
        let mut exists = effect.exists;
        self.record.clear();
        let again = table.again().filter(|_| effect.in_doubt || (exists && table.is_partial(row)));
        if let Some((sql, by)) = again {
            exists = self.read_again(table, row, effect.side, sql, by)?;
        } else if exists {
            table.encode_captured(row, &mut self.record);
        }
        let op = match (effect.existed, exists) {
            (false, false) => return Ok(()),
            (false, true) => Op::Create,
            (true, true) => Op::Update,
            (true, false) => Op::Delete,
        };
        let is_named = self.name(table, row, effect.side);
        self.store(op, &table.table.name, is_named)?;
        if let Some(meter) = table.meter.as_ref().filter(|_| op == Op::Create) {
            self.billable.push(NewUsageEvent {
                meter: Arc::clone(meter),
                quantity: 10_i64.pow(u32::from(meter.scale)),
                cost: Amount::ZERO,
                occurred_at: None,
                key: format!("_record:{}:{}", table.table.name, self.last.seq),
                properties: None,
                value: None,
            });
        }
        Ok(())
    }

    /// Reads the row as it is now into `record`; false if it is gone.
    fn read_again(
        &mut self,
        table: &TrackedTable,
        row: CapturedRow<'_>,
        side: Side,
        sql: &str,
        by: ReadBy,
    ) -> Result<bool> {
        let params: Vec<Value> = match by {
            ReadBy::Rowid => vec![Value::Integer(rowid(row, side))],
            ReadBy::Key => {
                let parts = 0..table.table.key.len();
                parts.map(|part| table.key_value(row, side, part).to_owned()).collect()
            }
        };
        let mut found = false;
        let record = &mut self.record;
        self.tx.app().each(sql, &params, |row| {
            found = true;
            table.encode_row(row, record);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }

    /// Makes the segment of a path that names the record; false if none does.
    fn name(&mut self, table: &TrackedTable, row: CapturedRow<'_>, side: Side) -> bool {
        self.id.clear();
        let parts = table.table.key.len();
        parts > 0
            && (0..parts).all(|part| append_key_part(table.key_value(row, side, part), part, &mut self.id))
    }

    fn store(&mut self, op: Op, table: &str, is_named: bool) -> Result<()> {
        let keeps_record = op != Op::Delete && self.record.len() <= LARGEST_RECORD;
        let record: &[u8] = if keeps_record { &self.record } else { &[] };
        let id: &str = if is_named { &self.id } else { "" };
        let size = record.len() + id.len() + table.len() + self.actor.len() + ROW_BYTES;
        self.last.seq += 1;
        self.last.bytes += i64::try_from(size).unwrap_or(0);
        self.tx.execute_with(
            INSERT,
            &[
                ValueRef::Integer(self.last.seq),
                ValueRef::Integer(self.tx.now().0),
                ValueRef::Text(op.name().as_bytes()),
                ValueRef::Text(table.as_bytes()),
                if is_named { ValueRef::Text(id.as_bytes()) } else { ValueRef::Null },
                if keeps_record { ValueRef::Text(record) } else { ValueRef::Null },
                ValueRef::Text(self.actor.as_bytes()),
                ValueRef::Integer(self.last.bytes),
            ],
        )?;
        Ok(())
    }
}
