//! Which tenants a query asks.

use crate::catalog::TenantNames;
use crate::error::{Error, Result};
use crate::id::TenantId;
use crate::model::tenant::TenantStatus;
use crate::service::Installation;
use crate::service::telemetry::{is_called, searched};
use crate::service::tenants::parse_status;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Tenants that may be named one by one.
const MOST_NAMED: usize = 100;
/// Longest slug, id or key of a plan that is looked up, in bytes: it is kept in the audit log.
const LONGEST: usize = 200;

/// Either tenants by name, or what they have in common, or all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct SelectionIn {
    /// These, by slug or id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenants: Option<Vec<String>>,
    /// What their slugs or names contain, or their id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub q: Option<String>,
    /// Their plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// Their state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// All.
    #[serde(default)]
    pub all: bool,
    /// Those whose ids come after this one: where a query before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
}

/// One tenant to ask.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) id: TenantId,
    pub(super) slug: String,
}

/// The tenants to ask.
pub(super) struct Selected {
    pub(super) tenants: Vec<Target>,
    /// Names that no tenant has.
    pub(super) unknown: Vec<String>,
    /// Whether they are in the order of their ids, so that a later query can go on behind one.
    pub(super) is_in_order: bool,
}

/// # Errors
/// 422 for none, or more than one way to name them; 400 `bad_status`, `bad_search`.
pub(super) async fn select(installation: &Installation, input: &SelectionIn) -> Result<Selected> {
    let is_filtered = input.q.is_some() || input.plan.is_some() || input.status.is_some();
    let ways = [input.tenants.is_some(), is_filtered, input.all];
    if ways.into_iter().filter(|way| *way).count() != 1 {
        return Err(Error::invalid_field(
            "tenants",
            "required",
            "name the tenants, or filter them by q, plan or status, or send all: true; one of these",
        ));
    }
    if let Some(names) = &input.tenants {
        if input.after.is_some() {
            return Err(Error::invalid_field("after", "conflict", "is for tenants that are not named"));
        }
        return named(installation, names).await;
    }
    let Some(after) = input.after.as_deref().map(TenantId::parse).map_or(Some(None), |id| id.map(Some))
    else {
        return Err(Error::invalid_field("after", "format", "must be the id of a tenant"));
    };
    let status = input.status.as_deref().map(parse_status).transpose()?;
    if status.is_some_and(|status| !status.is_visible()) {
        return Err(Error::invalid_field("status", "range", "must be active, suspended or closing"));
    }
    if input.plan.as_ref().is_some_and(|plan| plan.len() > LONGEST) {
        return Err(Error::invalid_field("plan", "range", "must be the key of a plan"));
    }
    let (q, plan) = (searched(input.q.clone())?, input.plan.clone());
    let states = match status {
        Some(status) => vec![status],
        None => vec![TenantStatus::Active, TenantStatus::Suspended, TenantStatus::Closing],
    };
    let found = installation.catalog.read(move |tx| {
        let mut found = Vec::new();
        for status in &states {
            let which = (Some(*status), plan.as_deref());
            found.extend(tx.list_tenant_names_by_id(which, after, false, u32::MAX)?);
        }
        Ok(found)
    });
    let found = found.await?.into_iter().filter(|names| q.as_ref().is_none_or(|q| is_called(names, q)));
    let mut tenants: Vec<Target> = found.map(|TenantNames { id, slug, .. }| Target { id, slug }).collect();
    tenants.sort_unstable_by_key(|tenant| tenant.id);
    Ok(Selected { tenants, unknown: Vec::new(), is_in_order: true })
}

async fn named(installation: &Installation, names: &[String]) -> Result<Selected> {
    if names.is_empty() || names.len() > MOST_NAMED {
        let message = format!("must name from 1 to {MOST_NAMED} tenants");
        return Err(Error::invalid_field("tenants", "range", message));
    }
    if names.iter().any(|name| name.len() > LONGEST) {
        return Err(Error::invalid_field("tenants", "format", "must be slugs or ids of tenants"));
    }
    let names = names.to_vec();
    let found = installation.catalog.read(move |tx| {
        names
            .iter()
            .map(|name| {
                let tenant = tx.find_tenant(name)?.filter(|tenant| tenant.status.is_visible());
                Ok((name.clone(), tenant.map(|tenant| Target { id: tenant.id, slug: tenant.slug })))
            })
            .collect::<Result<Vec<_>>>()
    });
    let (mut seen, mut tenants, mut unknown) = (HashSet::new(), Vec::new(), Vec::new());
    for (name, tenant) in found.await? {
        match tenant {
            Some(tenant) if seen.insert(tenant.id) => tenants.push(tenant),
            Some(_) => {}
            None => unknown.push(name),
        }
    }
    Ok(Selected { tenants, unknown, is_in_order: false })
}
