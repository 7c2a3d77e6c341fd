//! API keys: the other way to become a principal, for programs.

use super::access::{Facts, Principal};
use super::identities::IdentityKind;
use super::tenant_roles::permissions_in;
use super::{Catalog, CatalogTx, Identity, OfTenant};
use crate::clock::{MINUTE, Timestamp};
use crate::db::{DbError, Row};
use crate::error::{Error, Kind, Result};
use crate::id::{ApiKeyId, IdentityId, TenantId};
use crate::params;
use crate::policy::PermissionSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use subtle::ConstantTimeEq as _;

/// Keys of one tenant at most, expired ones among them until they are deleted.
const MOST_KEYS: i64 = 100;
/// How far behind `last_used_at` may be: a request is not worth a write.
const USE_IS_NOTED: i64 = 5 * MINUTE;

/// A key as its tenant sees it. The key itself was told once; here is its hash, which nobody is shown.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ApiKey {
    /// Its id, which stands in the key too.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub permissions: Vec<String>,
    /// For whom it acts: who made it, or a service.
    pub identity_id: IdentityId,
    /// Who made it.
    pub created_by: IdentityId,
    /// When.
    pub created_at: Timestamp,
    /// When it ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to some minutes.
    pub last_used_at: Option<Timestamp>,
}

/// What is needed to make one.
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// For whom it acts.
    pub holder: IdentityId,
    /// Who makes it.
    pub created_by: IdentityId,
    /// What it is for.
    pub name: String,
    /// SHA-256 of the key.
    pub hash: String,
    /// What it may do at most.
    pub permissions: PermissionSet,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// What memory holds of a key.
#[derive(Debug)]
pub(super) struct KeyFacts {
    pub(super) key: ApiKeyId,
    pub(super) tenant: TenantId,
    pub(super) holder: Identity,
    pub(super) permissions: PermissionSet,
    pub(super) has_second_factor: bool,
    hash: String,
    expires_at: Option<Timestamp>,
    use_noted_at: AtomicI64,
}

impl KeyFacts {
    fn is_alive(&self, now: Timestamp) -> bool {
        self.holder.is_active && self.expires_at.is_none_or(|end| now < end)
    }
}

const COLUMNS: &str = "id, name, permissions, holder, created_by, created_at, expires_at, last_used_at";

fn api_key(row: &Row<'_>) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        permissions: row.get::<String>(2)?.split(' ').map(str::to_owned).collect(),
        identity_id: row.get(3)?,
        created_by: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        last_used_at: row.get(7)?,
    })
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
    pub(super) async fn key_again(&self, key: ApiKeyId) -> Result<Arc<KeyFacts>> {
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
            "SELECT tenant_id, holder, permissions, key_hash, expires_at, last_used_at FROM api_keys WHERE id = ?1",
            params![key],
            |row| {
                let noted: Option<Timestamp> = row.get(5)?;
                let (tenant, holder): (TenantId, IdentityId) = (row.get(0)?, row.get(1)?);
                let (permissions, hash): (String, String) = (row.get(2)?, row.get(3)?);
                let expires_at: Option<Timestamp> = row.get(4)?;
                Ok((tenant, holder, permissions, hash, expires_at, noted.map_or(0, |at| at.0)))
            },
        )?;
        let Some((tenant, holder, permissions, hash, expires_at, noted)) = found else { return Ok(None) };
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
            hash,
            expires_at,
            use_noted_at,
        }))
    }

    fn note_key_use(&self, key: ApiKeyId) -> Result<()> {
        self.tx.execute("UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", params![key, self.now()])?;
        Ok(())
    }

    fn forget_key(&self, key: ApiKeyId) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.keys.invalidate(&key));
    }

    /// Lets go of what memory holds of all keys, once this transaction is on disk.
    pub(super) fn forget_all_keys(&self) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.keys.clear());
    }
}

impl OfTenant<'_> {
    /// Notes a new key.
    ///
    /// # Errors
    /// 409 `too_many_keys`.
    pub fn insert_api_key(&self, new: &NewApiKey) -> Result<ApiKey> {
        let count = self.tx().query_row(
            "SELECT count(*) FROM api_keys WHERE tenant_id = ?1",
            params![self.tenant],
            |row| row.get::<i64>(0),
        )?;
        if count.unwrap_or_default() >= MOST_KEYS {
            return Err(Error::conflict(
                "too_many_keys",
                format!(
                    "A tenant has at most {MOST_KEYS} API keys, expired ones included. Delete one that is not in use."
                ),
            ));
        }
        let permissions = new.permissions.names().join(" ");
        self.tx().execute(
            "INSERT INTO api_keys (id, tenant_id, holder, created_by, name, key_hash, permissions, created_at, expires_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                new.id,
                self.tenant,
                new.holder,
                new.created_by,
                new.name.as_str(),
                new.hash.as_str(),
                permissions.as_str(),
                self.now(),
                new.expires_at
            ],
        )?;
        self.find_api_key(new.id)?.ok_or_else(Error::not_found)
    }

    fn find_api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>> {
        let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE tenant_id = ?1 AND id = ?2");
        Ok(self.tx().query_row(&sql, params![self.tenant, id], api_key)?)
    }

    /// The keys of the tenant, newest first.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_api_keys(&self) -> Result<Vec<ApiKey>> {
        let sql =
            format!("SELECT {COLUMNS} FROM api_keys WHERE tenant_id = ?1 ORDER BY created_at DESC, id DESC");
        Ok(self.tx().query(&sql, params![self.tenant], api_key)?)
    }

    /// Ends a key for good.
    ///
    /// # Errors
    /// 404 if there is none.
    pub fn delete_api_key(&self, id: ApiKeyId) -> Result<ApiKey> {
        let key = self.find_api_key(id)?.ok_or_else(Error::not_found)?;
        self.tx()
            .execute("DELETE FROM api_keys WHERE tenant_id = ?1 AND id = ?2", params![self.tenant, id])?;
        self.catalog.forget_key(id);
        Ok(key)
    }

    /// What a key may do at most, if it is not over.
    ///
    /// # Errors
    /// 401 `api_key_invalid`.
    pub fn find_key_bound(&self, id: ApiKeyId) -> Result<PermissionSet> {
        let permissions = self.tx().query_row(
            "SELECT permissions FROM api_keys
             WHERE tenant_id = ?1 AND id = ?2 AND (expires_at IS NULL OR expires_at > ?3)",
            params![self.tenant, id, self.now()],
            |row| row.get::<String>(0),
        )?;
        permissions.as_deref().map(permissions_in).ok_or_else(key_over)
    }

    /// The keys that act for this holder.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_keys_held_by(&self, holder: IdentityId) -> Result<Vec<ApiKeyId>> {
        let sql = "SELECT id FROM api_keys WHERE tenant_id = ?1 AND holder = ?2 ORDER BY id";
        Ok(self.tx().query(sql, params![self.tenant, holder], |row| row.get(0))?)
    }

    /// The keys that this identity made for services.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_keys_made_for_others_by(&self, identity: IdentityId) -> Result<Vec<ApiKeyId>> {
        let sql =
            "SELECT id FROM api_keys WHERE tenant_id = ?1 AND created_by = ?2 AND holder <> ?2 ORDER BY id";
        Ok(self.tx().query(sql, params![self.tenant, identity], |row| row.get(0))?)
    }

    /// Ends all keys of a holder in this tenant: who is taken in again begins without them.
    pub(super) fn delete_api_keys_of(&self, holder: IdentityId) -> Result<()> {
        for key in self.list_keys_held_by(holder)? {
            self.delete_api_key(key)?;
        }
        Ok(())
    }
}

fn key_over() -> Error {
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
