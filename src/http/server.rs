//! The server: binds, serves, drains.

use super::connection::{self, Serving, WHEN_CROWDED};
use super::patience::Patience;
use super::places::{Place, Places};
use super::routes::{RouteInfo, Routes};
use super::shedding::Shedding;
use super::{api, health, layers, pages, webhooks};
use crate::error::{Error, Kind, Result};
use crate::http::problem::Problem;
use crate::service::Installation;
use axum::Router;
use axum::response::{IntoResponse, Response};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// From the first byte of a request to the end of its head.
const HEAD: Duration = Duration::from_secs(10);
/// How long a peer may take nothing of what is sent to it.
const TAKING: Duration = Duration::from_secs(60);
/// Connections that read metrics at an address of their own.
const MOST_READERS: usize = 16;
/// A rest for what was short to come back.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(500);

/// A bound server.
pub struct Server {
    listener: TcpListener,
    metrics: Option<TcpListener>,
    installation: Arc<Installation>,
    address: SocketAddr,
}

/// Every route of the API as it was declared.
pub fn routes() -> Vec<RouteInfo> {
    api::routes().infos
}

impl Server {
    /// Binds the address of the settings.
    ///
    /// # Errors
    /// It is taken or not ours; or a route would let in others than it declares.
    pub async fn bind(installation: Arc<Installation>) -> Result<Server> {
        refuse_faults(&api::routes())?;
        let listener = bind(installation.config().listen, "--listen").await?;
        let metrics = match installation.config().metrics_listen {
            Some(wanted) => Some(bind(wanted, "metrics_listen").await?),
            None => None,
        };
        let address = listener.local_addr()?;
        Ok(Server { listener, metrics, installation, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where metrics are answered, if they have an address of their own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// Serves until `stop` is done, then lets running requests end, for as long as the settings say.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Server { listener, metrics, installation, .. } = self;
        let config = installation.config();
        let most = installation.max_connections();
        if most < config.max_connections {
            tracing::warn!(
                most,
                "the limit of open files allows fewer connections than max_connections = {}",
                config.max_connections
            );
        }
        let connections = Connections {
            installation: Arc::clone(&installation),
            router: router(&installation),
            when_full: router_when_full(&installation),
            patience: Patience { idle: Duration::from_secs(config.idle_seconds), head: HEAD, taking: TAKING },
            places: Places::new(most),
            shedding: Shedding::new(
                config.max_requests,
                Arc::clone(installation.tenancy().figures().in_flight()),
            ),
            draining: watch::Sender::new(false),
        };
        let measuring = tokio::spawn(Arc::clone(&connections.shedding).measure());
        let metrics = metrics.map(|listener| {
            let router = health::own_metrics_router().with_state(Arc::clone(&installation));
            let connections = Connections {
                installation: Arc::clone(&installation),
                when_full: router.clone(),
                router,
                patience: connections.patience,
                places: Places::new(MOST_READERS),
                shedding: Arc::clone(&connections.shedding),
                draining: watch::Sender::new(false),
            };
            tokio::spawn(async move { connections.accept(listener, std::future::pending(), || {}).await })
        });
        let draining = connections.accept(listener, stop, || installation.start_draining()).await;
        measuring.abort();
        let drained = tokio::time::timeout(Duration::from_secs(config.shutdown_seconds), draining.closed());
        if drained.await.is_err() {
            // Dropping the sender ends them.
            tracing::warn!(
                connections = draining.receiver_count(),
                "requests did not end in time and are given up"
            );
        }
        // Until the end: how the last requests go is worth knowing.
        if let Some(metrics) = metrics {
            metrics.abort();
        }
    }
}

async fn bind(wanted: SocketAddr, setting: &str) -> Result<TcpListener> {
    TcpListener::bind(wanted).await.map_err(|error| {
        let detail = format!(
            "Cannot listen on {wanted}: {error}. Stop what listens there, or choose another with {setting}."
        );
        Error::unavailable("cannot_listen", detail, 5).because(error)
    })
}

/// What accepted connections are served with.
struct Connections {
    installation: Arc<Installation>,
    router: Router,
    when_full: Router,
    patience: Patience,
    places: Places,
    shedding: Arc<Shedding>,
    draining: watch::Sender<bool>,
}

impl Connections {
    /// Accepts until `stop` is done. What is returned closes when the last connection does.
    async fn accept(
        mut self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
        on_stop: impl FnOnce(),
    ) -> watch::Sender<bool> {
        let mut stop = pin!(stop);
        loop {
            let taken = async {
                let (stream, peer) = accept(&listener).await;
                let place = self.places.take().await;
                (stream, peer, place)
            };
            tokio::select! {
                (stream, peer, place) = taken => {
                    if let Some(place) = place {
                        self.spawn(stream, peer, place);
                    }
                }
                () = stop.as_mut() => break,
            }
        }
        on_stop();
        drop(listener);
        self.draining.send_replace(true);
        self.draining
    }

    fn spawn(&self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let (router, patience) = if place.is_spare {
            let short = |time: Duration| time.min(WHEN_CROWDED);
            let Patience { idle, head, taking } = self.patience;
            let patience = Patience { idle: short(idle), head: short(head), taking: short(taking) };
            (self.when_full.clone(), patience)
        } else {
            (self.router.clone(), self.patience)
        };
        let (installation, shedding) = (Arc::clone(&self.installation), Arc::clone(&self.shedding));
        let serving = Serving {
            answer: move |request| {
                layers::observe(Arc::clone(&installation), Arc::clone(&shedding), router.clone(), request)
            },
            patience,
            keep_alive: !place.is_spare,
            is_crowded: self.places.is_crowded(),
            draining: self.draining.subscribe(),
        };
        tokio::spawn(async move {
            // Fails only on a connection that is gone already.
            drop(stream.set_nodelay(true));
            connection::serve(stream, peer, serving).await;
            drop(place);
        });
    }
}

/// The next connection. What goes wrong with one does not end the server: descriptors may be short for a moment.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_the_peer(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections");
                tokio::time::sleep(AFTER_FAILED_ACCEPT).await;
            }
        }
    }
}

fn is_of_the_peer(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Everything that is served.
pub(super) fn router(installation: &Arc<Installation>) -> Router {
    let Routes { router, .. } = api::routes();
    router
        .merge(health::router())
        .merge(health::metrics_router(installation))
        .merge(webhooks::router())
        .merge(pages::router(installation))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(installation))
}

/// Nothing is served as long as one route is not what it declares to be.
fn refuse_faults(routes: &Routes) -> Result<()> {
    match routes.faults.as_slice() {
        [] => Ok(()),
        faults => Err(Error::new(Kind::Internal, "routes_disagree", faults.join("; "))),
    }
}

/// What is answered on a connection beyond the bound: health, and that it is one too many.
fn router_when_full(installation: &Arc<Installation>) -> Router {
    health::router().fallback(full).with_state(Arc::clone(installation))
}

async fn full() -> Response {
    let error = Error::unavailable("overloaded", "Too many connections are open. Try again shortly.", 2);
    Problem(error).into_response()
}

async fn method_not_allowed() -> Response {
    Problem(Error::new(Kind::NotAllowed, "method_not_allowed", "This path does not take this method."))
        .into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_a_route_that_is_not_what_it_declares_nothing_is_served() {
        assert!(refuse_faults(&api::routes()).is_ok());
        let mut routes = api::routes();
        routes.faults.push("GET /x: declared for Operator, its handler lets in Public".to_owned());
        let refused = refuse_faults(&routes).unwrap_err();
        assert!(refused.detail().contains("GET /x"), "{refused:?}");
    }
}
