//! Records of a tenant: bodies and queries are read before anything waits for the file.

mod batch;
mod written;

pub use crate::tenancy::tx::records::PARAMETERS;
pub use batch::write_batch;
pub use written::Written;

use super::Installation;
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::model::table::Table;
use crate::model::{Etag, IdempotencyKey, Preconditions, Tagger};
use crate::tenancy::tx::records::{
    self, AggregateQuery, CursorContext, Expansion, ListQuery, NewRecords, Patch, Put, Readable, RecordKey,
};
use crate::tenancy::{TableAccess, TenantScope, TenantTx, Wants};
use written::Request;

/// A record as it was found.
pub struct Found {
    /// The tag of all of it, unless it was expanded.
    pub etag: Option<Etag>,
    /// The JSON of the answer; nothing where the reader has it already.
    pub body: Option<Vec<u8>>,
}

/// Tables of the tenant that the scope may read, as JSON, with what it may do with each.
///
/// # Errors
/// 403 without `records:read` for any table.
pub async fn list_tables(scope: &TenantScope) -> Result<Vec<serde_json::Value>> {
    let may_read = |table: &str| scope.rights(table).read;
    let tables = scope.readable_tables().await?;
    tables
        .map(|table| Ok(serde_json::to_value(table.describe(scope.rights(&table.name), &may_read))?))
        .collect()
}

/// One page of records, or figures about them, as the JSON of the answer.
///
/// # Errors
/// 404 for a table that is unknown or not to be read, 400 for what the query gets wrong.
pub async fn list_records(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    params: &[(String, String)],
) -> Result<Vec<u8>> {
    let table = scope.table(table, Wants::Read).await?;
    let context = CursorContext::new(installation.keys.cursors, scope.tenant().id.to_string());
    let readable = readable(scope, Readable::is_asked(params)).await?;
    if AggregateQuery::is_asked(params) {
        let query = AggregateQuery::parse(&table, params, &readable)?;
        return scope.read_slow(move |tx| records::aggregate_records(tx.app(), &table, &query)).await;
    }
    let query = ListQuery::parse(&table, params, &context, &readable)?;
    let slow = query.is_slow();
    let list = move |tx: &TenantTx<'_>| records::list_records(tx.app(), &table, &query, &context);
    if slow { scope.read_slow(list).await } else { scope.read(list).await }
}

/// The tables that the scope may read, where a query leads to them.
async fn readable(scope: &TenantScope, is_asked: bool) -> Result<Readable> {
    if is_asked { Ok(scope.readable_tables().await?.collect()) } else { Ok(Readable::default()) }
}

/// One record, all of it or these fields; its tag is that of all of it. One that is expanded has no tag, as what it was
/// expanded by may change without it, and conditions are nothing to it.
///
/// # Errors
/// 404 for a key, and a table, that is unknown or not to be read, 400 for unknown fields, 412 for another than the
/// conditions ask for.
pub async fn find_record(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    segment: &str,
    (fields, expand): (Option<&str>, Option<&str>),
    conditions: &Preconditions,
) -> Result<Found> {
    let table = scope.table(table, Wants::Read).await?;
    let fields = fields.map(|fields| records::parse_fields(&table, fields)).transpose()?;
    let key = RecordKey::parse(&table, segment)?;
    if let Some(expand) = expand {
        let readable = readable(scope, true).await?;
        let expand = Expansion::parse(&table, expand, fields.as_deref(), &readable)?;
        let find = move |tx: &TenantTx<'_>| {
            records::find_expanded(tx.app(), &table, &key, fields.as_deref(), &expand)
        };
        let body = scope.read(find).await?.ok_or_else(Error::not_found)?;
        return Ok(Found { etag: None, body: Some(body) });
    }
    let tagger = tagger(installation, scope);
    let (body, etag) = scope
        .read_one(move |tx| {
            let found = match &fields {
                None => records::find_record(tx.app(), &table, &key, None)?
                    .map(|body| (tagger.tag(&table.name, &body), body)),
                Some(fields) => records::find_fields(tx.app(), &table, &key, fields)?
                    .map(|(whole, part)| (tagger.tag(&table.name, &whole), part)),
            };
            found.map(|(etag, body)| (body, etag)).ok_or_else(Error::not_found)
        })
        .await?;
    let has_it = !conditions.is_empty() && conditions.has_it(&etag)?;
    Ok(Found { etag: Some(etag), body: (!has_it).then_some(body) })
}

/// Stores one record or an array of them, all or none; with a key, once.
///
/// # Errors
/// 403 for a table that is not to be written, 404 for an unknown one, 405 for a view, 409 and 422 with every field; 409
/// `idempotency_key_reused`.
pub async fn create_records(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    body: Vec<u8>,
    key: Option<IdempotencyKey>,
) -> Result<Written> {
    let table = scope.table(table, Wants::Write).await?;
    let request =
        key.map(|key| Request::new(scope, key, &["records", &table.name], &body, [&**table.table()]));
    let new = parse_new(&table, body, installation.clock.now()).await?;
    let tagger = tagger(installation, scope);
    written::write_once(scope, "create_records", request, move |tx| {
        let inserted = records::insert_records(tx.app(), &table, &new)?;
        let (etag, key) = match inserted.keys.as_slice() {
            [one] if !new.is_array() => (Some(tagger.tag(&table.name, &inserted.body)), one.to_segment()),
            _ => (None, None),
        };
        Ok(Written { created: true, key, etag, body: Some(inserted.body), replayed: false })
    })
    .await
}

/// Changes fields of a record and answers all of it.
///
/// # Errors
/// As [`create_records`], 404 for an unknown key, and 412 for another record than the conditions ask for.
pub async fn update_record(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    segment: &str,
    body: &[u8],
    conditions: Preconditions,
) -> Result<Written> {
    let table = scope.table(table, Wants::Write).await?;
    let key = RecordKey::parse(&table, segment)?;
    let patch = Patch::parse(&table, body)?;
    let tagger = tagger(installation, scope);
    scope
        .write("update_record", move |tx| {
            admit(*tx, &table, &key, &conditions, &tagger)?.ok_or_else(Error::not_found)?;
            let body =
                records::update_record(tx.app(), &table, &key, &patch)?.ok_or_else(Error::not_found)?;
            let etag = Some(tagger.tag(&table.name, &body));
            Ok(Written { created: false, key: None, etag, body: Some(body), replayed: false })
        })
        .await
}

/// Changes fields of a record, or creates it where there is none; answers all of it.
///
/// # Errors
/// As [`create_records`], and 412 for another record than the conditions ask for.
pub async fn put_record(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    segment: &str,
    body: &[u8],
    conditions: Preconditions,
) -> Result<Written> {
    let table = scope.table(table, Wants::Write).await?;
    let key = RecordKey::parse(&table, segment)?;
    let put = Put::parse(&table, &key, body, installation.clock.now())?;
    let tagger = tagger(installation, scope);
    scope
        .write("put_record", move |tx| {
            if admit(*tx, &table, &key, &conditions, &tagger)?.is_none() {
                conditions.admit_write(None)?;
            }
            let stored = records::put_record(tx.app(), &table, &key, &put)?;
            let etag = Some(tagger.tag(&table.name, &stored.body));
            let key = stored.key.to_segment().filter(|_| stored.created);
            Ok(Written { created: stored.created, key, etag, body: Some(stored.body), replayed: false })
        })
        .await
}

/// Removes a record.
///
/// # Errors
/// 403 for a table that is not to be written, 404 for an unknown one or an unknown key, 405 for a view, 409 while others refer to it, 412 for
/// another record than the conditions ask for.
pub async fn delete_record(
    installation: &Installation,
    scope: &TenantScope,
    table: &str,
    segment: &str,
    conditions: Preconditions,
) -> Result<()> {
    let table = scope.table(table, Wants::Write).await?;
    let key = RecordKey::parse(&table, segment)?;
    let tagger = tagger(installation, scope);
    scope
        .write("delete_record", move |tx| {
            admit(*tx, &table, &key, &conditions, &tagger)?.ok_or_else(Error::not_found)?;
            let deleted = records::delete_record(tx.app(), &table, &key)?;
            deleted.then_some(()).ok_or_else(Error::not_found)
        })
        .await
}

/// Makes the tags of the scope's tenant.
fn tagger(installation: &Installation, scope: &TenantScope) -> Tagger {
    Tagger::new(installation.keys.etags, scope.tenant().id)
}

/// Whether the record as it is now meets the conditions; `None` if they ask for something and there is no record.
fn admit(
    tx: TenantTx<'_>,
    table: &Table,
    key: &RecordKey,
    conditions: &Preconditions,
    tagger: &Tagger,
) -> Result<Option<()>> {
    if conditions.is_empty() {
        return Ok(Some(()));
    }
    let current = records::find_record(tx.app(), table, key, None)?;
    let tag = current.map(|record| tagger.tag(&table.name, &record));
    tag.map(|tag| conditions.admit_write(Some(&tag))).transpose()
}

/// A body of this many bytes is read on a thread that may block.
const LARGE: usize = 64 << 10;

async fn parse_new(table: &TableAccess, body: Vec<u8>, now: Timestamp) -> Result<NewRecords> {
    if body.len() < LARGE {
        return NewRecords::parse(table, &body, now);
    }
    let table = table.clone();
    tokio::task::spawn_blocking(move || NewRecords::parse(&table, &body, now))
        .await
        .unwrap_or_else(|error| Err(Error::internal(error)))
}
