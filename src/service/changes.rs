//! The feed of changes, in pages, and the history of a record.

use super::Installation;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableKind};
use crate::tenancy::tx::changes::{self, ChangeQuery};
use crate::tenancy::tx::records::{RecordKey, parse_names};
use crate::tenancy::{FeedOptions, Keep, ListenLimits, TenantScope};
use std::collections::BTreeMap;
use std::sync::Arc;

pub use crate::tenancy::tx::changes::{Change, ChangePage};

/// Bytes of changes after which a page ends.
const PAGE_BYTES: usize = 4 << 20;

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// After this change.
    After(i64),
    /// With the oldest that is kept.
    Oldest,
    /// After the last one now.
    Latest,
}

/// What is asked of the feed, as the client wrote it.
#[derive(Clone, Debug)]
pub struct ChangesIn {
    /// Where reading begins.
    pub since: Since,
    /// `a,b`: tables whose changes are wanted; all where nothing is said.
    pub tables: Option<String>,
}

/// The bounds of feeds that the settings say.
pub(super) fn feed_options(config: &Config) -> FeedOptions {
    FeedOptions {
        keep: Keep { days: config.changes_days, bytes: i64::from(config.changes_mb) << 20 },
        listen: ListenLimits { tenant: config.tenant_streams, identity: config.identity_streams },
    }
}

/// The tables whose changes the scope may read. The one place that says so; which columns of them, says
/// [`Table::column`].
async fn readable_tables(scope: &TenantScope) -> Result<BTreeMap<String, Arc<Table>>> {
    let tables = scope.readable_tables().await?.filter(|table| table.kind == TableKind::Table);
    Ok(tables.map(|table| (table.name.clone(), Arc::clone(table))).collect())
}

/// One page of changes.
///
/// # Errors
/// 403 without `records:read`, 400 `unknown_table`, 410 `changes_gone`.
pub async fn list_changes(scope: &TenantScope, input: &ChangesIn, limit: usize) -> Result<ChangePage> {
    find_changes(scope, input, limit, PAGE_BYTES).await
}

pub(super) async fn find_changes(
    scope: &TenantScope,
    input: &ChangesIn,
    limit: usize,
    bytes: usize,
) -> Result<ChangePage> {
    let mut tables = readable_tables(scope).await?;
    if let Some(wanted) = &input.tables {
        let wanted = parse_names(wanted);
        if let Some(unknown) = wanted.iter().find(|name| !tables.contains_key(*name)) {
            return Err(unknown_table(unknown));
        }
        tables.retain(|name, _| wanted.contains(name));
    }
    let latest = input.since == Since::Latest;
    let since = match input.since {
        Since::After(seq) => Some(seq),
        Since::Oldest | Since::Latest => None,
    };
    let query = ChangeQuery { since, tables, limit, bytes };
    scope.read(move |tx| if latest { changes::latest(tx) } else { changes::find_changes(tx, &query) }).await
}

/// What became of one record, newest first, and where the next page begins.
///
/// # Errors
/// 403 without `records:read`, 404 for an unknown table, or a record of which nothing is known.
pub async fn list_history(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    segment: &str,
    cursor: Option<&str>,
    limit: usize,
) -> Result<(Vec<Change>, Option<String>)> {
    let table = readable_tables(scope).await?.remove(table).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "unknown_table",
            "There is no such table, or it has no changes. GET /tables lists those there are.",
        )
    })?;
    let key = RecordKey::parse(&table, segment)?;
    let context = format!("history:{}:{}:{segment}", scope.tenant().id, table.name);
    let before = match cursor {
        None => None,
        Some(cursor) => {
            Some(installation.open_cursor(&context, cursor)?.parse().map_err(|_| Error::bad_cursor())?)
        }
    };
    let mut changes =
        scope.read(move |tx| changes::list_history(tx, &table, &key, before, limit + 1)).await?;
    let has_more = changes.len() > limit;
    changes.truncate(limit);
    let last = changes.last().filter(|_| has_more);
    let next = last.map(|last| installation.seal_cursor(&context, &last.seq.to_string()));
    Ok((changes, next))
}

fn unknown_table(name: &str) -> Error {
    let name: String = name.chars().take(100).collect();
    Error::malformed(
        "unknown_table",
        format!(
            "tables: there is no table {name:?} whose changes you can read. GET /tables lists those there are."
        ),
    )
}
