//! Turns: a tenant's file is asked for what is due, and [`Fair`] told what there was.

use super::kept::Saving;
use super::{Came, Driver, HELD, MIGRATES, PAUSE, TICK, Task};
use crate::clock::SECOND;
use crate::error::{Kind, Result};
use crate::id::{JobId, TenantId};
use crate::jobs::fair::{Brought, Share};
use crate::service::jobs::attempts::{self, Done, Look, Wanted};
use std::collections::BTreeMap;
use std::sync::Arc;

impl Driver {
    pub(super) fn give_turns(&mut self) {
        while let Some(turn) = self.fair.next_turn() {
            self.ask(Task::Turn(turn.tenant), turn.tenant, turn.most, turn.kinds);
        }
    }

    pub(super) fn ask(
        &mut self,
        task: Task,
        tenant: TenantId,
        most: usize,
        mut kinds: BTreeMap<String, usize>,
    ) {
        let known = self.known.entry(tenant).or_default();
        if known.asked == 0 {
            known.over.clear();
        }
        known.asked += 1;
        known.before = known.elsewhere.keys().copied().collect();
        for (kind, bound) in &self.tenant_bounds {
            let left = bound.saturating_sub(known.running_of(kind));
            kinds.entry(kind.clone()).and_modify(|most| *most = left.min(*most)).or_insert(left);
        }
        let ending = known.saving.values().flat_map(|saving| saving.done.iter().map(Done::job)).collect();
        // What is over is written in the same transaction.
        let saving = known.done.take();
        let done = Arc::clone(&saving.done);
        let running = known.here.values().map(|here| here.job).collect();
        let wanted = Wanted { tenant, most, kinds, running, done, ending };
        let installation = Arc::clone(&self.installation);
        let claim = async move { Came::Looked(attempts::claim(&installation, wanted).await) };
        let id = self.spawn(task, claim).id();
        self.save(tenant, id, saving);
    }

    pub(super) fn looked(&mut self, tenant: TenantId, look: Result<Look>, is_turn: bool, saving: Saving) {
        let now = self.installation.clock().now();
        let known = self.known.entry(tenant).or_default();
        known.asked = known.asked.saturating_sub(1);
        let mut look = match look {
            Ok(look) => look,
            Err(error) => {
                if error.kind() == Kind::NotFound {
                    self.lost(tenant, saving, &error);
                    self.forget(tenant);
                } else if error.code() == "tenant_migrating" {
                    // Others have its places meanwhile.
                    self.put_off(tenant, saving, &error);
                    self.timers.set(tenant, now.plus(MIGRATES));
                } else {
                    // Whatever is wrong with what is due must not keep what is over.
                    self.write(tenant, saving);
                    tracing::error!(tenant_id = %tenant, error = ?error, "the jobs of a tenant cannot be asked for; it is tried again");
                    self.timers.set(tenant, now.plus(PAUSE));
                }
                if is_turn {
                    self.fair.brought(tenant, &Brought::default());
                }
                return;
            }
        };
        self.written(tenant, std::mem::take(&mut look.ended), &saving);
        if look.is_held {
            self.timers.set(tenant, now.plus(HELD));
        } else {
            self.learn_of_elsewhere(tenant, &look);
            self.fair.set_share(tenant, Share { weight: look.weight, concurrency: look.concurrency });
        }
        if let Some(at) = look.next_at {
            // What is due by now was looked at: no sooner than the next tick.
            self.timers.set(tenant, at.max(now.plus(TICK)));
        }
        if look.more && look.jobs.is_empty() {
            // There is no room for it that we know of.
            look.more = false;
            self.timers.set(tenant, now.plus(SECOND));
        }
        let taken: Vec<String> = look.jobs.iter().map(|job| job.kind.clone()).collect();
        if is_turn {
            let (blocked, again) = self.hold_up(tenant, look.blocked, &taken);
            self.fair.brought(tenant, &Brought { taken, more: look.more, blocked });
            if again {
                self.wake(tenant);
            }
        }
        for job in look.jobs {
            self.begin(tenant, job);
        }
        self.forget_if_quiet(tenant);
    }

    /// Of kinds of which more is due than might be taken: those that a bound over all tenants kept back. The others go on
    /// when one of the tenant's own has ended, or at once where one has meanwhile.
    pub(super) fn hold_up(
        &mut self,
        tenant: TenantId,
        blocked: Vec<String>,
        taken: &[String],
    ) -> (Vec<String>, bool) {
        let known = self.known.entry(tenant).or_default();
        let (mut by_all, mut again) = (Vec::new(), false);
        for kind in blocked {
            let running = known.running_of(&kind) + taken.iter().filter(|one| **one == kind).count();
            if self.tenant_bounds.get(&kind).is_some_and(|bound| *bound <= running) {
                known.held_up.insert(kind);
            } else if self.bounded.contains(&kind) {
                by_all.push(kind);
            } else {
                again = true;
            }
        }
        (by_all, again)
    }

    pub(super) fn learn_of_elsewhere(&mut self, tenant: TenantId, look: &Look) {
        let known = self.known.entry(tenant).or_default();
        for (job, kind) in &look.elsewhere {
            let is_here = known.here.values().any(|here| here.job == *job);
            let is_news = !is_here && !known.over.contains(job);
            if is_news && known.elsewhere.insert(*job, kind.clone()).is_none() {
                self.fair.adopt(tenant, kind);
            }
        }
        let gone = known.before.iter().filter(|job| !look.elsewhere.iter().any(|(id, _)| id == *job));
        let gone: Vec<JobId> = gone.copied().collect();
        for job in gone {
            if let Some(kind) = known.elsewhere.remove(&job) {
                self.fair.ended_elsewhere(tenant, &kind);
            }
        }
    }
}
