//! `tenantry serve`.

use super::control::ControlSocket;
use super::{Common, Failure, Listening, block_on, clock};
use crate::config::Config;
use crate::embedded;
use crate::http::Server;
use crate::jobs::Runner;
use crate::service::{Installation, operators};
use crate::tenancy::this_program;
use serde_json::json;
use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};

pub(super) fn run(common: &Common, listening: &Listening) -> Result<ExitCode, Failure> {
    let config = common.load(listening.listen)?;
    let json = common.json;
    block_on(&config.clone(), async move {
        let running = Running::start(config).await?;
        let url = running.url();
        let setup = operators::setup_link(&running.installation, &url);
        if json {
            let mut said = json!({ "url": url, "listen": running.server.address(), "setup_url": setup });
            if let (Some(address), Some(said)) = (running.server.metrics_address(), said.as_object_mut()) {
                said.insert("metrics_url".to_owned(), format!("http://{address}/metrics").into());
            }
            say(&said.to_string());
        } else {
            say(&format!("Tenantry is listening on {url}"));
            if let Some(setup) = setup {
                say(&format!(
                    "There is no operator yet. Make yourself one with this link, which works once:\n  {setup}"
                ));
            }
        }
        running.until_stopped().await?;
        Ok(ExitCode::SUCCESS)
    })
}

/// A line on standard output, at once, even into a pipe.
pub(super) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // Whoever reads may be gone; serving goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// A server with everything around it.
pub(super) struct Running {
    pub(super) installation: Arc<Installation>,
    server: Server,
    jobs: Runner,
    control: ControlSocket,
    terminate: Signal,
    interrupt: Signal,
}

impl Running {
    /// Opens the installation and binds the address.
    pub(super) async fn start(config: Config) -> Result<Running, Failure> {
        // First of all: whoever has read where we listen may ask us to end.
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let serving = embedded::Server::builder().config(config).clock(clock()).start().await?;
        let (installation, server, jobs) = serving.into_parts();
        installation.tenancy().run_sql_with(this_program()?);
        let control = ControlSocket::bind(&installation)?;
        Ok(Running { installation, server, jobs, control, terminate, interrupt })
    }

    /// The URL for people: the configured one, else where it really listens.
    pub(super) fn url(&self) -> String {
        let config = self.installation.config();
        config
            .public_url
            .as_ref()
            .map_or_else(|| format!("http://{}", self.server.address()), |_| config.base_url())
    }

    /// Serves until SIGTERM or SIGINT, then ends in order: no new connections, running requests end, jobs stop, files
    /// are checkpointed and closed.
    pub(super) async fn until_stopped(self) -> Result<(), Failure> {
        let (mut terminate, mut interrupt) = (self.terminate, self.interrupt);
        let stop = async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::info!("stopping");
        };
        self.server.serve(stop).await;
        drop(self.control);
        self.jobs.stop().await;
        self.installation.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}
