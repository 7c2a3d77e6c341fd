//! Keys as principals: authenticated, held in memory between commits.

use super::{Facts, Principal};
use crate::catalog::api_keys::key_rate;
use crate::catalog::identities::IdentityKind;
use crate::catalog::tenant_roles::permissions_in;
use crate::catalog::{Catalog, CatalogTx, Identity};
use crate::clock::{MINUTE, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::id::{ApiKeyId, IdentityId, TenantId};
use crate::model::api_key::KeyRate;
use crate::params;
use crate::policy::PermissionSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use subtle::ConstantTimeEq as _;

/// How far behind `last_used_at` may be: a request is not worth a write.
const USE_IS_NOTED: i64 = 5 * MINUTE;

/// What memory holds of a key.
#[derive(Debug)]
pub(in crate::catalog) struct KeyFacts {
    pub(in crate::catalog) key: ApiKeyId,
    pub(in crate::catalog) tenant: TenantId,
    pub(in crate::catalog) holder: Identity,
    pub(in crate::catalog) permissions: PermissionSet,
    pub(in crate::catalog) has_second_factor: bool,
    pub(in crate::catalog) rate: Option<KeyRate>,
    hash: String,
    expires_at: Option<Timestamp>,
    use_noted_at: AtomicI64,
}

impl KeyFacts {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.holder.is_active && self.expires_at.is_none_or(|end| now < end)
    }
}

impl Catalog {
    /// The principal behind a key, of which `hash` is the SHA-256.
    ///
    /// # Errors
    /// 401 when there is no such key, or it is over, or its holder is disabled.
    pub async fn authenticate_key(&self, key: ApiKeyId, hash: &str) -> Result<Principal> {
        let facts = self.key_facts(key).await?;
        let is_right: bool = facts.hash.as_bytes().ct_eq(hash.as_bytes()).into();
        let now = self.now();
        if !is_right || !facts.is_alive(now) {
            return Err(key_over());
        }
        let noted = facts.use_noted_at.load(Ordering::Relaxed);
        let is_mine = now.0.saturating_sub(noted) >= USE_IS_NOTED
            && facts
                .use_noted_at
                .compare_exchange(noted, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_mine && let Err(error) = self.write("note_key_use", move |tx| tx.note_key_use(key)).await {
            tracing::warn!(%key, %error, "the use of an API key could not be noted");
        }
        Ok(Principal::of(Facts::Key(facts)))
    }

    /// The facts of a key that was authenticated before, if it is alive still.
    pub(in crate::catalog) async fn key_again(&self, key: ApiKeyId) -> Result<Arc<KeyFacts>> {
        let facts = self.key_facts(key).await?;
        if facts.is_alive(self.now()) { Ok(facts) } else { Err(key_over()) }
    }

    async fn key_facts(&self, key: ApiKeyId) -> Result<Arc<KeyFacts>> {
        if let Some(facts) = self.access.keys.get(&key) {
            return Ok(facts);
        }
        let mark = self.access.keys.mark();
        let facts = self.read(move |tx| tx.find_key_facts(key)).await?.map(Arc::new).ok_or_else(key_over)?;
        self.access.keys.insert(mark, key, Arc::clone(&facts));
        Ok(facts)
    }
}

impl CatalogTx<'_> {
    fn find_key_facts(&self, key: ApiKeyId) -> Result<Option<KeyFacts>> {
        let found = self.tx.query_row(
            "SELECT tenant_id, holder, permissions, key_hash, expires_at, last_used_at, requests_per_second, burst
             FROM api_keys WHERE id = ?1",
            params![key],
            |row| {
                let noted: Option<Timestamp> = row.get(5)?;
                let (tenant, holder): (TenantId, IdentityId) = (row.get(0)?, row.get(1)?);
                let (permissions, hash): (String, String) = (row.get(2)?, row.get(3)?);
                let expires_at: Option<Timestamp> = row.get(4)?;
                let rate = key_rate(row.get(6)?, row.get(7)?);
                Ok((tenant, holder, permissions, hash, expires_at, noted.map_or(0, |at| at.0), rate))
            },
        )?;
        let Some((tenant, holder, permissions, hash, expires_at, noted, rate)) = found else {
            return Ok(None);
        };
        let Some(holder) = self.find_identity(holder)? else { return Ok(None) };
        // A tenant that asks for a second factor asks people; a key lets nobody around it.
        let has_second_factor = holder.kind == IdentityKind::Service || self.has_second_factor(holder.id)?;
        let permissions = permissions_in(&permissions);
        let use_noted_at = AtomicI64::new(noted);
        Ok(Some(KeyFacts {
            key,
            tenant,
            holder,
            permissions,
            has_second_factor,
            rate,
            hash,
            expires_at,
            use_noted_at,
        }))
    }

    fn note_key_use(&self, key: ApiKeyId) -> Result<()> {
        self.tx.execute("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", params![key, self.now()])?;
        Ok(())
    }

    pub(in crate::catalog) fn forget_key(&self, key: ApiKeyId) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.keys.invalidate(&key));
    }

    /// Lets go of what memory holds of all keys, once this transaction is on disk.
    pub(in crate::catalog) fn forget_all_keys(&self) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.keys.clear());
    }
}

/// 401 for a key that is none, or none any more.
pub(in crate::catalog) fn key_over() -> Error {
    Error::unauthenticated(
        "api_key_invalid",
        "This API key is not valid: it is unknown, was deleted or has expired. Make another.",
    )
}

/// 403 for what only a person may do who is signed in.
pub fn key_not_allowed() -> Error {
    Error::new(
        Kind::Forbidden,
        "api_key_not_allowed",
        "An API key cannot do this. Sign in as a person and send the access token.",
    )
}
