//! The loops of background work: each says when one thing is done, for as long as the server runs.

use crate::clock::MINUTE;
use crate::error::Result;
use crate::service::{
    Installation, backups, checkpoints, clones, erasure, exports, imports, invoices, mail, migrations, moves,
    provisioning, sessions, stripe, subscriptions, telemetry, usage, webhooks,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long work that nobody announced waits at most.
const TICK: Duration = Duration::from_secs(1);
/// How often what was counted in memory is stored.
const COUNT: Duration = Duration::from_secs(10);
/// How often it is looked for periods to be billed and invoices to be issued.
const BILL: Duration = Duration::from_secs(5);
/// How old the figures are that lists of the fleet tell of tenants that were used.
const FIGURES: Duration = Duration::from_secs(5);
/// How often what has expired is swept.
const SWEEP: Duration = Duration::from_secs(60);
/// How long after a migration of the fleet broke off, as where the catalog does not answer.
const AFTER_FAILED_MIGRATION: Duration = Duration::from_secs(5);

pub(super) async fn work(installation: Arc<Installation>) {
    loop {
        note("work", run_work(&installation).await);
        note("signing audit logs", checkpoints::sign_due(&installation).await);
        note("clones whose time is over", clones::close_expired(&installation).await);
        note("subscriptions", subscriptions::advance_due(&installation).await);
        let _ = timeout(TICK, installation.work_arrives()).await;
    }
}

pub(super) async fn send_mail(installation: Arc<Installation>) {
    loop {
        note("mail", mail::deliver_due(&installation).await);
        let _ = timeout(TICK, installation.mail_arrives()).await;
    }
}

/// Apart from sending: that may take long, and what was posted meanwhile takes turns with what waits.
pub(super) async fn post_letters(installation: Arc<Installation>) {
    loop {
        note("letters that were posted", mail::post_due(&installation).await);
        sleep(TICK).await;
    }
}

pub(super) async fn talk_to_stripe(installation: Arc<Installation>) {
    loop {
        note("events of Stripe", stripe::work_off(&installation).await);
        note("ending subscriptions at Stripe", stripe::cancel_leaving(&installation).await);
        note("deleting customers at Stripe", erasure::delete_customers_left(&installation).await);
        note("telling Stripe of addresses", stripe::tell_addresses(&installation).await);
        note("sending usage to Stripe", stripe::send_rest_when_due(&installation).await);
        note("recovering events of Stripe", stripe::recover_when_due(&installation).await);
        note("drift from Stripe", stripe::look_for_drift_when_due(&installation).await);
        let _ = timeout(TICK, installation.stripe_arrives()).await;
    }
}

pub(super) async fn store_counts(installation: Arc<Installation>) {
    loop {
        note("requests", usage::store_requests(&installation).await);
        note("attempts at jobs", usage::store_job_runs(&installation).await);
        sleep(COUNT).await;
    }
}

pub(super) async fn gather_figures(installation: Arc<Installation>) {
    loop {
        note("figures of tenants", telemetry::look(&installation).await);
        sleep(TICK).await;
    }
}

pub(super) async fn keep_figures(installation: Arc<Installation>) {
    loop {
        note("what is kept of tenants", telemetry::keep(&installation).await);
        sleep(FIGURES).await;
    }
}

pub(super) async fn export(installation: Arc<Installation>) {
    telemetry::export(&installation).await;
}

pub(super) async fn bill(installation: Arc<Installation>) {
    loop {
        note("invoices", invoices::run_due(&installation).await);
        sleep(BILL).await;
    }
}

pub(super) async fn carry_events(installation: Arc<Installation>) {
    let mut carrier = webhooks::Carrier::default();
    loop {
        note("events for endpoints", carrier.carry(&installation).await);
        sleep(TICK).await;
    }
}

pub(super) async fn migrate_fleet(installation: Arc<Installation>) {
    loop {
        let progress = |line: String| tracing::info!(progress = line, "migrating the fleet");
        let worked_off = migrations::work_off(&installation, &progress).await;
        let is_broken_off = worked_off.is_err();
        note("migrations", worked_off);
        if is_broken_off {
            // The run goes on; nobody else says that there is something to do.
            sleep(AFTER_FAILED_MIGRATION).await;
        } else {
            installation.migration_arrives().await;
        }
    }
}

pub(super) async fn back_up(installation: Arc<Installation>) {
    loop {
        note("backups", backups::run_when_due(&installation).await);
        sleep(TICK).await;
    }
}

pub(super) async fn tell_notices(installation: Arc<Installation>) {
    loop {
        note("notices of limits", usage::tell_notices(&installation).await);
        installation.tenancy().notices_arrive().await;
    }
}

pub(super) async fn import(installation: Arc<Installation>) {
    loop {
        match imports::run_next_import(&installation).await {
            Ok(true) => {}
            ended => {
                note("imports", ended.map(drop));
                let _ = timeout(TICK, installation.import_arrives()).await;
            }
        }
    }
}

pub(super) async fn sweep(installation: Arc<Installation>) {
    loop {
        run_sweep(&installation).await;
        sleep(SWEEP).await;
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
    note("volumes", moves::sweep(installation).await);
    note("old figures of tenants", telemetry::sweep(installation).await);
    note("which tenants were written", backups::note_written(installation).await);
    note("backups that have had their time", backups::sweep(installation).await);
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
