//! The audit log of a tenant, and that of the installation.

mod text;

use super::paging::Paging;
use crate::error::{Error, Result};
use crate::http::principal::SignedInOperator;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Access, Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadAudit};
use crate::service::{AuditFilter, Installation, audit, tenants};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use serde::Deserialize;
use std::sync::Arc;
use text::Format;

const PARAMS: Params = Params::Only(&["limit", "cursor", "action", "actor", "from", "to"]);
/// Longest action or actor that is looked for.
const LONGEST: usize = 100;

pub(super) fn routes() -> Routes {
    let operator = Access::Operator;
    Routes::default()
        .tenant(ReadAudit::BOTH, Verb::Get, "/audit", PARAMS, list)
        .add(operator, Verb::Get, "/operator/audit", PARAMS, list_of_installation)
        .add(operator, Verb::Get, "/operator/tenants/{selector}/audit", PARAMS, list_for_operator)
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadAudit>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let filter = filter(&pairs)?;
    if let Some(format) = Format::asked_for(&headers) {
        refuse_paging(&pairs)?;
        let log = audit::download_audit(allowed.scope, filter).await?;
        return Ok(text::stream(format, log));
    }
    let paging = Paging::of(&installation, &pairs, format!("audit:{}", allowed.scope.tenant().id))?;
    let filter = page(filter, &paging)?;
    let mut entries = audit::list_audit(&allowed.scope, filter).await?;
    let next = paging.cut(&mut entries, |last| last.seq.to_string());
    Ok(super::list(&entries, next))
}

async fn list_of_installation(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let filter = filter(&pairs)?;
    if let Some(format) = Format::asked_for(&headers) {
        refuse_paging(&pairs)?;
        let log = audit::download_installation_audit(installation, operator.by(), filter).await?;
        return Ok(text::stream(format, log));
    }
    let paging = Paging::of(&installation, &pairs, "operator:audit")?;
    let filter = page(filter, &paging)?;
    let mut entries = audit::list_installation_audit(&installation, filter).await?;
    let next = paging.cut(&mut entries, |last| last.seq.to_string());
    Ok(super::list(&entries, next))
}

#[derive(Deserialize)]
struct TenantPath {
    selector: String,
}

async fn list_for_operator(
    State(installation): State<Arc<Installation>>,
    operator: SignedInOperator,
    Path(path): Path<TenantPath>,
    uri: Uri,
    headers: HeaderMap,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let filter = filter(&pairs)?;
    let tenant = tenants::find_tenant(&installation, &path.selector).await?.id;
    if let Some(format) = Format::asked_for(&headers) {
        refuse_paging(&pairs)?;
        let log = audit::download_audit_for_operator(installation, tenant, operator.by(), filter).await?;
        return Ok(text::stream(format, log));
    }
    let paging = Paging::of(&installation, &pairs, format!("operator:audit {tenant}"))?;
    let filter = page(filter, &paging)?;
    let mut entries = audit::list_audit_for_operator(&installation, tenant, filter).await?;
    let next = paging.cut(&mut entries, |last| last.seq.to_string());
    Ok(super::list(&entries, next))
}

fn page(filter: AuditFilter, paging: &Paging<'_>) -> Result<AuditFilter> {
    let before_seq = paging.after(|seq| seq.parse().ok())?;
    Ok(AuditFilter { before_seq, limit: paging.fetch(), ..filter })
}

fn filter(pairs: &[(String, String)]) -> Result<AuditFilter> {
    let filter = AuditFilter {
        action: query::once(pairs, "action")?.map(action).transpose()?,
        actor: query::once(pairs, "actor")?.map(actor).transpose()?,
        from: query::time(pairs, "from")?,
        to: query::time(pairs, "to")?,
        ..AuditFilter::default()
    };
    if let (Some(from), Some(to)) = (filter.from, filter.to)
        && from >= to
    {
        return Err(Error::malformed("bad_time", "from must lie before to; to itself is not included."));
    }
    Ok(filter)
}

/// `member.removed`, or `member.*` for all that begin so.
fn action(text: &str) -> Result<String> {
    let name = text.strip_suffix(".*").unwrap_or(text);
    let is_name = text.len() <= LONGEST
        && name.split('.').all(|part| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        });
    if !is_name {
        return Err(Error::malformed(
            "bad_action",
            "action must be like member.removed, or like member.* for all that begin so.",
        ));
    }
    Ok(text.strip_suffix('*').unwrap_or(text).to_owned())
}

fn actor(text: &str) -> Result<String> {
    let is_actor = text.len() <= LONGEST
        && (text == "system"
            || text.split_once(':').is_some_and(|(kind, id)| {
                ["identity", "key", "service", "operator"].contains(&kind)
                    && !id.is_empty()
                    && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            }));
    if !is_actor {
        return Err(Error::malformed(
            "bad_actor",
            "actor must be as the log has it: identity:<id>, key:<id>, operator:<id>, operator:console or system.",
        ));
    }
    Ok(text.to_owned())
}

fn refuse_paging(pairs: &[(String, String)]) -> Result<()> {
    match pairs.iter().find(|(name, _)| name == "limit" || name == "cursor") {
        None => Ok(()),
        Some((name, _)) => Err(Error::malformed(
            "unknown_parameter",
            format!("CSV and NDJSON hold the whole log, so there is no {name}; ask for JSON to get pages."),
        )),
    }
}
