//! What the rows that one write changed come to, per record.

use super::tracked::{Side, Tracked, TrackedTable, rowid};
use crate::db::{Captured, CapturedRow, RowOp, ValueRef};
use std::cmp::Reverse;
use std::collections::HashMap;

/// What one write did to one record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effect {
    /// Whether the record was there before the write.
    pub(super) existed: bool,
    /// Whether it is there now; only the file knows if it is in doubt.
    pub(super) exists: bool,
    /// Whether a statement that changed it failed.
    pub(super) in_doubt: bool,
    /// The captured row that names it, and that holds its last values if it exists.
    pub(super) row: usize,
    /// On which side of that row its key is.
    pub(super) side: Side,
    place: Place,
}

/// Where a change stands among the others: after which row, and what goes away because of a delete before it.
type Place = (usize, bool, Reverse<usize>);

/// The effects on all records, in the order in which they are told (see the head of this module's parent).
pub(super) fn effects(tracked: &Tracked, captured: &Captured) -> Vec<Effect> {
    if captured.rows().len() == 1
        && let Some(row) = captured.row(0)
        && let Some(effect) = only_effect(tracked, row)
    {
        return vec![effect];
    }
    let mut found = Found::default();
    for (index, row) in captured.rows().enumerate() {
        let Some(table) = tracked.get(row.table()) else { continue };
        let identity = |side| identity(table, row, side);
        let (here, deleted) = (here(index), deleted(captured, index, row));
        match row.op() {
            RowOp::Insert => found.enter(identity(Side::New), effect(row, index, false, true, here)),
            RowOp::Delete => found.enter(identity(Side::Old), effect(row, index, true, false, deleted)),
            RowOp::Update => {
                let (old, new) = (identity(Side::Old), identity(Side::New));
                if old == new {
                    found.enter(new, effect(row, index, true, true, here));
                } else {
                    found.enter(old, effect(row, index, true, false, deleted));
                    found.enter(new, effect(row, index, false, true, here));
                }
            }
        }
    }
    let mut effects = found.effects;
    effects.sort_by_key(|effect| effect.place);
    effects
}

/// The effect of a single row, which is all that most writes change.
fn only_effect(tracked: &Tracked, row: CapturedRow<'_>) -> Option<Effect> {
    let table = tracked.get(row.table())?;
    let (existed, exists) = match row.op() {
        RowOp::Insert => (false, true),
        RowOp::Delete => (true, false),
        RowOp::Update if keeps_key(table, row) => (true, true),
        RowOp::Update => return None,
    };
    Some(effect(row, 0, existed, exists, here(0)))
}

fn effect(row: CapturedRow<'_>, index: usize, existed: bool, exists: bool, place: Place) -> Effect {
    let side = if exists { Side::New } else { Side::Old };
    Effect { existed, exists, in_doubt: !row.is_certain(), row: index, side, place }
}

fn keeps_key(table: &TrackedTable, row: CapturedRow<'_>) -> bool {
    let same = |part| table.key_value(row, Side::Old, part) == table.key_value(row, Side::New, part);
    row.old_rowid() == row.new_rowid() && (0..table.table.key.len()).all(same)
}

fn here(index: usize) -> Place {
    (index, false, Reverse(0))
}

/// The place of a delete: after all that its triggers and foreign keys did. Without any, before what is made in its
/// place, which may be unique in what it takes over.
fn deleted(captured: &Captured, index: usize, row: CapturedRow<'_>) -> Place {
    let follows = captured.rows().skip(index + 1);
    let follows =
        follows.take_while(|next| next.statement() == row.statement() && next.depth() > row.depth()).count();
    if follows == 0 { (index, false, Reverse(1)) } else { (index + follows, true, Reverse(index)) }
}

/// Names one record within one write.
type Identity = (usize, Vec<u8>);

fn identity(table: &TrackedTable, row: CapturedRow<'_>, side: Side) -> Identity {
    let mut name = Vec::with_capacity(40);
    let mut by_key = !table.table.key.is_empty();
    for part in 0..table.table.key.len() {
        let (kind, bytes): (u8, &[u8]) = match table.key_value(row, side, part) {
            ValueRef::Null => {
                by_key = false;
                (0, &[])
            }
            ValueRef::Integer(integer) => (1, &integer.to_le_bytes()),
            ValueRef::Real(real) => (2, &real.to_bits().to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        name.push(kind);
        name.extend_from_slice(&bytes.len().to_le_bytes());
        name.extend_from_slice(bytes);
    }
    // NULLs in a key are as many records as there are rows.
    if !by_key {
        name.extend_from_slice(&rowid(row, side).to_le_bytes());
    }
    (row.table(), name)
}

#[derive(Default)]
struct Found {
    effects: Vec<Effect>,
    by_identity: HashMap<Identity, usize>,
}

impl Found {
    fn enter(&mut self, identity: Identity, now: Effect) {
        let known = self.by_identity.get(&identity).and_then(|known| self.effects.get_mut(*known));
        let Some(known) = known else {
            self.by_identity.insert(identity, self.effects.len());
            self.effects.push(now);
            return;
        };
        // What is created in this write stays where it was first written: others may refer to it since.
        let stays = !known.existed && known.exists && now.exists;
        let place = if stays { known.place } else { now.place };
        *known = Effect { existed: known.existed, in_doubt: known.in_doubt || now.in_doubt, place, ..now };
    }
}
