//! Giving up a move under way.

use super::{LOOK, MoveOut, find_move, finish};
use crate::catalog::{By, MoveStatus};
use crate::error::Result;
use crate::service::Installation;
use serde_json::json;
use std::sync::Arc;

/// Gives up a move that was not decided yet: the tenant goes on where it is, and what was copied is removed, at once or as soon as
/// the file that is being copied is through. Done again it changes nothing.
///
/// # Errors
/// 404, also where it was never moved; 409 `move_decided` where the tenant is on the other volume already, `move_over` where the
/// move broke off.
pub async fn give_up_move(installation: &Arc<Installation>, selector: &str, by: By) -> Result<MoveOut> {
    let id = find_move(installation, selector).await?.noted.tenant_id;
    let give_up = installation.catalog.write("give_up_move", move |tx| {
        let of = tx.of(id);
        let Some(given_up) = of.give_up_move(&by.actor.to_string())? else { return Ok(()) };
        of.audit(&by, "tenant.move_given_up", "", &json!({ "from": given_up.from, "to": given_up.to }))
    });
    give_up.await?;
    let progress = installation.moves.all().get(&id).cloned();
    match progress {
        Some(progress) => progress.give_up(),
        // Nobody copies: what could not be removed before is tried again.
        None => finish(installation, id).await?,
    }
    find_move(installation, &id.to_string()).await
}

/// Gives up a move and waits until what was copied is removed; where that cannot be done now, until it was tried.
///
/// # Errors
/// As [`give_up_move`].
pub(in crate::service) async fn give_up_and_wait(
    installation: &Arc<Installation>,
    selector: &str,
    by: By,
) -> Result<MoveOut> {
    let id = give_up_move(installation, selector, by).await?.noted.tenant_id;
    loop {
        let goes_on = installation.moves.all().contains_key(&id);
        let told = find_move(installation, &id.to_string()).await?;
        if !goes_on || told.noted.status != MoveStatus::GivingUp {
            return Ok(told);
        }
        tokio::time::sleep(LOOK).await;
    }
}
