//! The SQL seam: the only place that names rusqlite and r2d2.
//!
//! A [`Database`] is one SQLite file with a pool of readers and a writer. All SQL goes through [`Tx`]
//! with [`Value`] parameters; failures come back as [`DbError`], constraints by name.

mod authorizer;
mod batch;
mod capture;
mod checkpoints;
mod console;
mod constraint;
mod copy;
mod counts;
mod database;
#[allow(unsafe_code, reason = "the one named file for what has no safe wrapper, see its head")]
mod ffi;
mod foreign;
mod graft;
mod guard;
mod maintenance;
mod migration;
mod open;
mod pattern;
mod reader_threads;
#[cfg(test)]
mod tests;
mod tx;
mod value;
mod work;
mod writer;

pub use capture::{CapturePlan, Captured, CapturedRow, RowOp};
pub use console::{Console, ConsoleError, ConsoleParams, LONGEST_SQL, Readable};
pub use constraint::{Constraint, ConstraintKind, DbError, OnConstraint};
pub use copy::Copy;
pub use counts::{WaitCounts, WriteCounts, wait_counts, write_counts};
pub use database::{Database, DatabaseOptions};
pub use ffi::bound_malloc_arenas;
pub use foreign::{Foreign, ForeignColumn, ForeignError, ForeignObject};
pub use graft::Graft;
pub use maintenance::Maintenance;
pub use migration::{Migration, MigrationError, Track, TrackFault, count_applied};
pub use open::{OpenError, keep_temporary_files_in};
pub use pattern::{ILIKE, LIKE};
pub use reader_threads::ReaderThreads;
pub use tx::{AppTx, Row, Tx};
pub use value::{FromValue, Value, ValueRef};
pub use writer::WriteLimits;
