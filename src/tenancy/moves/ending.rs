//! The end of a move, whatever became of it: what was decided is finished, the rest undone, at once or at the next start.

use super::open_stamped;
use crate::catalog::{MoveStatus, TenantMove};
use crate::error::{Error, Result};
use crate::fault;
use crate::id::TenantId;
use crate::tenancy::erase::remove_tree;
use crate::tenancy::layout::sync;
use crate::tenancy::{Tenancy, blocking};
use std::path::Path;
use std::sync::Arc;

impl Tenancy {
    async fn undo(self: &Arc<Tenancy>, open: &TenantMove, why: &str) -> Result<()> {
        let (id, to, tenancy) = (open.tenant_id, open.to.clone(), Arc::clone(self));
        blocking(move || {
            // Where the tenant lives is nothing to be undone.
            if tenancy.layout.volume_of(id) == to {
                return Err(Error::internal("a move that was not decided leads to where the tenant is"));
            }
            let place = tenancy.layout.tenant_on(&to, id);
            remove_tree(&tenancy.layout.unfinished_move(&to, id))?;
            remove_tree(&place)?;
            fault::hold("move_undone", id);
            sync_parent(&place)
        })
        .await?;
        let why = why.to_owned();
        self.catalog.write("end_move", move |tx| tx.of(id).end_move(Some(&why))).await
    }

    /// Removes what is left at the place that the tenant came from, once it is sure that its file is at the other one. Otherwise
    /// it is kept, and looked at again.
    async fn clear_first_place(self: &Arc<Tenancy>, open: &TenantMove) -> Result<()> {
        let (id, from) = (open.tenant_id, open.from.clone());
        let tenant = self.catalog.tenant(&id.to_string()).await?;
        let tenancy = Arc::clone(self);
        let cleared = blocking(move || {
            tenancy.fences.unless_down(id, || {
                let old = tenancy.layout.tenant_on(&from, id);
                if tenancy.layout.volume_of(id) == from {
                    return Err(Error::internal("the tenant lives where something would be removed"));
                }
                open_stamped(&tenancy.layout.tenant_file(id), id, tenant.epoch)?;
                fault::step();
                remove_tree(&old)?;
                sync_parent(&old)
            })
        });
        match cleared.await {
            Ok(()) => self.catalog.write("end_move", move |tx| tx.of(id).end_move(None)).await,
            Err(error) => {
                tracing::error!(
                    alarm = "move_left_files", tenant_id = %id, volume = open.from, error = ?error,
                    "what is left of a tenant at the place that it was moved from could not be removed"
                );
                let why = format!("what is left on the volume {} could not be removed yet", open.from);
                self.catalog.write("note_left_of_move", move |tx| tx.of(id).note_left_of_move(&why)).await
            }
        }
    }

    /// Tenants whose moves are not over.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn open_moves(&self) -> Result<Vec<TenantId>> {
        let open = self.catalog.read(|tx| tx.list_open_moves()).await?;
        Ok(open.into_iter().map(|open| open.tenant_id).collect())
    }

    /// Ends a move that broke off or was decided: what was decided is finished, the rest undone, and `why` is noted of it. Whoever
    /// calls this sees to it that the tenant is not moved meanwhile. What cannot be ended is tried again.
    ///
    /// # Errors
    /// As the catalog says.
    pub async fn finish_move(self: &Arc<Tenancy>, id: TenantId, why: &str) -> Result<()> {
        let Some(last) = self.catalog.read(move |tx| tx.of(id).last_move()).await? else { return Ok(()) };
        let ended = match last.status {
            MoveStatus::Moved => self.clear_first_place(&last).await,
            MoveStatus::Copying | MoveStatus::GivingUp => self.undo(&last, why).await,
            MoveStatus::Done | MoveStatus::GivenUp | MoveStatus::Failed => Ok(()),
        };
        if let Err(error) = ended {
            tracing::error!(tenant_id = %id, error = ?error, "a move could not be ended and will be tried again");
        }
        Ok(())
    }
}

fn sync_parent(path: &Path) -> Result<()> {
    match path.parent() {
        Some(parent) if parent.is_dir() => sync(parent),
        _ => Ok(()),
    }
}
