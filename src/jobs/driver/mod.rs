//! Runs the jobs of tenants: asks [`Fair`] whose turn it is, has the files asked and the jobs done, and tells it what came
//! of that. All that it knows is found again after a crash.

mod ends;
mod kept;
mod leases;
mod turns;

use super::fair::Fair;
use super::timers::Timers;
use crate::clock::{MINUTE, SECOND, Timestamp};
use crate::error::{Error, Result};
use crate::id::{JobId, TenantId};
use crate::service::Installation;
use crate::service::jobs::attempts::{self, After, Done, Look};
use crate::telemetry::subject;
use kept::{Kept, Saving};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

/// How long nobody looks at the clock at most.
const TICK: i64 = SECOND / 4;
/// How long a tenant whose file cannot be asked is left alone.
const PAUSE: i64 = 5 * SECOND;
/// How long one that is being migrated is.
const MIGRATES: i64 = SECOND;
/// How often a held tenant is looked at: whoever resumes it says so.
const HELD: i64 = MINUTE;

/// What a task was for.
#[derive(Clone, Copy, Debug)]
enum Task {
    Turn(TenantId),
    Look(TenantId),
    Job(TenantId),
    Beat(TenantId),
    End(TenantId),
}

impl Task {
    fn tenant(self) -> TenantId {
        match self {
            Task::Turn(tenant)
            | Task::Look(tenant)
            | Task::Job(tenant)
            | Task::Beat(tenant)
            | Task::End(tenant) => tenant,
        }
    }
}

/// What it came to.
enum Came {
    Looked(Result<Look>),
    Ran(Result<Done>),
    Beaten(Result<Vec<JobId>>),
    Ended(Result<Vec<After>>),
}

/// What the driver knows of a tenant.
#[derive(Default)]
struct Known {
    /// Attempts that run here, by what does them: two of one job where somebody cancelled it and had it tried again.
    here: HashMap<Id, Here>,
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
    /// Attempts that are over, until the file is next written.
    done: Kept,
    /// Of which that is being written, by what writes it.
    saving: HashMap<Id, Saving>,
}

impl Known {
    /// Whether nothing runs here, nor is anything that ran to be written.
    fn is_at_rest(&self) -> bool {
        self.here.is_empty() && self.done.is_empty() && self.saving.is_empty()
    }

    fn running_of(&self, kind: &str) -> usize {
        self.here.values().filter(|here| here.kind == kind).count()
    }
}

struct Here {
    job: JobId,
    kind: String,
    lease: String,
    task: AbortHandle,
    cancelled: watch::Sender<bool>,
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
    /// Tenants of which attempts are over, and by when that is written.
    ending: BTreeMap<TenantId, Instant>,
    /// How many attempts are over of which that is not on disk, without those that were put off.
    unsaved: usize,
    /// How many were put off because their files could not be written.
    put_off: usize,
    /// How many may be unsaved before no more jobs are taken, and how many put off before one is lost.
    most_unsaved: usize,
    /// Whether no job is begun any more.
    winds_up: bool,
    tasks: JoinSet<Came>,
    meant: HashMap<Id, Task>,
    last_beat: Timestamp,
    last_look: Timestamp,
}

impl Driver {
    pub(super) fn new(installation: &Arc<Installation>) -> Driver {
        let bounds = attempts::bounds(installation);
        Driver {
            bounded: bounds.keys().cloned().collect(),
            tenant_bounds: attempts::tenant_bounds(installation),
            fair: Fair::new(attempts::places(installation), bounds),
            timers: Timers::new(),
            known: HashMap::new(),
            ending: BTreeMap::new(),
            unsaved: 0,
            put_off: 0,
            most_unsaved: 4 * attempts::places(installation),
            winds_up: false,
            tasks: JoinSet::new(),
            meant: HashMap::new(),
            last_beat: installation.clock().now(),
            last_look: installation.clock().now(),
            installation: Arc::clone(installation),
        }
    }

    /// Runs until it is stopped. Then what does not end in a moment is cut off, and begun again at the next start.
    pub(super) async fn run(mut self, stopping: watch::Receiver<bool>) {
        super::until(stopping, self.drive()).await;
        self.wind_up().await;
    }

    async fn drive(&mut self) {
        while let Err(error) = self.take_hints().await {
            tracing::error!(error = ?error, "which tenants have jobs cannot be read; it is tried again");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let installation = Arc::clone(&self.installation);
        loop {
            self.hear();
            let now = installation.clock().now();
            if self.last_look.since(now) > SECOND {
                // The clock was set back: what was to come later may come sooner.
                self.timers.set_all(now);
            }
            self.last_look = now;
            while let Some(tenant) = self.timers.next(now) {
                self.wake(tenant);
            }
            if self.unsaved < self.most_unsaved {
                self.give_turns();
            }
            self.write_ends();
            self.beat(now);
            let wait = self.timers.first().map_or(TICK, |at| at.since(now)).clamp(1, TICK);
            let wait = Duration::from_millis(wait.unsigned_abs()).min(self.until_written());
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id(), if !self.tasks.is_empty() => self.came(ended),
                () = installation.tenancy().jobs().arrive() => {}
                () = tokio::time::sleep(wait) => {}
            }
            while let Some(ended) = self.tasks.try_join_next_with_id() {
                self.came(ended);
            }
        }
    }

    /// The tenants that may have jobs, without opening a file.
    async fn take_hints(&mut self) -> Result<()> {
        for (tenant, at) in attempts::list_hints(&self.installation).await? {
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
            self.cancel(tenant, job);
            let known = self.known.entry(tenant).or_default();
            // What runs here keeps its place until its handler has answered: the thread that waits for it cannot be cut off.
            if let Some(kind) = known.elsewhere.remove(&job) {
                self.fair.ended_elsewhere(tenant, &kind);
            }
            self.wake(tenant);
        }
        let now = self.installation.clock().now();
        for tenant in words.due {
            if !self.fair.wake(tenant) {
                // It has as much running as it may: what it enqueues in the meantime is looked at together.
                self.timers.set(tenant, now.plus(TICK));
            }
        }
        for (tenant, at) in words.later {
            // The catalog is told what comes, once nothing has been enqueued for a while.
            self.timers
                .set(tenant, at.min(attempts::quiet_at(&self.installation, tenant)).max(now.plus(TICK)));
        }
    }

    /// A tenant may have work. One that has as much running as it may is looked at all the same: its time for something
    /// else may have come.
    fn wake(&mut self, tenant: TenantId) {
        if !self.fair.wake(tenant) {
            self.ask(Task::Look(tenant), tenant, 0, BTreeMap::new());
        }
    }

    fn spawn(&mut self, task: Task, work: impl Future<Output = Came> + Send + 'static) -> AbortHandle {
        let handle = self.tasks.spawn(subject::of_tenant(task.tenant(), work));
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
            (Task::Turn(tenant) | Task::Look(tenant), came) => {
                let look = match came {
                    Ok(Came::Looked(look)) => look,
                    Ok(_) => return,
                    Err(error) => Err(Error::internal(error)),
                };
                let saving = self.saved(tenant, id);
                self.looked(tenant, look, matches!(task, Task::Turn(_)), saving);
            }
            (Task::End(tenant), came) => {
                let ended = match came {
                    Ok(Came::Ended(ended)) => ended,
                    Ok(_) => return,
                    Err(error) => Err(Error::internal(error)),
                };
                let saving = self.saved(tenant, id);
                self.ended(tenant, ended, saving);
            }
            (Task::Job(tenant), Ok(Came::Ran(done))) => self.ran(tenant, id, done),
            (Task::Beat(tenant), Ok(Came::Beaten(renewed))) => self.beaten(tenant, renewed),
            (Task::Job(tenant), Err(error)) if error.is_cancelled() => self.cut_off(tenant, id),
            (Task::Job(tenant), Err(error)) => self.ran(tenant, id, Err(Error::internal(error))),
            _ => {}
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
        let is_quiet = |known: &Known| known.is_at_rest() && known.elsewhere.is_empty() && known.asked == 0;
        if self.known.get(&tenant).is_some_and(is_quiet) {
            self.known.remove(&tenant);
        }
    }
}
