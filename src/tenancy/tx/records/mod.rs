//! Records of the app's own tables: any table, as its migrations made it.
//!
//! Each module has one noun. What a client sends is read against the [`Table`](crate::model::table::Table) before any
//! transaction begins (`query`, `conditions`, `filter`, `order`, `cursor`, `key`, `json`, `decode`); what comes out of that can only
//! name columns that exist, and carries values, never SQL. Inside the transaction there is one statement per record
//! or list (`select`, `insert`, `write`), whose rows are written straight into the answer (`page`, `encode`); a list that no index
//! holds in its order (`served`) is sorted without its records, which are looked up then. Only when a constraint fails are
//! more statements run, to say which fields are at fault (`explain`, `probe`).
//!
//! Whatever writes takes a [`TableAccess`](crate::tenancy::TableAccess), which knows whose rows the caller may touch
//! (`owner`) and which tables an error may name.
//!
//! All statements go through [`AppTx`](crate::db::AppTx), so that neither they nor the app's triggers reach our tables.

mod aggregate;
mod batch;
mod captured;
mod conditions;
mod cursor;
mod decode;
mod dump;
mod encode;
mod expand;
mod explain;
mod filter;
mod insert;
mod json;
mod key;
mod literal;
mod names;
mod order;
mod owner;
mod page;
mod prefix;
mod probe;
mod put;
mod query;
mod readable;
mod related;
mod search;
mod select;
mod served;
mod source;
mod stored;
mod total;
mod value;
mod write;

#[cfg(test)]
mod tests;

pub(super) use captured::{as_read, new_values};
pub(super) use encode::encode_values;
pub(super) use key::append_key_part;
pub(super) use stored::encode_visible;

pub use aggregate::{AggregateQuery, aggregate_records};
pub use batch::{Batch, BatchTables, Unwritable};
pub use cursor::CursorContext;
pub use decode::{NewRecords, Patch};
pub use dump::{dump_cells, dump_json, harmless};
pub use encode::encode_plain;
pub use expand::Expansion;
pub use filter::{Filter, Test};
pub use insert::{Inserted, insert_records, insert_unsettled};
pub use key::RecordKey;
pub use names::parse_names;
pub use put::{Put, Stored, put_record};
pub use query::{ListQuery, PARAMETERS, parse_fields};
pub use readable::Readable;
pub use select::{find_expanded, find_fields, find_record, list_records};
pub use write::{delete_record, delete_unsettled, settle, update_record, update_unsettled};
