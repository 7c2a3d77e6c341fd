//! Who is asking: a session or an API key, and the identity behind it.

use super::keys::{KeyFacts, key_not_allowed};
use crate::catalog::{Actor, By, Identity};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, IdentityId, SessionId, TenantId};
use crate::model::api_key::KeyRate;
use crate::policy::{PermissionSet, Roles};
use std::sync::Arc;

/// An authenticated identity, or an API key that acts for one, in this request: the token or key was verified, and
/// session or key and identity were found alive just now. Made by [`authenticate`](crate::catalog::Catalog::authenticate) and
/// [`authenticate_key`](crate::catalog::Catalog::authenticate_key) alone.
#[derive(Clone, Debug)]
pub struct Principal {
    facts: Facts,
}

#[derive(Clone, Debug)]
pub(super) enum Facts {
    Session(Arc<SessionFacts>),
    Key(Arc<KeyFacts>),
}

#[derive(Debug)]
pub(super) struct SessionFacts {
    pub(super) session: SessionId,
    pub(super) identity: Identity,
    pub(super) generation: i64,
    pub(super) successor_used: bool,
    pub(super) ends_at: Timestamp,
    pub(super) confirmed_at: Timestamp,
    pub(super) has_second_factor: bool,
}

impl Principal {
    pub(super) fn of(facts: Facts) -> Principal {
        Principal { facts }
    }

    pub(super) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The identity; of a key, the one for which it acts.
    pub fn identity(&self) -> &Identity {
        match &self.facts {
            Facts::Session(facts) => &facts.identity,
            Facts::Key(facts) => &facts.holder,
        }
    }

    /// Its id.
    pub fn id(&self) -> IdentityId {
        self.identity().id
    }

    /// The session.
    ///
    /// # Errors
    /// 403 `api_key_not_allowed` where there is none.
    pub fn session(&self) -> Result<SessionId> {
        match &self.facts {
            Facts::Session(facts) => Ok(facts.session),
            Facts::Key(_) => Err(key_not_allowed()),
        }
    }

    /// Whether this is a key and no person.
    pub fn is_key(&self) -> bool {
        matches!(self.facts, Facts::Key(_))
    }

    /// The key, and how fast it may ask where it was told so as it was made; a person has none.
    pub fn key(&self) -> Option<(ApiKeyId, Option<KeyRate>)> {
        match &self.facts {
            Facts::Session(_) => None,
            Facts::Key(facts) => Some((facts.key, facts.rate)),
        }
    }

    /// What may be done in this tenant at most, whatever the identity's role gives there.
    ///
    /// # Errors
    /// 404 for a key of another tenant.
    pub fn bound_in(&self, tenant: TenantId) -> Result<PermissionSet> {
        match &self.facts {
            Facts::Session(_) => Ok(PermissionSet::all()),
            Facts::Key(facts) if facts.tenant == tenant => Ok(facts.permissions),
            Facts::Key(_) => Err(Error::not_found()),
        }
    }

    /// Who acts, for the audit log.
    pub fn by(&self, address: impl Into<Arc<str>>) -> By {
        match &self.facts {
            Facts::Session(facts) => {
                By::of(Actor::Identity(facts.identity.id), address).in_session(facts.session)
            }
            Facts::Key(facts) => By::of(Actor::ApiKey { key: facts.key, holder: facts.holder.id }, address),
        }
    }

    /// Whether the identity has a second factor.
    pub fn has_second_factor(&self) -> bool {
        match &self.facts {
            Facts::Session(facts) => facts.has_second_factor,
            Facts::Key(facts) => facts.has_second_factor,
        }
    }

    /// When whoever holds the session last showed who they are: at sign-in, or by stepping up since.
    ///
    /// # Errors
    /// 403 `api_key_not_allowed`: a key shows nothing but itself.
    pub fn confirmed_at(&self) -> Result<Timestamp> {
        match &self.facts {
            Facts::Session(facts) => Ok(facts.confirmed_at),
            Facts::Key(_) => Err(key_not_allowed()),
        }
    }
}

/// Who asked for something that is done later, by the name that [`Actor`] has in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maker {
    /// A member.
    Identity(IdentityId),
    /// A program with an API key.
    Key(ApiKeyId),
    /// An operator, or the program itself: in no tenant, and bound by none.
    House,
}

impl Maker {
    /// The one of that name.
    pub fn parse(name: &str) -> Option<Maker> {
        match name.split_once(':') {
            Some(("identity", id)) => IdentityId::parse(id).map(Maker::Identity),
            Some(("key", id)) => ApiKeyId::parse(id).map(Maker::Key),
            Some(("operator", _)) => Some(Maker::House),
            None if name == "system" => Some(Maker::House),
            _ => None,
        }
    }
}

/// An active membership, as far as access goes.
#[derive(Clone, Debug)]
pub struct Membership {
    /// The role's name.
    pub role: Arc<str>,
    /// What it may do, where the tenant defined it.
    pub own: Option<PermissionSet>,
}

impl Membership {
    /// What the member may do.
    pub fn permissions(&self, installation: &Roles) -> PermissionSet {
        self.own.unwrap_or_else(|| installation.permissions(&self.role))
    }
}
