//! Members of a tenant.

use super::paging::Paging;
use crate::clock::Timestamp;
use crate::error::Error;
use crate::http::body::{Fields, Object};
use crate::http::problem::Answer;
use crate::http::query;
use crate::http::repeats::repeatable;
use crate::http::routes::{NONE, Params, Routes, Verb};
use crate::http::scope::{Allowed, LeaveTenant, ManageMembers, Need, ReadMembers, TransferOwnership};
use crate::id::IdentityId;
use crate::service::{Installation, Member, members};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use std::sync::Arc;

pub(super) fn routes() -> Routes {
    Routes::default()
        .tenant(ReadMembers::BOTH, Verb::Get, "/members", Params::Only(&["limit", "cursor"]), list)
        .tenant(ManageMembers::BOTH, Verb::Patch, "/members/{identity}", NONE, patch)
        .tenant(LeaveTenant::BOTH, Verb::Delete, "/members/{identity}", NONE, delete)
        .tenant(TransferOwnership::BOTH, Verb::Post, "/ownership-transfer", NONE, repeatable(transfer))
}

#[derive(Deserialize)]
struct MemberPath {
    identity: String,
}

impl MemberPath {
    fn id(&self) -> Result<IdentityId, Error> {
        IdentityId::parse(&self.identity).ok_or_else(Error::not_found)
    }
}

async fn list(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<ReadMembers>,
    uri: Uri,
) -> Answer {
    let pairs = query::pairs(&uri)?;
    let paging = Paging::of(&installation, &pairs, format!("members:{}", allowed.scope.tenant().id))?;
    let mut members = members::list_members(&allowed.scope, paging.after(position)?, paging.fetch()).await?;
    let next = paging.cut(&mut members, |last| format!("{}.{}", last.joined_at.0, last.identity_id));
    Ok(super::list(&members, next))
}

fn position(text: &str) -> Option<(Timestamp, IdentityId)> {
    let (time, id) = text.split_once('.')?;
    Some((Timestamp(time.parse().ok()?), IdentityId::parse(id)?))
}

async fn patch(
    allowed: Allowed<ManageMembers>,
    Path(path): Path<MemberPath>,
    body: Object,
) -> Answer<Json<Member>> {
    let id = path.id()?;
    let mut fields = Fields::of(body);
    let role = fields.text("role");
    fields.finish()?;
    Ok(Json(members::change_role(&allowed.scope, id, role).await?))
}

async fn delete(allowed: Allowed<LeaveTenant>, Path(path): Path<MemberPath>) -> Answer<StatusCode> {
    members::remove_member(&allowed.scope, path.id()?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn transfer(
    State(installation): State<Arc<Installation>>,
    allowed: Allowed<TransferOwnership>,
    body: Object,
) -> Answer<Json<Member>> {
    let mut fields = Fields::of(body);
    let to = fields.text("to");
    fields.finish()?;
    let to = IdentityId::parse(&to)
        .ok_or_else(|| Error::invalid_field("to", "format", "must be the id of an identity"))?;
    Ok(Json(members::transfer_ownership(&installation, &allowed.scope, &allowed.principal, to).await?))
}
