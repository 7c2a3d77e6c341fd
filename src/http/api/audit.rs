//! The audit log of a tenant.

use crate::error::Error;
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::routes::{Params, Routes, Verb};
use crate::http::scope::{Allowed, Need, ReadAudit};
use crate::service::{AuditFilter, Installation, audit};
use axum::extract::State;
use axum::http::Uri;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    let params = Params::Only(&["limit", "cursor", "action", "actor", "from", "to"]);
    Routes::default().tenant(ReadAudit::BOTH, Verb::Get, "/audit", params, list)
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadAudit>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let limit = query::limit(&pairs)?;
    let context = format!("audit:{}", allowed.scope.tenant().id);
    let before_seq = match query::once(&pairs, "cursor")? {
        None => None,
        Some(cursor) => {
            Some(installation.open_cursor(&context, cursor)?.parse().map_err(|_| Error::bad_cursor())?)
        }
    };
    let filter = AuditFilter {
        action: query::once(&pairs, "action")?.map(str::to_owned),
        actor: query::once(&pairs, "actor")?.map(str::to_owned),
        from: query::time(&pairs, "from")?,
        to: query::time(&pairs, "to")?,
        before_seq,
        limit: limit + 1,
    };
    let mut entries = audit::list_audit(&allowed.scope, filter).await?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next =
        entries.last().filter(|_| more).map(|last| installation.seal_cursor(&context, &last.seq.to_string()));
    Ok(super::list(&entries, next))
}
