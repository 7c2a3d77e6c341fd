//! API keys of a tenant: made, listed, ended. How one becomes a principal is told in [`super::access`].

use super::OfTenant;
use super::access::key_over;
use super::tenant_roles::permissions_in;
use crate::clock::Timestamp;
use crate::db::{DbError, Row};
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, IdentityId};
use crate::model::Name;
use crate::model::api_key::KeyRate;
use crate::params;
use crate::policy::PermissionSet;

/// Keys of one tenant at most, expired ones among them until they are deleted.
const MOST_KEYS: i64 = 100;
/// A key as its tenant sees it. The key itself was told once; here is its hash, which nobody is shown.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ApiKey {
    /// Its id, which stands in the key too.
    pub id: ApiKeyId,
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub permissions: PermissionSet,
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
    /// How fast it may ask, where that was said as it was made.
    pub rate: Option<KeyRate>,
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
    pub name: Name,
    /// SHA-256 of the key.
    pub hash: String,
    /// What it may do at most.
    pub permissions: PermissionSet,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How fast it may ask, where that is said.
    pub rate: Option<KeyRate>,
}

const COLUMNS: &str = "id, name, permissions, holder, created_by, created_at, expires_at, last_used_at, requests_per_second, burst";

/// What the two columns say, of which a key has both or none.
pub(super) fn key_rate(requests_per_second: Option<i64>, burst: Option<i64>) -> Option<KeyRate> {
    let number = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
    Some(KeyRate { requests_per_second: number(requests_per_second)?, burst: number(burst)? })
}

fn api_key(row: &Row<'_>) -> Result<ApiKey, DbError> {
    Ok(ApiKey {
        id: row.get(0)?,
        name: row.get(1)?,
        permissions: permissions_in(&row.get::<String>(2)?),
        identity_id: row.get(3)?,
        created_by: row.get(4)?,
        created_at: row.get(5)?,
        expires_at: row.get(6)?,
        last_used_at: row.get(7)?,
        rate: key_rate(row.get(8)?, row.get(9)?),
    })
}

impl OfTenant<'_> {
    /// Notes a new key.
    ///
    /// # Errors
    /// 409 `too_many_keys`.
    pub fn insert_api_key(&self, new: &NewApiKey) -> Result<ApiKey> {
        let count =
            self.tx().count("SELECT count(*) FROM api_keys WHERE tenant_id = ?1", params![self.tenant])?;
        if count >= MOST_KEYS {
            return Err(Error::conflict(
                "too_many_keys",
                format!(
                    "A tenant has at most {MOST_KEYS} API keys, expired ones included. Delete one that is not in use."
                ),
            ));
        }
        let permissions = new.permissions.names().join(" ");
        self.tx().execute(
            "INSERT INTO api_keys (id, tenant_id, holder, created_by, name, key_hash, permissions, created_at, expires_at,
               requests_per_second, burst)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![
                new.id,
                self.tenant,
                new.holder,
                new.created_by,
                new.name.as_str(),
                new.hash.as_str(),
                permissions.as_str(),
                self.now(),
                new.expires_at,
                new.rate.map(|rate| rate.requests_per_second),
                new.rate.map(|rate| rate.burst)
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

    /// The keys that this identity made for services.
    ///
    /// # Errors
    /// As the database says.
    pub fn list_keys_made_for_others_by(&self, identity: IdentityId) -> Result<Vec<ApiKeyId>> {
        let sql =
            "SELECT id FROM api_keys WHERE tenant_id = ?1 AND created_by = ?2 AND holder <> ?2 ORDER BY id";
        Ok(self.tx().query(sql, params![self.tenant, identity], |row| row.get(0))?)
    }

    /// Ends all keys of a holder in this tenant: who is taken in again begins without them. Answers which.
    pub(super) fn delete_api_keys_of(&self, holder: IdentityId) -> Result<Vec<ApiKeyId>> {
        let sql = "SELECT id FROM api_keys WHERE tenant_id = ?1 AND holder = ?2 ORDER BY id";
        let keys = self.tx().query(sql, params![self.tenant, holder], |row| row.get(0))?;
        for key in &keys {
            self.delete_api_key(*key)?;
        }
        Ok(keys)
    }
}
