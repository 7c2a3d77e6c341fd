//! What keeps an erasure and those who make files of a tenant apart: a file is found by the erasure, or not made.

use crate::clock::monotonic;
use crate::error::{Error, Result};
use crate::id::TenantId;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Fences around tenants. One that came down stays down.
#[derive(Default)]
pub(super) struct Fences {
    state: Mutex<State>,
    acted: Condvar,
}

#[derive(Default)]
struct State {
    down: HashSet<TenantId>,
    /// How many acts run now, for tenants with any.
    acting: HashMap<TenantId, usize>,
    /// Tenants that one act has for itself: others wait.
    alone: HashSet<TenantId>,
}

impl Fences {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nothing begin any more for this tenant, and waits for what has begun. Blocks.
    pub(super) fn lower(&self, id: TenantId) {
        let mut state = self.state();
        state.down.insert(id);
        while state.acting.contains_key(&id) {
            state = self.acted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub(super) fn is_down(&self, id: TenantId) -> bool {
        self.state().down.contains(&id)
    }

    /// Runs `act`, which is short. The fence of this tenant comes down before or after it; other tenants do not wait.
    pub(super) fn unless_down<T>(&self, id: TenantId, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let mut state = self.state();
        while state.alone.contains(&id) {
            state = self.acted.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.down.contains(&id) {
            return Err(Error::not_found());
        }
        *state.acting.entry(id).or_default() += 1;
        drop(state);
        let _acting = Acting { fences: self, id };
        act()
    }
}

impl Fences {
    /// Has a tenant for one act alone, as soon as no other runs: those who come then wait, an erasure as well. Blocks.
    ///
    /// # Errors
    /// 404 while the tenant is being erased; 503 `tenant_busy` where it does not come to rest for so long.
    pub(super) fn alone(self: &Arc<Fences>, id: TenantId, patience: Duration) -> Result<Alone> {
        let begun = monotonic();
        let mut state = self.state();
        while state.acting.contains_key(&id) && !state.down.contains(&id) {
            let left = patience.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(Error::unavailable(
                    "tenant_busy",
                    "Copies of this tenant's file are being made, or it is looked through. Try again when that is over.",
                    30,
                ));
            }
            state = self.acted.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.down.contains(&id) {
            return Err(Error::not_found());
        }
        state.alone.insert(id);
        *state.acting.entry(id).or_default() += 1;
        Ok(Alone { fences: Arc::clone(self), id })
    }
}

/// A tenant that one act has for itself, until this is dropped.
pub(super) struct Alone {
    fences: Arc<Fences>,
    id: TenantId,
}

impl Drop for Alone {
    fn drop(&mut self) {
        self.fences.state().alone.remove(&self.id);
        drop(Acting { fences: &self.fences, id: self.id });
        self.fences.acted.notify_all();
    }
}

/// An act that runs; ended by its drop, also when it panics.
struct Acting<'f> {
    fences: &'f Fences,
    id: TenantId,
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        let mut state = self.fences.state();
        if let Some(running) = state.acting.get_mut(&self.id) {
            *running -= 1;
            if *running == 0 {
                state.acting.remove(&self.id);
                self.fences.acted.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use crate::error::Kind;
    use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
    use std::sync::mpsc::channel;

    #[test]
    fn a_fence_waits_for_what_has_begun_and_holds_up_no_other_tenant() {
        let fences = Fences::default();
        let (acme, bolt) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
        let done = AtomicBool::new(false);
        let (begun, wait_begun) = channel();
        let (end, wait_end) = channel::<()>();
        std::thread::scope(|scope| {
            let (fences, done) = (&fences, &done);
            scope.spawn(move || {
                fences.unless_down(acme, || {
                    begun.send(()).unwrap();
                    wait_end.recv().unwrap();
                    done.store(true, SeqCst);
                    Ok(())
                })
            });
            wait_begun.recv().unwrap();
            let fencing = scope.spawn(move || {
                fences.lower(acme);
                done.load(SeqCst)
            });
            while !fences.is_down(acme) {
                std::thread::yield_now();
            }
            assert_eq!(fences.unless_down(acme, || Ok(())).unwrap_err().kind(), Kind::NotFound);
            assert!(fences.unless_down(bolt, || Ok(())).is_ok());
            fences.lower(bolt);
            end.send(()).unwrap();
            assert!(fencing.join().unwrap(), "the fence came down in the middle of an act");
        });
    }

    #[test]
    fn who_has_a_tenant_alone_waits_for_others_and_they_for_it() {
        let fences = Arc::new(Fences::default());
        let (acme, bolt) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
        let held = |id| fences.alone(id, Duration::from_millis(5)).map_err(|error| error.code().to_owned());
        let busy = fences.unless_down(acme, || Ok(held(acme).err())).unwrap();
        assert_eq!(busy.as_deref(), Some("tenant_busy"));
        let alone = held(acme).unwrap();
        assert!(fences.unless_down(bolt, || Ok(())).is_ok());
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let (fences, done) = (&fences, &done);
            let waiting = scope.spawn(move || fences.unless_down(acme, || Ok(done.load(SeqCst))));
            // Whether it has begun to wait or not: it is let in no earlier than this.
            std::thread::yield_now();
            done.store(true, SeqCst);
            drop(alone);
            assert!(waiting.join().unwrap().unwrap(), "it went on beside an act that had the tenant alone");
        });
        fences.lower(acme);
        assert_eq!(held(acme).err().as_deref(), Some("not_found"));
    }

    #[test]
    fn an_act_that_panics_or_fails_does_not_keep_a_fence_up() {
        let fences = Fences::default();
        let acme = TenantId::new(Timestamp(1));
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            fences.unless_down(acme, || -> Result<()> { panic!("in the act") })
        }));
        assert!(panicked.is_err());
        assert!(fences.unless_down(acme, || -> Result<()> { Err(Error::not_found()) }).is_err());
        fences.lower(acme);
    }
}
