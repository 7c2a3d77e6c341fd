//! Streams of changes: a reader that stays.
//!
//! Between two reads a stream holds neither scope nor file. Every round asks for access as a request does, so that a
//! member who is removed, a session that is ended or a tenant that is suspended ends it within a second, also when
//! nothing changes. What one stream holds in memory is one small page.

use super::Installation;
use super::changes::{ChangesIn, Since, find_changes};
use crate::catalog::Principal;
use crate::clock::monotonic;
use crate::error::{Error, Kind, Result};
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::tenancy::tx::changes::Change;
use crate::tenancy::{Listener, TenantScope};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long access holds before it is asked for again.
const ACCESS: Duration = Duration::from_millis(500);
/// How long a stream says nothing at most.
const SILENCE: Duration = Duration::from_secs(15);
/// Changes and bytes of one round.
const ROUND: (usize, usize) = (200, 64 << 10);

/// What a stream says.
#[derive(Debug)]
pub enum StreamEvent {
    /// A change.
    Change(Change),
    /// Everything up to this number was told: the place to go on from.
    Position(i64),
    /// Nothing happened.
    Beat,
    /// The place to go on from is no longer kept; the end.
    Gone(Error),
}

/// An open stream.
pub struct ChangeStream {
    installation: Arc<Installation>,
    principal: Principal,
    tenant: String,
    address: Arc<str>,
    /// By which the changes that wait may be read.
    role: Option<Arc<str>>,
    tables: Option<String>,
    listener: Listener,
    /// Up to where the feed was read.
    read: i64,
    has_more: bool,
    /// Up to where the client was told.
    told: i64,
    waiting: VecDeque<Change>,
    opened: bool,
    ended: bool,
    allowed_at: Instant,
    spoke_at: Instant,
}

impl ChangeStream {
    /// Begins a stream; from now on where nothing else is said.
    ///
    /// # Errors
    /// As [`list_changes`](super::changes::list_changes), and 429 `too_many_streams`.
    pub async fn open(
        installation: &Arc<Installation>,
        scope: &TenantScope,
        principal: Principal,
        input: ChangesIn,
    ) -> Result<ChangeStream> {
        // Before reading: what is written in between wakes it.
        let listener = scope.listen(principal.id())?;
        let page = find_changes(scope, &input, ROUND.0, ROUND.1).await?;
        // Where a client begins is told first, so that it can go on from there even if it never hears of a change.
        let told = match input.since {
            Since::After(seq) => seq,
            Since::Oldest | Since::Latest => page.items.first().map_or(page.last_seq, |first| first.seq - 1),
        };
        let now = monotonic();
        Ok(ChangeStream {
            installation: Arc::clone(installation),
            principal,
            tenant: scope.tenant().id.to_string(),
            address: scope.by().address.clone(),
            role: scope.role().cloned(),
            tables: input.tables,
            listener,
            read: page.last_seq,
            has_more: page.has_more,
            told,
            waiting: page.items.into(),
            opened: false,
            ended: false,
            allowed_at: now,
            spoke_at: now,
        })
    }

    /// What comes next; `None` when the stream is over. To be called only when the client takes more.
    pub async fn next(&mut self) -> Option<StreamEvent> {
        if !self.opened {
            self.opened = true;
            return Some(StreamEvent::Position(self.told));
        }
        let event = if self.ended { None } else { self.go_on().await };
        self.ended |= matches!(event, None | Some(StreamEvent::Gone(_)));
        self.spoke_at = monotonic();
        event
    }

    async fn go_on(&mut self) -> Option<StreamEvent> {
        loop {
            if self.installation.is_draining() {
                return None;
            }
            if self.allowed_at.elapsed() >= ACCESS {
                drop(self.scope().await.ok()?);
            }
            if let Some(change) = self.waiting.pop_front() {
                self.told = change.seq;
                return Some(StreamEvent::Change(change));
            }
            if self.has_more || self.listener.is_ahead_of(self.read) {
                match self.fill().await {
                    Ok(()) => continue,
                    Err(error) if error.kind() == Kind::Gone => return Some(StreamEvent::Gone(error)),
                    // The client comes back and is told why.
                    Err(_) => return None,
                }
            }
            if self.spoke_at.elapsed() >= SILENCE {
                // Others' changes also move the place that a client comes back to.
                let moved = std::mem::replace(&mut self.told, self.read) < self.read;
                return Some(if moved { StreamEvent::Position(self.read) } else { StreamEvent::Beat });
            }
            let installation = Arc::clone(&self.installation);
            tokio::select! {
                () = self.listener.wait_for_after(self.read) => {}
                () = installation.drains() => {}
                () = tokio::time::sleep(ACCESS) => {}
            }
        }
    }

    /// Asks for access, as every request does.
    async fn scope(&mut self) -> Result<TenantScope> {
        self.principal = self.installation.catalog.authenticate_again(&self.principal).await?;
        let scope = TenantScope::for_member(
            self.installation.tenancy(),
            &self.principal,
            &self.tenant,
            Some(Permission::RecordsRead),
            Act::Read,
            self.address.clone(),
        );
        let scope = scope.await?;
        self.allowed_at = monotonic();
        if scope.role() != self.role.as_ref() {
            // Another role may read other tables: what waits is read again.
            self.role = scope.role().cloned();
            self.waiting.clear();
            (self.read, self.has_more) = (self.told, true);
        }
        Ok(scope)
    }

    async fn fill(&mut self) -> Result<()> {
        let scope = self.scope().await?;
        let input = ChangesIn { since: Since::After(self.read), tables: self.tables.clone() };
        let page = find_changes(&scope, &input, ROUND.0, ROUND.1).await?;
        (self.read, self.has_more, self.waiting) = (page.last_seq, page.has_more, page.items.into());
        Ok(())
    }
}
