//! Rows as statements change them, kept until their transaction says what became of them.
//!
//! SQLite's pre-update hook is called for each row on its way, whoever changes it: the statement itself, a trigger, a
//! foreign key that cascades, a conflict that replaces. Values are copied into one buffer per connection, which keeps
//! its room from one write to the next.

mod row;

pub use row::CapturedRow;

use super::ffi::RowEvent;
use super::value::ValueRef;
use rusqlite::ffi::{SQLITE_DELETE, SQLITE_INSERT};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Bytes that the rows of one write may take in memory; some 500,000 rows that a delete takes along.
const MOST_BYTES: usize = 128 << 20;

/// Which tables are captured. Those that begin with `_` never are.
#[derive(Debug, Default)]
pub struct CapturePlan {
    tables: HashMap<Vec<u8>, PlannedTable>,
}

#[derive(Debug)]
struct PlannedTable {
    number: u32,
    columns: usize,
    key: Vec<usize>,
}

impl CapturePlan {
    /// Adds a table with so many columns, of which `key` are needed of a row that goes away. The first has number 0.
    pub fn add(&mut self, name: &str, columns: usize, key: Vec<usize>) {
        let number = u32::try_from(self.tables.len()).unwrap_or(u32::MAX);
        self.tables.insert(name.as_bytes().to_vec(), PlannedTable { number, columns, key });
    }
}

/// What a statement does to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowOp {
    /// It is new.
    Insert,
    /// It is changed, perhaps its key too.
    Update,
    /// It goes away.
    Delete,
}

/// The plan of a connection, and what was captured on it.
pub(super) struct Capture {
    plan: std::sync::Arc<CapturePlan>,
    captured: Mutex<Captured>,
    /// What the last write wants the next one to know, unless a rollback comes between.
    memo: Mutex<Option<[i64; 2]>>,
}

impl Capture {
    pub(super) fn new(plan: std::sync::Arc<CapturePlan>) -> Capture {
        Capture { plan, captured: Mutex::default(), memo: Mutex::default() }
    }

    /// Called by SQLite for each row. Nothing is allocated for tables that are not in the plan.
    pub(super) fn row(&self, table: &[u8], event: &RowEvent) {
        if table.first() == Some(&b'_') {
            return;
        }
        let Some(table) = self.plan.tables.get(table) else { return };
        // Poisoned by an earlier row of the same write: that write fails already.
        if let Ok(mut captured) = self.captured.lock() {
            captured.push(table, event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Captured> {
        self.captured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was captured: another write begins.
    pub(super) fn clear(&self) {
        self.lock().clear();
        self.captured.clear_poison();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().rows.is_empty()
    }

    /// Whether the next row will be kept.
    pub(super) fn has_room(&self) -> bool {
        let captured = self.lock();
        captured.is_whole && captured.size() <= MOST_BYTES
    }

    /// How many rows were captured.
    pub(super) fn count(&self) -> usize {
        self.lock().rows.len()
    }

    /// Hands the last row to `read`, if there are more than `count`.
    pub(super) fn last_after<T>(&self, count: usize, read: impl FnOnce(CapturedRow<'_>) -> T) -> Option<T> {
        let captured = self.lock();
        let row = captured.rows.len().checked_sub(1).filter(|last| *last >= count)?;
        captured.row(row).map(read)
    }

    pub(super) fn memo(&self) -> Option<[i64; 2]> {
        *self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set_memo(&self, memo: Option<[i64; 2]>) {
        *self.memo.lock().unwrap_or_else(PoisonError::into_inner) = memo;
    }

    /// Takes what was captured.
    pub(super) fn take(&self) -> Captured {
        let is_broken = self.captured.is_poisoned();
        let mut captured = std::mem::take(&mut *self.lock());
        captured.is_whole &= !is_broken;
        captured
    }

    /// Gives the room of what was taken back.
    pub(super) fn give_back(&self, mut captured: Captured) {
        captured.clear();
        *self.lock() = captured;
    }

    /// Begins a statement; the mark is for [`Capture::doubt`] and [`Capture::undo`].
    pub(super) fn begin_statement(&self) -> usize {
        let mut captured = self.lock();
        captured.statement += 1;
        captured.rows.len()
    }

    /// A statement failed, and SQLite has undone what it did, or (after RAISE(FAIL) or ON CONFLICT FAIL) has not.
    pub(super) fn doubt(&self, mark: usize) {
        self.lock().rows.iter_mut().skip(mark).for_each(|row| row.is_certain = false);
    }
}

/// The rows that one write has changed so far, in the order in which it did.
#[derive(Debug)]
pub struct Captured {
    rows: Vec<Stored>,
    cells: Vec<Cell>,
    bytes: Vec<u8>,
    statement: u32,
    is_whole: bool,
}

#[derive(Clone, Debug)]
struct Stored {
    table: u32,
    op: RowOp,
    depth: u32,
    statement: u32,
    is_certain: bool,
    old_rowid: i64,
    new_rowid: i64,
    old: Range<usize>,
    new: Range<usize>,
}

/// A value whose bytes are in the buffer.
#[derive(Clone, Debug)]
enum Cell {
    Unknown,
    Null,
    Integer(i64),
    Real(f64),
    Text(Range<usize>),
    Blob(Range<usize>),
}

impl Default for Captured {
    fn default() -> Captured {
        Captured { rows: Vec::new(), cells: Vec::new(), bytes: Vec::new(), statement: 0, is_whole: true }
    }
}

impl Captured {
    /// Whether all of it is here: false if it was too much to be held.
    pub fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// The rows, in order. A row stands here as often as it was changed.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = CapturedRow<'_>> + Clone {
        self.rows.iter().map(|row| CapturedRow { all: self, row })
    }

    /// One of them.
    pub fn row(&self, index: usize) -> Option<CapturedRow<'_>> {
        self.rows.get(index).map(|row| CapturedRow { all: self, row })
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.cells.clear();
        self.bytes.clear();
        (self.statement, self.is_whole) = (0, true);
    }

    fn size(&self) -> usize {
        self.bytes.len() + self.cells.len() * size_of::<Cell>() + self.rows.len() * size_of::<Stored>()
    }

    fn push(&mut self, table: &PlannedTable, event: &RowEvent) {
        if self.size() > MOST_BYTES {
            self.is_whole = false;
            return;
        }
        let op = match event.code {
            SQLITE_INSERT => RowOp::Insert,
            SQLITE_DELETE => RowOp::Delete,
            _ => RowOp::Update,
        };
        let old_from = self.cells.len();
        if op != RowOp::Insert {
            table.key.iter().for_each(|column| self.keep(event.old_value(*column)));
        }
        let new_from = self.cells.len();
        if op != RowOp::Delete {
            (0..table.columns).for_each(|column| self.keep(event.new_value(column)));
        }
        self.rows.push(Stored {
            table: table.number,
            op,
            depth: event.depth(),
            statement: self.statement,
            is_certain: true,
            old_rowid: event.old_rowid,
            new_rowid: event.new_rowid,
            old: old_from..new_from,
            new: new_from..self.cells.len(),
        });
    }

    fn keep(&mut self, value: Option<ValueRef<'_>>) {
        let mut held = |bytes: &[u8]| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            start..self.bytes.len()
        };
        let cell = match value {
            None => Cell::Unknown,
            Some(ValueRef::Null) => Cell::Null,
            Some(ValueRef::Integer(integer)) => Cell::Integer(integer),
            Some(ValueRef::Real(real)) => Cell::Real(real),
            Some(ValueRef::Text(text)) => Cell::Text(held(text)),
            Some(ValueRef::Blob(blob)) => Cell::Blob(held(blob)),
        };
        self.cells.push(cell);
    }

    fn value(&self, cell: &Cell) -> Option<ValueRef<'_>> {
        let bytes = |range: &Range<usize>| self.bytes.get(range.clone()).unwrap_or_default();
        Some(match cell {
            Cell::Unknown => return None,
            Cell::Null => ValueRef::Null,
            Cell::Integer(integer) => ValueRef::Integer(*integer),
            Cell::Real(real) => ValueRef::Real(*real),
            Cell::Text(range) => ValueRef::Text(bytes(range)),
            Cell::Blob(range) => ValueRef::Blob(bytes(range)),
        })
    }
}
