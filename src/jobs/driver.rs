//! Runs the jobs of tenants: asks [`Fair`] whose turn it is, has the files asked and the jobs done, and tells it what came
//! of that. All that it knows is found again after a crash.

use super::fair::{Brought, Fair, Share};
use super::timers::Timers;
use crate::clock::{MINUTE, SECOND, Timestamp};
use crate::error::{Error, Kind, Result};
use crate::id::{JobId, TenantId};
use crate::service::Installation;
use crate::service::jobs::LeasedJob;
use crate::service::jobs::work::{self, After, BEAT, Look, Wanted};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// How long nobody looks at the clock at most.
const TICK: i64 = SECOND / 4;
/// How long a tenant whose file cannot be asked is left alone.
const PAUSE: i64 = 5 * SECOND;
/// How often a held tenant is looked at: whoever resumes it says so.
const HELD: i64 = MINUTE;

/// What a task was for.
#[derive(Clone, Copy, Debug)]
enum Task {
    Turn(TenantId),
    Look(TenantId),
    Job(TenantId, JobId),
    Beat(TenantId),
}

/// What it came to.
enum Came {
    Looked(Result<Look>),
    Ran(Result<After>),
    Beaten(Result<()>),
}

/// What the driver knows of a tenant.
#[derive(Default)]
struct Known {
    /// Jobs that run here.
    here: HashMap<JobId, Here>,
    /// Jobs at which handlers work on, with their kinds.
    elsewhere: HashMap<JobId, String>,
    /// Jobs that were over since the file was last asked: what it says of them then is old.
    over: HashSet<JobId>,
    /// Jobs that worked elsewhere when the file was last asked.
    before: HashSet<JobId>,
    /// How many answers of the file are awaited.
    asked: usize,
    /// Kinds of which more is due than may run of one tenant.
    held_up: HashSet<String>,
}

impl Known {
    fn running_of(&self, kind: &str) -> usize {
        self.here.values().filter(|here| here.kind == kind).count()
    }
}

struct Here {
    kind: String,
    lease: String,
    task: AbortHandle,
}

pub(super) struct Driver {
    installation: Arc<Installation>,
    fair: Fair<TenantId>,
    /// Kinds with a bound over all tenants.
    bounded: HashSet<String>,
    /// Bounds of kinds for those of one tenant.
    tenant_bounds: BTreeMap<String, usize>,
    timers: Timers<TenantId>,
    known: HashMap<TenantId, Known>,
    tasks: JoinSet<Came>,
    meant: HashMap<Id, Task>,
    last_beat: Timestamp,
}

impl Driver {
    pub(super) fn new(installation: &Arc<Installation>) -> Driver {
        let bounds = work::bounds(installation);
        Driver {
            bounded: bounds.keys().cloned().collect(),
            tenant_bounds: work::tenant_bounds(),
            fair: Fair::new(work::places(installation), bounds),
            timers: Timers::new(),
            known: HashMap::new(),
            tasks: JoinSet::new(),
            meant: HashMap::new(),
            last_beat: installation.clock().now(),
            installation: Arc::clone(installation),
        }
    }

    /// Runs until it is dropped. Then what runs is cut off, and begun again at the next start.
    pub(super) async fn run(mut self) {
        while let Err(error) = self.take_hints().await {
            tracing::error!(error = ?error, "which tenants have jobs cannot be read; it is tried again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let installation = Arc::clone(&self.installation);
        loop {
            self.hear();
            let now = installation.clock().now();
            while let Some(tenant) = self.timers.next(now) {
                self.wake(tenant);
            }
            self.give_turns();
            self.beat(now);
            let wait = self.timers.first().map_or(TICK, |at| at.since(now)).clamp(1, TICK);
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.came(ended),
                () = installation.tenancy().jobs().arrive() => {}
                () = tokio::time::sleep(Duration::from_millis(wait.unsigned_abs())) => {}
            }
            while let Some(ended) = self.tasks.try_join_next_with_id() {
                self.came(ended);
            }
        }
    }

    /// The tenants that may have jobs, without opening a file.
    async fn take_hints(&mut self) -> Result<()> {
        for (tenant, at) in work::list_hints(&self.installation).await? {
            self.timers.set(tenant, at);
        }
        Ok(())
    }

    /// What others have said.
    fn hear(&mut self) {
        let words = self.installation.tenancy().jobs().take();
        for (tenant, job) in words.over {
            let known = self.known.entry(tenant).or_default();
            known.over.insert(job);
            // What runs here keeps its place until its handler has answered: the thread that waits for it cannot be cut off.
            if let Some(kind) = known.elsewhere.remove(&job) {
                self.fair.ended_elsewhere(tenant, &kind);
            }
            self.wake(tenant);
        }
        for tenant in words.due {
            self.wake(tenant);
        }
    }

    /// A tenant may have work. One that has as much running as it may is looked at all the same: its time for something
    /// else may have come.
    fn wake(&mut self, tenant: TenantId) {
        if !self.fair.wake(tenant) {
            self.ask(Task::Look(tenant), tenant, 0, BTreeMap::new());
        }
    }

    fn give_turns(&mut self) {
        while let Some(turn) = self.fair.next_turn() {
            self.ask(Task::Turn(turn.tenant), turn.tenant, turn.most, turn.kinds);
        }
    }

    fn ask(&mut self, task: Task, tenant: TenantId, most: usize, mut kinds: BTreeMap<String, usize>) {
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
        let wanted = Wanted { tenant, most, kinds, running: known.here.keys().copied().collect() };
        let installation = Arc::clone(&self.installation);
        self.spawn(task, async move { Came::Looked(work::claim(&installation, wanted).await) });
    }

    fn spawn(&mut self, task: Task, work: impl Future<Output = Came> + Send + 'static) -> AbortHandle {
        let handle = self.tasks.spawn(work);
        self.meant.insert(handle.id(), task);
        handle
    }

    fn came(&mut self, ended: Result<(Id, Came), JoinError>) {
        let (id, came) = match ended {
            Ok((id, came)) => (id, Ok(came)),
            Err(error) => (error.id(), Err(error)),
        };
        let Some(task) = self.meant.remove(&id) else { return };
        match (task, came) {
            (Task::Turn(tenant), Ok(Came::Looked(look))) => self.looked(tenant, look, true),
            (Task::Look(tenant), Ok(Came::Looked(look))) => self.looked(tenant, look, false),
            (Task::Job(tenant, job), Ok(Came::Ran(after))) => self.ran(tenant, job, after),
            (Task::Beat(tenant), Ok(Came::Beaten(renewed))) => beaten(tenant, renewed),
            (Task::Turn(tenant), Err(error)) => self.looked(tenant, Err(Error::internal(error)), true),
            (Task::Look(tenant), Err(error)) => self.looked(tenant, Err(Error::internal(error)), false),
            // Somebody cancelled it.
            (Task::Job(tenant, job), Err(error)) if error.is_cancelled() => {
                self.ran(tenant, job, Ok(After::Over));
            }
            (Task::Job(tenant, job), Err(error)) => {
                self.ran(tenant, job, Err(Error::internal(error)));
            }
            _ => {}
        }
    }

    fn looked(&mut self, tenant: TenantId, look: Result<Look>, is_turn: bool) {
        let now = self.installation.clock().now();
        let known = self.known.entry(tenant).or_default();
        known.asked = known.asked.saturating_sub(1);
        let mut look = match look {
            Ok(look) => look,
            Err(error) => {
                if error.kind() == Kind::NotFound {
                    self.forget(tenant);
                } else {
                    tracing::error!(tenant_id = %tenant, error = ?error, "the jobs of a tenant cannot be asked for; it is tried again");
                    self.timers.set(tenant, now.plus(PAUSE));
                }
                if is_turn {
                    self.fair.brought(tenant, &Brought::default());
                }
                return;
            }
        };
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
    fn hold_up(&mut self, tenant: TenantId, blocked: Vec<String>, taken: &[String]) -> (Vec<String>, bool) {
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

    fn learn_of_elsewhere(&mut self, tenant: TenantId, look: &Look) {
        let known = self.known.entry(tenant).or_default();
        for (job, kind) in &look.elsewhere {
            let is_news = !known.here.contains_key(job) && !known.over.contains(job);
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

    fn begin(&mut self, tenant: TenantId, job: LeasedJob) {
        let (id, kind, lease) = (job.id, job.kind.clone(), job.lease.clone());
        let installation = Arc::clone(&self.installation);
        let work = async move { Came::Ran(work::run(&installation, tenant, &job).await) };
        let task = self.spawn(Task::Job(tenant, id), work);
        self.known.entry(tenant).or_default().here.insert(id, Here { kind, lease, task });
    }

    fn ran(&mut self, tenant: TenantId, job: JobId, after: Result<After>) {
        let known = self.known.entry(tenant).or_default();
        let Some(here) = known.here.remove(&job) else { return };
        let now = self.installation.clock().now();
        match after {
            Ok(After::Elsewhere(until)) if !known.over.contains(&job) => {
                known.elsewhere.insert(job, here.kind);
                self.fair.handed_over(tenant);
                self.timers.set(tenant, until);
                return;
            }
            Ok(After::Over | After::Elsewhere(_)) => {}
            Ok(After::Again(at)) => self.timers.set(tenant, at),
            Err(error) if error.kind() == Kind::NotFound => {}
            Err(error) => {
                tracing::error!(
                    tenant_id = %tenant, job_id = %job, error = ?error,
                    "what became of a job cannot be noted; it is done again when its lease has ended"
                );
                self.timers.set(tenant, now.plus(MINUTE + SECOND));
            }
        }
        let is_last = known.here.is_empty();
        let goes_on = known.held_up.remove(&here.kind);
        self.fair.ended(tenant, &here.kind);
        if goes_on {
            self.wake(tenant);
        }
        if is_last {
            let at = work::quiet_at(&self.installation, tenant);
            self.timers.set(tenant, at.max(now.plus(TICK)));
        }
        self.forget_if_quiet(tenant);
    }

    /// Renews the leases of all jobs that run here.
    fn beat(&mut self, now: Timestamp) {
        // Also where the clock was put back.
        if (0..BEAT).contains(&now.since(self.last_beat)) {
            return;
        }
        self.last_beat = now;
        let leases: Vec<(TenantId, Vec<(JobId, String)>)> = self
            .known
            .iter()
            .filter(|(_, known)| !known.here.is_empty())
            .map(|(tenant, known)| {
                (*tenant, known.here.iter().map(|(job, here)| (*job, here.lease.clone())).collect())
            })
            .collect();
        for (tenant, leases) in leases {
            let installation = Arc::clone(&self.installation);
            let work = async move { Came::Beaten(work::beat(&installation, tenant, leases).await) };
            self.spawn(Task::Beat(tenant), work);
        }
    }

    /// The tenant is gone. What runs for it finds nobody to tell.
    fn forget(&mut self, tenant: TenantId) {
        self.timers.forget(tenant);
        let Some(known) = self.known.get_mut(&tenant) else { return };
        known.here.values().for_each(|here| here.task.abort());
        for (_, kind) in std::mem::take(&mut known.elsewhere) {
            self.fair.ended_elsewhere(tenant, &kind);
        }
        self.forget_if_quiet(tenant);
    }

    fn forget_if_quiet(&mut self, tenant: TenantId) {
        let is_quiet =
            |known: &Known| known.here.is_empty() && known.elsewhere.is_empty() && known.asked == 0;
        if self.known.get(&tenant).is_some_and(is_quiet) {
            self.known.remove(&tenant);
        }
    }
}

fn beaten(tenant: TenantId, renewed: Result<()>) {
    // What is no longer ours ends by itself, and what it says then counts for nothing.
    if let Err(error) = renewed {
        tracing::warn!(tenant_id = %tenant, error = ?error, "leases of jobs could not be renewed");
    }
}
