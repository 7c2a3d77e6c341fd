//! What a write answers, and how a repeated request gets the same answer.

use crate::error::Result;
use crate::model::hex::hex;
use crate::model::table::Table;
use crate::model::{Etag, IdempotencyKey};
use crate::tenancy::tx::idempotency::KeptAnswer;
use crate::tenancy::{TenantScope, TenantTx};
use sha2::{Digest as _, Sha256};

/// An answer longer than this is kept without its body.
const MOST_KEPT: usize = 1 << 20;

/// The answer to a write.
#[derive(Clone, Debug)]
pub struct Written {
    /// Whether something is new.
    pub created: bool,
    /// The key of the one record that is new, as it stands in a path.
    pub key: Option<String>,
    /// The tag of the one record that was written.
    pub etag: Option<Etag>,
    /// The JSON of the answer; nothing where it is repeated and was not kept.
    pub body: Option<Vec<u8>>,
    /// Whether it was given before, to the same request.
    pub replayed: bool,
}

/// A request that is to be answered once, however often it comes.
pub(super) struct Request {
    actor: String,
    key: IdempotencyKey,
    digest: String,
    viewpoint: String,
}

impl Request {
    /// `route` and `body` make the request; of `tables`, the columns count that the actor may see now.
    pub(super) fn new<'t>(
        scope: &TenantScope,
        key: IdempotencyKey,
        route: &[&str],
        body: &[u8],
        tables: impl IntoIterator<Item = &'t Table>,
    ) -> Request {
        let mut digest = Sha256::new();
        for part in route {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        digest.update(body);
        let mut viewpoint = Sha256::new();
        for table in tables {
            viewpoint.update(&table.quoted);
            viewpoint.update(&table.select_list);
        }
        Request {
            actor: scope.by().actor.to_string(),
            key,
            digest: hex(&digest.finalize()),
            viewpoint: hex(&viewpoint.finalize()),
        }
    }

    /// The answer that this request was given before.
    fn find_answer(&self, tx: TenantTx<'_>) -> Result<Option<Written>> {
        let Some(kept) = tx.find_answer(&self.actor, self.key.as_str())? else { return Ok(None) };
        if kept.request != self.digest {
            return Err(IdempotencyKey::reused());
        }
        // Who may see less by now is not told what was said then.
        let may_see = kept.viewpoint == self.viewpoint;
        Ok(Some(Written {
            created: kept.created,
            key: kept.record_key,
            etag: kept.etag.as_deref().and_then(Etag::kept).filter(|_| may_see),
            body: kept.body.filter(|_| may_see),
            replayed: true,
        }))
    }

    fn keep(&self, tx: TenantTx<'_>, written: &Written) -> Result<()> {
        let answer = KeptAnswer {
            request: self.digest.clone(),
            viewpoint: self.viewpoint.clone(),
            created: written.created,
            record_key: written.key.clone(),
            etag: written.etag.map(|etag| etag.as_str().to_owned()),
            body: written.body.as_ref().filter(|body| body.len() <= MOST_KEPT).cloned(),
        };
        tx.keep_answer(&self.actor, self.key.as_str(), answer)
    }
}

/// Writes, unless the request was answered before. The answer is kept in the same transaction: either both are on disk
/// or neither. A write that is refused keeps nothing and may be tried again with its key.
///
/// # Errors
/// What `act` returns; 409 `idempotency_key_reused`.
pub(super) async fn write_once(
    scope: &TenantScope,
    name: &'static str,
    request: Option<Request>,
    mut act: impl FnMut(&TenantTx<'_>) -> Result<Written> + Send + 'static,
) -> Result<Written> {
    scope
        .write(name, move |tx| {
            let Some(request) = &request else { return act(tx) };
            if let Some(answered) = request.find_answer(*tx)? {
                return Ok(answered);
            }
            let written = act(tx)?;
            request.keep(*tx, &written)?;
            Ok(written)
        })
        .await
}
