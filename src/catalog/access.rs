//! Who is asking, and whether they may in: read on every request, held in memory between commits.

mod keys;
mod principal;
mod rates;

pub use keys::key_not_allowed;
pub(super) use keys::key_over;
pub use principal::{Maker, Membership, Principal};

use super::cache::Cached;
use super::seat_notices::SeatWarnings;
use super::{Catalog, CatalogTx, Session, Tenant};
use crate::clock::{DAY, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::id::{ApiKeyId, IdentityId, SessionId, TenantId};
use crate::model::plan::Rate;
use crate::policy::PermissionSet;
use keys::KeyFacts;
use principal::{Facts, SessionFacts};
use std::sync::Arc;

/// A session unused for this long is over (DESIGN 6).
pub(super) const SESSION_IDLE: i64 = 14 * DAY;
/// A session this old is over, however much it was used (DESIGN 6).
pub(super) const SESSION_ABSOLUTE: i64 = 90 * DAY;

/// What a verified access token says.
#[derive(Clone, Debug)]
pub struct AccessClaims {
    /// The session that it was given to.
    pub session: SessionId,
    /// The identity that signed in.
    pub identity: IdentityId,
    /// Generation of the refresh token that it came with.
    pub generation: i64,
}

/// What memory holds of sessions, tenants, memberships and seats.
pub(super) struct AccessCache {
    sessions: Cached<SessionId, Arc<SessionFacts>>,
    keys: Cached<ApiKeyId, Arc<KeyFacts>>,
    tenants: Cached<String, Arc<Tenant>>,
    memberships: Cached<(TenantId, IdentityId), Membership>,
    /// How fast the tenants of a version of a plan may ask; a published version never changes.
    rates: Cached<(String, i64), Rate>,
    /// What tenants are to be warned of whose seats are nearly taken.
    pub(super) seats: SeatWarnings,
}

impl AccessCache {
    pub(super) fn new() -> AccessCache {
        AccessCache {
            sessions: Cached::new(16_384),
            keys: Cached::new(16_384),
            tenants: Cached::new(16_384),
            memberships: Cached::new(16_384),
            rates: Cached::new(1_024),
            seats: SeatWarnings::default(),
        }
    }
}

impl Catalog {
    /// The principal behind verified claims.
    ///
    /// # Errors
    /// 401 when the session or the identity is dead.
    pub async fn authenticate(&self, claims: &AccessClaims) -> Result<Principal> {
        let facts = match self.access.sessions.get(&claims.session) {
            Some(facts) => facts,
            None => self.read_session(claims.session).await?,
        };
        let alive = facts.identity.id == claims.identity
            && facts.identity.is_active
            && self.now() < facts.ends_at
            && claims.generation <= facts.generation;
        if !alive {
            return Err(session_over());
        }
        if !facts.successor_used && claims.generation == facts.generation {
            let session = claims.session;
            let generation = claims.generation;
            self.write("mark_session_used", move |tx| tx.mark_session_used(session, generation)).await?;
        }
        Ok(Principal::of(Facts::Session(facts)))
    }

    /// The same principal, if session or key and identity are alive still: for what lasts longer than a request.
    ///
    /// # Errors
    /// 401 when the session or the identity is dead.
    pub async fn authenticate_again(&self, principal: &Principal) -> Result<Principal> {
        let session = match principal.facts() {
            Facts::Session(facts) => facts.session,
            Facts::Key(facts) => return Ok(Principal::of(Facts::Key(self.key_again(facts.key).await?))),
        };
        let facts = match self.access.sessions.get(&session) {
            Some(facts) => facts,
            None => self.read_session(session).await?,
        };
        let alive =
            facts.identity.id == principal.id() && facts.identity.is_active && self.now() < facts.ends_at;
        if alive { Ok(Principal::of(Facts::Session(facts))) } else { Err(session_over()) }
    }

    async fn read_session(&self, session: SessionId) -> Result<Arc<SessionFacts>> {
        let mark = self.access.sessions.mark();
        let found = self
            .read(move |tx| {
                let Some(session) = tx.find_session(session)? else { return Ok(None) };
                let has_second_factor = tx.has_second_factor(session.identity)?;
                Ok(tx.find_identity(session.identity)?.map(|identity| (session, identity, has_second_factor)))
            })
            .await?;
        let Some((session, identity, has_second_factor)) =
            found.filter(|(session, ..)| session.revoked_at.is_none())
        else {
            return Err(session_over());
        };
        let facts = Arc::new(SessionFacts {
            session: session.id,
            identity,
            generation: session.generation,
            successor_used: session.successor_used,
            ends_at: session.ends_at(),
            confirmed_at: session.confirmed_at,
            has_second_factor,
        });
        self.access.sessions.insert(mark, session.id, Arc::clone(&facts));
        Ok(facts)
    }

    /// The tenant of that id or slug, also of a slug it had before.
    ///
    /// # Errors
    /// 404 if there is none.
    pub async fn tenant(&self, selector: &str) -> Result<Arc<Tenant>> {
        if let Some(tenant) = self.access.tenants.get(selector) {
            return Ok(tenant);
        }
        // Longer than any id or slug: not worth a look, nor a place in the cache.
        if selector.len() > 40 {
            return Err(Error::not_found());
        }
        let mark = self.access.tenants.mark();
        let key = selector.to_owned();
        let selector = selector.to_owned();
        let tenant = self
            .read(move |tx| tx.find_tenant(&selector))
            .await?
            .map(Arc::new)
            .ok_or_else(Error::not_found)?;
        self.access.tenants.insert(mark, key, Arc::clone(&tenant));
        Ok(tenant)
    }

    /// The active membership of an identity in a tenant.
    ///
    /// # Errors
    /// 404 if there is none: who is not a member does not learn that the tenant exists.
    pub async fn membership(&self, tenant: TenantId, identity: IdentityId) -> Result<Membership> {
        let key = (tenant, identity);
        if let Some(membership) = self.access.memberships.get(&key) {
            return Ok(membership);
        }
        let mark = self.access.memberships.mark();
        let membership = self
            .read(move |tx| tx.of(tenant).find_membership(identity))
            .await?
            .ok_or_else(Error::not_found)?;
        self.access.memberships.insert(mark, key, membership.clone());
        Ok(membership)
    }

    /// The membership by which somebody who asked for something once would be let in now, and what bounds it; nothing where
    /// there is none any more.
    ///
    /// # Errors
    /// As the database says.
    pub async fn membership_of(
        &self,
        tenant: TenantId,
        maker: Maker,
    ) -> Result<Option<(Membership, PermissionSet)>> {
        let (identity, bound) = match maker {
            Maker::Identity(identity) => (identity, PermissionSet::all()),
            Maker::Key(key) => match self.key_again(key).await {
                Ok(facts) if facts.tenant == tenant => (facts.holder.id, facts.permissions),
                Ok(_) => return Ok(None),
                Err(error) if error.kind() == Kind::Unauthenticated => return Ok(None),
                Err(error) => return Err(error),
            },
            Maker::House => return Ok(None),
        };
        // No session was looked at before, so what memory holds is not enough: the identity may be disabled.
        let found = self.read(move |tx| tx.of(tenant).find_membership(identity)).await?;
        Ok(found.map(|membership| (membership, bound)))
    }
}

impl CatalogTx<'_> {
    /// Lets go of what memory holds of a session, once this transaction is on disk.
    pub(super) fn forget_session(&self, session: SessionId) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.sessions.invalidate(&session));
    }

    /// The same for all sessions and keys: something of an identity changed.
    pub(super) fn forget_all_sessions(&self) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.sessions.clear());
        self.forget_all_keys();
    }

    /// The same for a tenant, under all its names.
    pub(super) fn forget_tenant(&self, id: TenantId) -> Result<()> {
        let mut names = self.list_slugs(id)?;
        names.push(id.to_string());
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || names.iter().for_each(|name| access.tenants.invalidate(name)));
        Ok(())
    }

    /// The same for a membership.
    pub(super) fn forget_membership(&self, tenant: TenantId, identity: IdentityId) {
        let access = Arc::clone(self.access);
        self.tx.after_commit(move || access.memberships.invalidate(&(tenant, identity)));
    }
}

impl Session {
    /// When it is over, if it is not used before.
    pub fn ends_at(&self) -> Timestamp {
        self.last_used_at.plus(SESSION_IDLE).min(self.created_at.plus(SESSION_ABSOLUTE))
    }
}

fn session_over() -> Error {
    Error::unauthenticated("session_over", "This session is over. Sign in again.")
}
