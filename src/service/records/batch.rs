//! Several writes in one transaction.

use super::written::{Request, Written, write_once};
use super::{LARGE, tagger};
use crate::error::{Error, FieldError, Kind, Result};
use crate::model::IdempotencyKey;
use crate::service::Installation;
use crate::tenancy::tx::records::{Batch, BatchTables, Unwritable};
use crate::tenancy::{TenantScope, Wants};
use std::sync::Arc;

/// Runs `{"operations":[..]}`, all or none, and answers `{"items":[..]}` in their order; with a key, once.
///
/// # Errors
/// 403 for a table that the scope must not write; 404 for an unknown record; 409 and 422
/// with every field; 412 for a record that is not as its `if_match` says; 409 `idempotency_key_reused`.
pub async fn write_batch(
    installation: &Installation,
    scope: &TenantScope,
    body: Vec<u8>,
    key: Option<IdempotencyKey>,
) -> Result<Written> {
    let body: Arc<[u8]> = body.into();
    let tables = find_tables(scope, &body).await?;
    let (whole, now) = (Arc::clone(&body), installation.clock.now());
    let batch = parse(body.len(), move || Batch::parse(&whole, &tables, now)).await?;
    let request = key.map(|key| Request::new(scope, key, &["batch"], &body, batch.tables_written()));
    let tagger = tagger(installation, scope);
    write_once(scope, "write_batch", request, move |tx| {
        let body = batch.run(tx.app(), &tagger)?;
        Ok(Written { created: false, key: None, etag: None, body: Some(body), replayed: false })
    })
    .await
}

/// The tables of all operations, as far as the scope may write to them.
async fn find_tables(scope: &TenantScope, body: &Arc<[u8]>) -> Result<BatchTables> {
    let whole = Arc::clone(body);
    let mut tables = BatchTables::new();
    for (index, name) in parse(body.len(), move || Batch::tables(&whole)).await? {
        let found = match scope.table(&name, Wants::Write).await {
            Ok(table) => Ok(table),
            Err(error) => match error.kind() {
                Kind::NotFound => Err(Unwritable::Unknown),
                Kind::NotAllowed => Err(Unwritable::ReadOnly),
                // Who may not write there learns nothing about the rest of the body.
                Kind::Forbidden => {
                    let field = format!("operations[{index}].table");
                    let field = FieldError::new(field, "permission_missing", "is not yours to write to");
                    return Err(error.with_fields(vec![field]));
                }
                _ => return Err(error),
            },
        };
        tables.insert(name, found);
    }
    Ok(tables)
}

async fn parse<T: Send + 'static>(
    bytes: usize,
    parse: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    if bytes < LARGE {
        return parse();
    }
    tokio::task::spawn_blocking(parse).await.unwrap_or_else(|error| Err(Error::internal(error)))
}
