//! Records of a tenant: bodies and queries are read before anything waits for the file.

use super::Installation;
use crate::clock::Timestamp;
use crate::error::{Error, Kind, Result};
use crate::model::table::Table;
use crate::policy::Permission;
use crate::tenancy::tx::records::{self, CursorContext, Inserted, ListQuery, NewRecords, Patch, RecordKey};
use crate::tenancy::{TenantScope, TenantTx};
use std::sync::Arc;

/// Tables of the tenant, as JSON, with what the scope may do with each.
///
/// # Errors
/// 403 without `records:read`.
pub async fn list_tables(scope: &TenantScope) -> Result<Vec<serde_json::Value>> {
    scope.require(Permission::RecordsRead)?;
    scope
        .schema()
        .await?
        .tables()
        .map(|table| {
            let may_write = scope.has(Permission::RecordsWrite) && table.is_writable();
            let permissions: &[&str] = if may_write { &["read", "write"] } else { &["read"] };
            Ok(serde_json::to_value(table.describe(permissions))?)
        })
        .collect()
}

/// One page of records, as the JSON of the answer.
///
/// # Errors
/// 403 without `records:read`, 404 for an unknown table, 400 for what the query gets wrong.
pub async fn list_records(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    params: &[(String, String)],
) -> Result<Vec<u8>> {
    scope.require(Permission::RecordsRead)?;
    let table = find_table(scope, table).await?;
    let context = CursorContext::new(installation.keys.cursors, scope.tenant().id.to_string());
    let query = ListQuery::parse(&table, params, &context)?;
    let slow = query.is_slow();
    let list = move |tx: &TenantTx<'_>| records::list_records(tx.app(), &table, &query, &context);
    if slow { scope.read_slow(list).await } else { scope.read(list).await }
}

/// One record, as the JSON of the answer.
///
/// # Errors
/// 403 without `records:read`, 404 for an unknown table or key, 400 for unknown fields.
pub async fn find_record(
    scope: &TenantScope,
    table: &str,
    segment: &str,
    fields: Option<&str>,
) -> Result<Vec<u8>> {
    scope.require(Permission::RecordsRead)?;
    let table = find_table(scope, table).await?;
    let fields = fields.map(|fields| records::parse_fields(&table, fields)).transpose()?;
    let key = RecordKey::parse(&table, segment)?;
    scope
        .read(move |tx| records::find_record(tx.app(), &table, &key, fields.as_deref()))
        .await?
        .ok_or_else(Error::not_found)
}

/// Stores one record or an array of them, all or none.
///
/// # Errors
/// 403 without `records:write`, 404 for an unknown table, 405 for a view, 409 and 422 with every field.
pub async fn create_records(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    body: Vec<u8>,
) -> Result<Inserted> {
    scope.require(Permission::RecordsWrite)?;
    let table = writable_table(scope, table).await?;
    let new = parse_new(&table, body, installation.clock.now()).await?;
    scope.write("create_records", move |tx| records::insert_records(tx.app(), &table, &new)).await
}

/// Changes fields of a record and answers all of it.
///
/// # Errors
/// As [`create_records`], and 404 for an unknown key.
pub async fn update_record(scope: &TenantScope, table: &str, segment: &str, body: &[u8]) -> Result<Vec<u8>> {
    scope.require(Permission::RecordsWrite)?;
    let table = writable_table(scope, table).await?;
    let key = RecordKey::parse(&table, segment)?;
    let patch = Patch::parse(&table, body)?;
    scope
        .write("update_record", move |tx| records::update_record(tx.app(), &table, &key, &patch))
        .await?
        .ok_or_else(Error::not_found)
}

/// Removes a record.
///
/// # Errors
/// 403 without `records:write`, 404 for an unknown table or key, 405 for a view, 409 while others refer to it.
pub async fn delete_record(scope: &TenantScope, table: &str, segment: &str) -> Result<()> {
    scope.require(Permission::RecordsWrite)?;
    let table = writable_table(scope, table).await?;
    let key = RecordKey::parse(&table, segment)?;
    let deleted =
        scope.write("delete_record", move |tx| records::delete_record(tx.app(), &table, &key)).await?;
    if deleted { Ok(()) } else { Err(Error::not_found()) }
}

/// A body of this many bytes is read on a thread that may block.
const LARGE: usize = 64 << 10;

async fn parse_new(table: &Arc<Table>, body: Vec<u8>, now: Timestamp) -> Result<NewRecords> {
    if body.len() < LARGE {
        return NewRecords::parse(table, &body, now);
    }
    let table = Arc::clone(table);
    tokio::task::spawn_blocking(move || NewRecords::parse(&table, &body, now))
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
}

async fn find_table(scope: &TenantScope, name: &str) -> Result<Arc<Table>> {
    scope.schema().await?.table(name).map(Arc::clone).ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            "unknown_table",
            "There is no such table. GET /tables lists those there are.",
        )
    })
}

async fn writable_table(scope: &TenantScope, name: &str) -> Result<Arc<Table>> {
    let table = find_table(scope, name).await?;
    if table.is_writable() { Ok(table) } else { Err(Error::read_only_table(&table.name)) }
}
