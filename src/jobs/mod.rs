//! Background work: jobs of tenants, exports, erasures that are due, and what has to be swept. Each is one function of
//! `service`; this only says when. Whose job is next is up to [`fair`].

mod driver;
pub mod fair;
mod timers;

use crate::clock::MINUTE;
use crate::error::Result;
use crate::service::{
    Installation, checkpoints, erasure, exports, imports, invoices, mail, migrations, provisioning, sessions,
    stripe, subscriptions, usage, webhooks,
};
use driver::Driver;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long work that nobody announced waits at most.
const TICK: Duration = Duration::from_secs(1);
/// How often what was counted in memory is stored.
const COUNT: Duration = Duration::from_secs(10);
/// How often it is looked for periods to be billed and invoices to be issued.
const BILL: Duration = Duration::from_secs(5);
/// How often what has expired is swept.
const SWEEP: Duration = Duration::from_secs(60);
/// How long after a migration of the fleet broke off, as where the catalog does not answer.
const AFTER_FAILED_MIGRATION: Duration = Duration::from_secs(5);

/// The running loops. They end when the runner is stopped; what is cut off is taken up again at the next start.
pub struct Runner {
    loops: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Runner {
    /// Starts the loops.
    pub fn start(installation: &Arc<Installation>) -> Runner {
        let (stop, stopping) = watch::channel(false);
        let mut loops = JoinSet::new();
        let work = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("work", run_work(&work).await);
                note("signing audit logs", checkpoints::sign_due(&work).await);
                note("subscriptions", subscriptions::advance_due(&work).await);
                let _ = tokio::time::timeout(TICK, work.work_arrives()).await;
            }
        }));
        let post = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("mail", mail::deliver_due(&post).await);
                let _ = tokio::time::timeout(TICK, post.mail_arrives()).await;
            }
        }));
        // Apart from sending: that may take long, and what was posted meanwhile takes turns with what waits.
        let posting = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("letters that were posted", mail::post_due(&posting).await);
                tokio::time::sleep(TICK).await;
            }
        }));
        let stripe = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("events of Stripe", stripe::work_off(&stripe).await);
                note("ending subscriptions at Stripe", stripe::cancel_leaving(&stripe).await);
                note("sending usage to Stripe", stripe::send_rest_when_due(&stripe).await);
                note("recovering events of Stripe", stripe::recover_when_due(&stripe).await);
                note("drift from Stripe", stripe::look_for_drift_when_due(&stripe).await);
                let _ = tokio::time::timeout(TICK, stripe.stripe_arrives()).await;
            }
        }));
        loops.spawn(Driver::new(installation).run(stopping.clone()));
        let counting = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("requests", usage::store_requests(&counting).await);
                note("attempts at jobs", usage::store_job_runs(&counting).await);
                tokio::time::sleep(COUNT).await;
            }
        }));
        let billing = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("invoices", invoices::run_due(&billing).await);
                tokio::time::sleep(BILL).await;
            }
        }));
        let telling = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            let mut carrier = webhooks::Carrier::default();
            loop {
                note("events for endpoints", carrier.carry(&telling).await);
                tokio::time::sleep(TICK).await;
            }
        }));
        let fleet = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                let progress = |line: String| tracing::info!(progress = line, "migrating the fleet");
                let worked_off = migrations::work_off(&fleet, &progress).await;
                let is_broken_off = worked_off.is_err();
                note("migrations", worked_off);
                if is_broken_off {
                    // The run goes on; nobody else says that there is something to do.
                    tokio::time::sleep(AFTER_FAILED_MIGRATION).await;
                } else {
                    fleet.migration_arrives().await;
                }
            }
        }));
        let limits = Arc::clone(installation);
        loops.spawn(until(stopping.clone(), async move {
            loop {
                note("notices of limits", usage::tell_notices(&limits).await);
                limits.tenancy().notices_arrive().await;
            }
        }));
        loops.spawn(until(stopping.clone(), import(Arc::clone(installation))));
        let sweep = Arc::clone(installation);
        loops.spawn(until(stopping, async move {
            loop {
                run_sweep(&sweep).await;
                tokio::time::sleep(SWEEP).await;
            }
        }));
        Runner { loops, stop }
    }

    /// Stops the loops. An export that is cut off is begun again at the next start.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
    }
}

/// Works imports off, for as long as the server runs.
async fn import(installation: Arc<Installation>) {
    loop {
        match imports::run_next_import(&installation).await {
            Ok(true) => {}
            ended => {
                note("imports", ended.map(drop));
                let _ = tokio::time::timeout(TICK, installation.import_arrives()).await;
            }
        }
    }
}

async fn until(mut stopping: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}

/// Erasures first, and again after each export: a row of exports must not keep what the law asks for.
async fn run_work(installation: &Arc<Installation>) -> Result<()> {
    loop {
        erasure::erase_due_tenants(installation).await?;
        if !exports::run_next_export(installation).await? {
            return Ok(());
        }
    }
}

/// What has expired; one kind that cannot be swept does not keep the others.
async fn run_sweep(installation: &Arc<Installation>) {
    note("exports", exports::expire_exports(installation).await.map(drop));
    note("imports", imports::sweep_imports(installation).await);
    note("checkpoint", erasure::pay_checkpoint(installation).await);
    note("audit entries", checkpoints::drop_old_entries(installation).await);
    note("letters", mail::sweep_letters(installation).await);
    note("trials that end", mail::tell_of_trials(installation).await);
    note("what letters told", mail::sweep_posted(installation).await);
    note("events of Stripe that are done with", stripe::sweep_events(installation).await);
    note("copies made before migrations", migrations::sweep_snapshots(installation).await);
    note("sessions", sessions::sweep_sessions(installation).await);
    for (tenant_id, code, count) in installation.tenancy().take_refused() {
        tracing::info!(%tenant_id, code, count, "requests of a tenant were refused by its limits");
    }
    let long_ago = installation.clock().now().plus(-10 * MINUTE);
    note("storage", usage::watch_storage(installation).await);
    note("efforts", usage::store_efforts(installation).await);
    note("half-made tenants", provisioning::sweep_half_made(installation, long_ago).await);
}

fn note(what: &str, result: Result<()>) {
    if let Err(error) = result {
        tracing::error!(what, error = ?error, "background work failed and will be tried again");
    }
}
