//! The server: binds, serves, drains.

use super::routes::{RouteInfo, Routes};
use super::{api, health, layers, pages};
use crate::error::{Error, Kind, Result};
use crate::http::problem::Problem;
use crate::service::Installation;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::serve::ListenerExt as _;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;

/// A bound server.
pub struct Server {
    listener: TcpListener,
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
    /// It is taken or not ours.
    pub async fn bind(installation: Arc<Installation>) -> Result<Server> {
        let wanted = installation.config().listen;
        let listener = TcpListener::bind(wanted).await.map_err(|error| {
            Error::unavailable(
                "cannot_listen",
                format!("Cannot listen on {wanted}: {error}. Stop what listens there, or choose another with --listen."),
                5,
            )
            .because(error)
        })?;
        let address = listener.local_addr()?;
        Ok(Server { listener, installation, address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` is done, then lets running requests end, for as long as the settings say.
    ///
    /// # Errors
    /// The listener breaks.
    pub async fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let patience = Duration::from_secs(self.installation.config().shutdown_seconds);
        let router = router(&self.installation).into_make_service_with_connect_info::<SocketAddr>();
        // Fails only on a connection that is gone already.
        let listener = self.listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        let (draining, drained) = tokio::sync::oneshot::channel::<()>();
        let installation = Arc::clone(&self.installation);
        let serving = axum::serve(listener, router).with_graceful_shutdown(async move {
            stop.await;
            installation.start_draining();
            drop(draining);
        });
        tokio::select! {
            served = serving => Ok(served?),
            () = async { let _ = drained.await; tokio::time::sleep(patience).await } => {
                tracing::warn!("some requests did not end in time and are given up");
                Ok(())
            }
        }
    }
}

fn router(installation: &Arc<Installation>) -> Router {
    let Routes { router, .. } = api::routes();
    router
        .merge(health::router())
        .merge(pages::router(installation))
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(layers::caught_panic))
        .layer(from_fn_with_state(Arc::clone(installation), layers::observe))
        .with_state(Arc::clone(installation))
}

async fn method_not_allowed() -> Response {
    Problem(Error::new(Kind::NotAllowed, "method_not_allowed", "This path does not take this method."))
        .into_response()
}
