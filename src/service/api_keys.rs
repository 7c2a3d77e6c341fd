//! API keys: made, seen, deleted.

use super::mail::at_minute;
use super::members::{current_role, permissions_now, require_all, require_grant};
use super::tokens::hash_of;
use super::{Installation, step_up};
use crate::catalog::{Actor, ApiKey, NewApiKey, OfTenant, Principal, key_not_allowed};
use crate::clock::{DAY, Timestamp};
use crate::error::{Error, Result};
use crate::id::{ApiKeyId, IdentityId};
use crate::model::Name;
use crate::model::api_key::{Key, KeyRate};
use crate::model::letter::{Content, Recipient};
use crate::model::plan::Rate;
use crate::policy::{Permission, PermissionSet, Roles};
use crate::tenancy::TenantScope;
use serde_json::json;

/// How far away the end of a key may be.
const LONGEST: i64 = 5 * 366 * DAY;

/// The body of a new key.
pub struct ApiKeyIn {
    /// What it is for.
    pub name: String,
    /// Names of permissions.
    pub permissions: Vec<String>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// The service identity for which it acts; else the caller.
    pub identity: Option<String>,
    /// How fast it may ask; else what the tenant's plan leaves to one key.
    pub rate: Option<KeyRate>,
}

/// Makes a key that acts for the caller, or for a service identity of the tenant. The text is told here and never again.
///
/// # Errors
/// 403 without `keys:manage`, with a sign-in that is not fresh or for a permission that the caller lacks, 409 `too_many_keys`, 422.
pub async fn create_api_key(
    installation: &Installation,
    scope: &TenantScope,
    principal: &Principal,
    input: ApiKeyIn,
) -> Result<(ApiKey, String)> {
    scope.require(Permission::KeysManage)?;
    step_up::require_fresh(installation, principal)?;
    let now = installation.clock.now();
    let name = Name::parse("name", &input.name).map_err(|fault| Error::invalid(vec![fault]))?;
    let permissions = permissions(&input.permissions)?;
    if let Some(end) = input.expires_at
        && (end <= now || end.since(now) > LONGEST)
    {
        return Err(Error::invalid_field("expires_at", "range", "must lie ahead, and within five years"));
    }
    if let Some(rate) = input.rate {
        require_within(installation.catalog.rate(scope.tenant()).await?, rate)?;
    }
    let service = input.identity.map(|text| IdentityId::parse(&text).ok_or_else(no_service)).transpose()?;
    let Actor::Identity(created_by) = scope.by().actor else { return Err(key_not_allowed()) };
    let id = ApiKeyId::new(now);
    let key = Key::new(id, &crate::random::bytes());
    let new = NewApiKey {
        id,
        holder: service.unwrap_or(created_by),
        created_by,
        name,
        hash: hash_of(key.text()),
        permissions,
        expires_at: input.expires_at,
        rate: input.rate,
    };
    let (by, roles) = (scope.by().clone(), scope.app_roles().clone());
    let made = scope
        .catalog()
        .write("create_api_key", move |of| {
            let own = permissions_now(of, &roles, by.actor)?;
            require_all(own, new.permissions.with(PermissionSet::of(Permission::KeysManage)))?;
            if new.holder != new.created_by {
                require_service_with(of, &roles, &new)?;
            }
            let made = of.insert_api_key(&new)?;
            let details =
                json!({ "name": made.name, "permissions": made.permissions, "expires_at": made.expires_at, "identity": made.identity_id, "rate": made.rate });
            of.audit(&by, "api_key.created", &format!("key:{id}"), &details)?;
            let content = Content::ApiKeyMade {
                tenant: of.tenant()?.name,
                key_name: made.name.clone(),
                made_by: of.find_member(created_by)?.name,
                at: at_minute(of.now()),
            };
            of.post(&format!("api_key_made {id}"), &Recipient::Identity(created_by), &content)?;
            Ok(made)
        })
        .await?;
    Ok((made, key.into_text()))
}

/// Keys of the tenant, newest first.
///
/// # Errors
/// 403 without `keys:manage`.
pub async fn list_api_keys(scope: &TenantScope) -> Result<Vec<ApiKey>> {
    scope.require(Permission::KeysManage)?;
    scope.catalog().read(|of| of.list_api_keys()).await
}

/// Ends a key: the next request with it is refused.
///
/// # Errors
/// 403 without `keys:manage`, with a sign-in that is not fresh or for a key of somebody else with more permissions than
/// the actor has, 404 if there is none.
pub async fn delete_api_key(
    installation: &Installation,
    scope: &TenantScope,
    principal: &Principal,
    id: ApiKeyId,
) -> Result<()> {
    scope.require(Permission::KeysManage)?;
    step_up::require_fresh(installation, principal)?;
    let (by, roles) = (scope.by().clone(), scope.app_roles().clone());
    scope
        .catalog()
        .write("delete_api_key", move |of| {
            let own = permissions_now(of, &roles, by.actor)?;
            require_all(own, PermissionSet::of(Permission::KeysManage))?;
            let key = of.delete_api_key(id)?;
            if by.actor != Actor::Identity(key.identity_id) {
                require_all(own, key.permissions)?;
            }
            of.audit(&by, "api_key.revoked", &format!("key:{id}"), &json!({ "name": key.name }))
        })
        .await
}

/// The principal behind the text of a key. A text that is none costs no look-up.
pub(super) async fn authenticate(installation: &Installation, text: &str) -> Result<Principal> {
    let id = Key::id_in(text).ok_or_else(|| {
        Error::unauthenticated(
            "api_key_malformed",
            "This is not a whole API key. Copy it again, from tnt_ to its last character.",
        )
    })?;
    installation.catalog.authenticate_key(id, &hash_of(text)).await
}

/// 422 for a key that may ask faster than its tenant.
fn require_within(plan: Rate, key: KeyRate) -> Result<()> {
    let most = [
        ("rate.requests_per_second", key.requests_per_second, plan.requests_per_second),
        ("rate.burst", key.burst, plan.burst.or(plan.requests_per_second)),
    ];
    for (field, wanted, most) in most {
        let most = most.unwrap_or(1_000_000);
        if !(1..=most).contains(&wanted) {
            let message = format!("must lie between 1 and {most}, which the tenant has");
            return Err(Error::invalid_field(field, "range", message));
        }
    }
    Ok(())
}

/// 422 where a key is made for what is no service identity here, or with more than its role gives; 403 for a service
/// whose role the maker could not give.
fn require_service_with(of: &OfTenant<'_>, app_roles: &Roles, new: &NewApiKey) -> Result<()> {
    if !of.is_service(new.holder)? {
        return Err(no_service());
    }
    let service = of.find_membership(new.holder)?.ok_or_else(no_service)?;
    require_grant(&of.roles(app_roles)?, &current_role(of, Some(new.created_by))?, &service.role)?;
    match new.permissions.without(service.permissions(app_roles)).names().first() {
        None => Ok(()),
        Some(missing) => Err(Error::invalid_field(
            "permissions",
            "beyond_role",
            format!("the role {} of the service identity does not have {missing}", service.role),
        )),
    }
}

fn no_service() -> Error {
    let message = "must be a service identity of this tenant; for yourself leave it out";
    Error::invalid_field("identity_id", "unknown", message)
}

fn permissions(names: &[String]) -> Result<PermissionSet> {
    let refuse = |code, message: String| Err(Error::invalid_field("permissions", code, message));
    let mut wanted = Vec::with_capacity(names.len());
    for name in names {
        match Permission::parse(name) {
            Some(permission) if permission.is_for_keys() => wanted.push(permission),
            Some(permission) => {
                return refuse("not_for_keys", format!("{} cannot be given to a key", permission.name()));
            }
            None => {
                let known = Permission::ALL.iter().filter(|one| one.is_for_keys()).map(|one| one.name());
                let known: Vec<&str> = known.collect();
                return refuse("unknown", format!("must be some of {}", known.join(", ")));
            }
        }
    }
    if wanted.is_empty() {
        return refuse("required", "must name one permission at least".to_owned());
    }
    Ok(wanted.into_iter().collect())
}
