//! Pages: what is embedded from `assets/`, and the app's own `public/`.

use super::assets::{asset, page};
use super::problem::Problem;
use super::public_files::PublicFiles;
use crate::error::Error;
use crate::service::Installation;
use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodRouter, any, get};
use std::sync::Arc;
use tower_http::services::ServeDir;

/// The page that shows the documents about the API.
pub(super) const DOCS: &str = "/api/docs";

/// With a `public/` of the app, that is at `/` and ours at `/console`. What is below `/console` is read by its script.
pub(super) fn router(installation: &Installation) -> Router<Arc<Installation>> {
    let router = Router::new()
        .route("/console", serving("console.html"))
        .route("/console/", serving("console.html"))
        .route("/console/{*screen}", serving("console.html"))
        .route("/console/start", serving("index.html"))
        .route("/console/accept", serving("accept.html"))
        .route("/console/verify", serving("verify.html"))
        .route("/console/reset", serving("reset.html"))
        .route("/setup", serving("setup.html"))
        .route(DOCS, serving("docs.html"))
        .route("/assets/{*path}", get(asset));
    let router = router.route("/api/{*path}", any(not_found));
    match &installation.app().public {
        Some(public) => {
            let files = PublicFiles::new(public);
            router.fallback_service(ServeDir::with_backend(public, files).fallback(any(not_found)))
        }
        None => {
            // What somebody types who looks for it; below `public/` such a path is the app's.
            let to_operator = get(|| async { Redirect::temporary("/console/operator") });
            router.route("/", serving("console.html")).route("/operator", to_operator).fallback(not_found)
        }
    }
}

fn serving(file: &'static str) -> MethodRouter<Arc<Installation>> {
    get(move |headers: HeaderMap| async move { page(file, &headers) })
}

async fn not_found() -> Response {
    Problem(Error::not_found()).into_response()
}
