//! Who asks: a bearer token or the browser's cookies.

use super::address::refused_at_the_door;
use super::cookies;
use super::problem::Problem;
use super::routes::{Access, Declared};
use crate::error::Error;
use crate::model::api_key::PREFIX as KEY_PREFIX;
use crate::service::{Actor, By, Installation, Principal, identity, key_not_allowed, step_up};
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use std::sync::Arc;

/// The signed-in identity of this request, and the address it came from.
pub(super) struct SignedIn {
    pub(super) principal: Principal,
    pub(super) address: Arc<str>,
}

impl SignedIn {
    /// Who is signed in, for extractors that ask for more.
    pub(super) async fn of(parts: &Parts, installation: &Installation) -> Result<SignedIn, Problem> {
        let address = super::address::address(parts, installation);
        let refused = |error| {
            // Who was signed in a moment ago asks for another token, and is not one of those who try.
            if identity::is_expired(&error) {
                return Problem(error);
            }
            refused_at_the_door(installation, &address, error)
        };
        let token = credential(parts, installation).map_err(refused)?;
        let principal = identity::authenticate(installation, &token).await.map_err(refused)?;
        Ok(SignedIn { principal, address })
    }

    /// The same, where only a person will do.
    async fn of_person(parts: &Parts, installation: &Installation) -> Result<SignedIn, Problem> {
        let signed_in = SignedIn::of(parts, installation).await?;
        if signed_in.principal.is_key() {
            return Err(Problem(key_not_allowed()));
        }
        Ok(signed_in)
    }

    /// Who acts, for the audit log.
    pub(super) fn by(&self) -> By {
        self.principal.by(Arc::clone(&self.address))
    }
}

impl FromRequestParts<Arc<Installation>> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        installation: &Arc<Installation>,
    ) -> Result<SignedIn, Problem> {
        let declared = Declared::of(parts)?;
        declared.require(Access::SignedIn)?;
        let signed_in = SignedIn::of_person(parts, installation).await?;
        if declared.is_fresh() {
            step_up::require_fresh(installation, &signed_in.principal)?;
        }
        declared.check_query(parts)?;
        Ok(signed_in)
    }
}

/// The one credential of the request.
fn credential(parts: &Parts, installation: &Installation) -> Result<String, Error> {
    let mut authorizations = parts.headers.get_all(header::AUTHORIZATION).iter();
    let bearer = authorizations.next();
    let cookie = cookies::access_token(&parts.headers, installation)?;
    if authorizations.next().is_some() || (bearer.is_some() && cookie.is_some()) {
        return Err(cookies::two_credentials());
    }
    if let Some(value) = bearer {
        let text = value.to_str().unwrap_or_default();
        let (scheme, token) = text.split_once(' ').unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
            return Err(Error::unauthenticated(
                "bearer_expected",
                "Send Authorization: Bearer <access token or API key>.",
            ));
        }
        return Ok(token.trim().to_owned());
    }
    // Programs send their keys as bearers.
    let cookie = cookie.filter(|token| !token.starts_with(KEY_PREFIX));
    let token = cookie.ok_or_else(|| Error::unauthenticated("not_signed_in", "Sign in first."))?;
    cookies::refuse_other_sites(parts, installation)?;
    Ok(token)
}

/// A signed-in operator.
pub(super) struct SignedInOperator(pub(super) SignedIn);

impl SignedInOperator {
    /// Who acts, for the audit log.
    pub(super) fn by(&self) -> By {
        By { actor: Actor::Operator(self.0.principal.id()), ..self.0.by() }
    }

    /// The same for service functions that act; they get nobody else.
    pub(super) fn acts(&self, installation: &Installation) -> Result<By, Error> {
        step_up::operator(installation, &self.0.principal, self.by())
    }
}

impl SignedInOperator {
    /// The operator who asks for what is no route of the API.
    pub(super) async fn of(parts: &Parts, installation: &Installation) -> Result<Self, Problem> {
        let signed_in = SignedIn::of_person(parts, installation).await?;
        if !signed_in.principal.identity().operator {
            return Err(Problem(step_up::operator_only()));
        }
        step_up::require_second_factor(installation, &signed_in.principal)?;
        Ok(SignedInOperator(signed_in))
    }
}

impl FromRequestParts<Arc<Installation>> for SignedInOperator {
    type Rejection = Problem;

    async fn from_request_parts(
        parts: &mut Parts,
        installation: &Arc<Installation>,
    ) -> Result<Self, Problem> {
        let declared = Declared::of(parts)?;
        declared.require(Access::Operator)?;
        let operator = SignedInOperator::of(parts, installation).await?;
        if declared.is_fresh() {
            step_up::require_fresh(installation, &operator.0.principal)?;
        }
        declared.check_query(parts)?;
        Ok(operator)
    }
}
