//! Pages: what is embedded from `assets/`, and the app's own `public/`.

use super::problem::Problem;
use super::public_files::PublicFiles;
use crate::error::Error;
use crate::service::Installation;
use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use rust_embed::RustEmbed;
use std::sync::Arc;
use tower_http::services::ServeDir;

#[derive(RustEmbed)]
#[folder = "assets/"]
struct Assets;

/// The page that shows the documents about the API.
pub(super) const DOCS: &str = "/api/docs";

/// With a `public/` of the app, that is at `/` and ours at `/console`.
pub(super) fn router(installation: &Installation) -> Router<Arc<Installation>> {
    let router = Router::new()
        .route("/console", get(|| async { page("index.html") }))
        .route("/console/accept", get(|| async { page("accept.html") }))
        .route("/console/verify", get(|| async { page("verify.html") }))
        .route("/console/reset", get(|| async { page("reset.html") }))
        .route("/setup", get(|| async { page("setup.html") }))
        .route(DOCS, get(|| async { page("docs.html") }))
        .route("/assets/{*path}", get(asset));
    let router = router.route("/api/{*path}", any(not_found));
    match &installation.app().public {
        Some(public) => {
            let files = PublicFiles::new(public);
            router.fallback_service(ServeDir::with_backend(public, files).fallback(any(not_found)))
        }
        None => router.route("/", get(|| async { page("index.html") })).fallback(not_found),
    }
}

async fn not_found() -> Response {
    Problem(Error::not_found()).into_response()
}

fn page(name: &str) -> Response {
    serve(name, "no-cache")
}

async fn asset(Path(path): Path<String>) -> Response {
    serve(&path, "public, max-age=3600")
}

fn serve(name: &str, caching: &'static str) -> Response {
    // Templates of letters are no pages.
    let file = Some(name).filter(|name| !name.starts_with("mail/")).and_then(Assets::get);
    let Some(file) = file else { return Problem(Error::not_found()).into_response() };
    let kind = match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    let mut response = file.data.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}
