//! The server as a part of another program, with functions of that program that do jobs. `examples/embedded.rs` is a whole one.

use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::http;
use crate::jobs::Runner;
use crate::service::{Installation, plans};
use std::net::SocketAddr;
use std::sync::Arc;

pub use crate::service::jobs::{FunctionJob, FunctionOptions, Functions, JobFailure};

/// A server that listens, and works in the background. It needs a Tokio runtime with several threads.
pub struct Server {
    installation: Arc<Installation>,
    http: http::Server,
    jobs: Runner,
}

impl Server {
    /// Begins one.
    pub fn builder() -> Builder {
        Builder { config: None, clock: Arc::new(SystemClock), functions: Functions::default() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.http.address()
    }

    /// What it serves.
    pub fn installation(&self) -> &Arc<Installation> {
        &self.installation
    }

    /// Serves until `stop` is done, then ends in order: running requests end, jobs stop, files are closed.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        self.http.serve(stop).await;
        self.jobs.stop().await;
        self.installation.close().await;
    }

    pub(crate) fn into_parts(self) -> (Arc<Installation>, http::Server, Runner) {
        (self.installation, self.http, self.jobs)
    }
}

/// A server to be.
pub struct Builder {
    config: Option<Config>,
    clock: SharedClock,
    functions: Functions,
}

impl Builder {
    /// With these settings; else those of environment and `tenantry.toml`, as the program `tenantry` has them.
    #[must_use]
    pub fn config(self, config: Config) -> Builder {
        Builder { config: Some(config), ..self }
    }

    /// With another clock than that of the machine.
    #[must_use]
    pub fn clock(self, clock: SharedClock) -> Builder {
        Builder { clock, ..self }
    }

    /// Has jobs of a kind done by a function, which is given one attempt at a time. One that panics has failed, and nobody
    /// else; whatever is not done within the time of the options is dropped where it waits.
    #[must_use]
    pub fn job<F, Fut>(self, kind: impl Into<String>, function: F) -> Builder
    where
        F: Fn(FunctionJob) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<serde_json::Value, JobFailure>> + Send + 'static,
    {
        self.job_with(kind, FunctionOptions::default(), function)
    }

    /// The same with other bounds.
    #[must_use]
    pub fn job_with<F, Fut>(
        mut self,
        kind: impl Into<String>,
        options: FunctionOptions,
        function: F,
    ) -> Builder
    where
        F: Fn(FunctionJob) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<serde_json::Value, JobFailure>> + Send + 'static,
    {
        self.functions.add(kind, options, function);
        self
    }

    /// Opens the data directory, binds the address and begins to work.
    ///
    /// # Errors
    /// Settings that cannot be; another server has the directory; a kind that cannot be, or that app.toml declares as well;
    /// the address is taken.
    pub async fn start(self) -> Result<Server> {
        let config = match self.config {
            Some(config) => config,
            None => Config::load(crate::config::Partial::default(), None)
                .map_err(|error| Error::new(Kind::Malformed, "config_invalid", error.to_string()))?,
        };
        let installation = Installation::open_with(config, self.clock, self.functions).await?;
        plans::tell_differences(&installation).await?;
        let http = match http::Server::bind(Arc::clone(&installation)).await {
            Ok(server) => server,
            Err(error) => {
                installation.close().await;
                return Err(error);
            }
        };
        installation.reached_at(http.address());
        let jobs = Runner::start(&installation);
        Ok(Server { installation, http, jobs })
    }
}
