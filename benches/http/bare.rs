//! The upper bound: what axum and rusqlite do where nobody asks for tenants, members, changes or meters.
//!
//! Same table, same JSON, same durability: WAL with `synchronous=FULL`, one writer thread that commits what is
//! queued with one fsync, reads on the thread that has the request, statements prepared once.

mod table;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path as Segment, Request, State};
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use tokio::sync::{mpsc, oneshot};

use crate::Result;
use crate::contender::Contender;
use crate::process::{Process, free_address, make_directory};
use crate::workload::Target;

/// The constant credential.
const TOKEN: &str = "bare";

/// Starts this program again as the bare server.
///
/// # Errors
/// It does not start.
pub async fn start(parent: &Path) -> Result<Contender> {
    let directory = make_directory(parent, "bare")?;
    let address = free_address()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--bare").arg(address.to_string()).arg(&directory);
    let mut process = Process::spawn(&mut command, &directory)?;
    process.ready(address, "/readyz").await?;
    let target = Target {
        address,
        token: TOKEN.to_owned(),
        records: "/records/customers",
        list_query: "limit=50",
        created: 201,
        ids: Arc::default(),
        serial: Arc::default(),
    };
    Ok(Contender { name: "bare", target, process, session: None, database: directory.join("data.db") })
}

#[derive(Clone)]
struct Server {
    writer: mpsc::Sender<table::Insert>,
    file: Arc<PathBuf>,
}

/// Serves until killed.
///
/// # Errors
/// The address or the directory cannot be used.
pub fn serve(address: &str, directory: &Path) -> Result<()> {
    let file = Arc::new(directory.join("data.db"));
    let writer = table::open(&file)?;
    let router = Router::new()
        .route("/records/customers", post(create).get(list))
        .route("/records/customers/{id}", get(read))
        .layer(middleware::from_fn(authenticate))
        .route("/readyz", get(StatusCode::OK))
        .with_state(Server { writer, file });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address.parse::<SocketAddr>()?).await?;
        // Fails only on a connection that is gone already.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        Ok(axum::serve(listener, router).await?)
    })
}

async fn create(State(server): State<Server>, body: Bytes) -> Response {
    let fields = serde_json::from_slice::<HashMap<String, String>>(&body);
    let Some((name, email)) =
        fields.ok().and_then(|mut fields| Some((fields.remove("name")?, fields.remove("email"))))
    else {
        return StatusCode::UNPROCESSABLE_ENTITY.into_response();
    };
    let (answer, echo) = oneshot::channel();
    if server.writer.send(table::Insert { name, email, answer }).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    match echo.await {
        Ok(Ok(body)) => json(StatusCode::CREATED, body),
        Ok(Err(_)) => StatusCode::CONFLICT.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn read(State(server): State<Server>, Segment(id): Segment<String>) -> Response {
    match table::read(&server.file, &id) {
        Ok(Some(body)) => json(StatusCode::OK, body),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn list(State(server): State<Server>, uri: Uri) -> Response {
    let limit = uri.query().and_then(|query| query.strip_prefix("limit="));
    let limit: u32 = limit.and_then(|limit| limit.parse().ok()).unwrap_or(50);
    match table::list(&server.file, limit.min(500)) {
        Ok(body) => json(StatusCode::OK, body),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

async fn authenticate(request: Request, next: Next) -> Response {
    let credential = request.headers().get(header::AUTHORIZATION).map(header::HeaderValue::as_bytes);
    match credential.and_then(|value| value.strip_prefix(b"Bearer ")) {
        Some(token) if token == TOKEN.as_bytes() => next.run(request).await,
        _ => StatusCode::UNAUTHORIZED.into_response(),
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(body)).into_response()
}
