//! Background work: jobs of tenants, exports, erasures that are due, and what has to be swept. Each is one function of
//! `service`; this only says when. Whose job is next is up to [`fair`].

mod driver;
pub mod fair;
mod loops;
mod timers;

use crate::service::Installation;
use driver::Driver;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The running loops. They end when the runner is stopped; what is cut off is taken up again at the next start.
pub struct Runner {
    loops: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Runner {
    /// Starts the loops.
    pub fn start(installation: &Arc<Installation>) -> Runner {
        let (stop, stopping) = watch::channel(false);
        let mut runner = Runner { loops: JoinSet::new(), stop };
        runner.loops.spawn(Driver::new(installation).run(stopping));
        runner.run(installation, loops::work);
        runner.run(installation, loops::send_mail);
        runner.run(installation, loops::post_letters);
        runner.run(installation, loops::talk_to_stripe);
        runner.run(installation, loops::store_counts);
        runner.run(installation, loops::gather_figures);
        runner.run(installation, loops::keep_figures);
        runner.run(installation, loops::export);
        runner.run(installation, loops::bill);
        runner.run(installation, loops::carry_events);
        runner.run(installation, loops::migrate_fleet);
        runner.run(installation, loops::back_up);
        runner.run(installation, loops::tell_notices);
        runner.run(installation, loops::import);
        runner.run(installation, loops::sweep);
        runner
    }

    fn run<F>(&mut self, installation: &Arc<Installation>, work: fn(Arc<Installation>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.loops.spawn(until(self.stop.subscribe(), work(Arc::clone(installation))));
    }

    /// Stops the loops. An export that is cut off is begun again at the next start.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
    }
}

async fn until(mut stopping: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        _ = stopping.wait_for(|stop| *stop) => {}
    }
}
