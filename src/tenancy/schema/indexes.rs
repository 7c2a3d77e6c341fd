//! Indexes: the collations of a key, what is unique, in which order rows can be read.

use super::{Object, ddl, named_columns};
use crate::db::{DbError, Tx};
use crate::model::column::Column;
use crate::model::table::{Index, UniqueExpression};

/// What the indexes of a table say.
#[derive(Default)]
pub(super) struct Indexes {
    /// The collations of the key's own index, if it has one.
    pub(super) of_key: Option<Vec<String>>,
    /// The unique ones over expressions.
    pub(super) expressions: Vec<UniqueExpression>,
    /// In which orders they hold the rows.
    pub(super) orders: Vec<Index>,
}

pub(super) fn read(
    tx: &Tx<'_>,
    objects: &[Object],
    table: &str,
    table_columns: &[Column],
) -> Result<Indexes, DbError> {
    let mut found = Indexes::default();
    let listed = tx.query(
        "SELECT name, \"unique\", origin, partial FROM pragma_index_list(?1) ORDER BY partial, seq",
        crate::params![table],
        |row| Ok((row.get::<String>(0)?, row.get::<bool>(1)?, row.get::<String>(2)?, row.get::<bool>(3)?)),
    )?;
    for (name, unique, origin, partial) in listed {
        let parts = read_parts(tx, &name, true)?;
        let mut columns = known(table_columns, &parts);
        let is_whole = !partial && columns.len() == parts.len();
        if is_whole {
            columns.extend(known(table_columns, &read_parts(tx, &name, false)?));
        }
        let (columns, collations) = columns.into_iter().unzip();
        found.orders.push(Index { columns, collations, is_whole });
        if unique && parts.iter().any(|(column, ..)| column.is_none()) {
            let sql = objects.iter().find(|object| object.kind == "index" && object.name == name);
            let mentions = sql.map(|object| ddl::index_mentions(&object.sql)).unwrap_or_default();
            found
                .expressions
                .push(UniqueExpression { columns: named_columns(table_columns, &mentions), name });
        } else if origin == "pk" {
            found.of_key = Some(parts.into_iter().map(|(.., collation)| collation).collect());
        }
    }
    Ok(found)
}

/// Name, direction and collation; an expression and the rowid have no name.
type Part = (Option<String>, bool, String);

/// The parts of an index: its own ones, or what SQLite puts behind them to tell rows apart.
fn read_parts(tx: &Tx<'_>, index: &str, own: bool) -> Result<Vec<Part>, DbError> {
    tx.query(
        "SELECT name, \"desc\", coll FROM pragma_index_xinfo(?1) WHERE key = ?2 ORDER BY seqno",
        crate::params![index, own],
        |row| {
            let column = row.get::<Option<String>>(0)?;
            Ok((column, row.get::<bool>(1)?, row.get::<Option<String>>(2)?.unwrap_or_default()))
        },
    )
}

/// The parts up to the first that is not a column.
fn known(columns: &[Column], parts: &[Part]) -> Vec<((usize, bool), String)> {
    let known = parts.iter().map_while(|(column, descending, collation)| {
        let index = columns.iter().position(|known| Some(&known.name) == column.as_ref())?;
        Some(((index, *descending), collation.clone()))
    });
    known.collect()
}
