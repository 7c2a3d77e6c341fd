//! The upper bound: what axum and rusqlite do where nobody asks for tenants, members, changes or meters.
//!
//! Same table, same JSON, same durability: WAL with `synchronous=FULL`, one writer thread that commits what is
//! queued with one fsync, reads on the thread that has the request, statements prepared once.

mod table;

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

use crate::contender::Contender;
use crate::process::{Process, free_address, make_directory};
use crate::workload::Target;
use crate::{Result, api};

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
    let target = Target::new(address, TOKEN.to_owned(), &api::BARE);
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
        .route("/records/customers", post(create_customer))
        .route("/records/customers/{id}", get(read))
        .route("/records/invoices", post(create_invoice).get(list))
        .route("/batch", post(batch))
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

async fn create_customer(State(server): State<Server>, body: Bytes) -> Response {
    insert(&server, serde_json::from_slice(&body).map(|one| table::New::Customers(vec![one])), 201).await
}

async fn create_invoice(State(server): State<Server>, body: Bytes) -> Response {
    insert(&server, serde_json::from_slice(&body).map(table::New::Invoice), 201).await
}

/// What a batch holds, as far as this server cares.
#[derive(serde::Deserialize)]
struct Batch {
    operations: Vec<Operation>,
}

#[derive(serde::Deserialize)]
struct Operation {
    record: table::Customer,
}

async fn batch(State(server): State<Server>, body: Bytes) -> Response {
    let customers = serde_json::from_slice::<Batch>(&body).map(|batch| {
        table::New::Customers(batch.operations.into_iter().map(|operation| operation.record).collect())
    });
    insert(&server, customers, 200).await
}

async fn insert(server: &Server, new: serde_json::Result<table::New>, success: u16) -> Response {
    let Ok(new) = new else { return StatusCode::UNPROCESSABLE_ENTITY.into_response() };
    let (answer, echo) = oneshot::channel();
    if server.writer.send(table::Insert { new, answer }).await.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    match echo.await {
        Ok(Ok(body)) => json(StatusCode::from_u16(success).unwrap_or_default(), body),
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
    let value = |name: &str| {
        let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).next()
    };
    let limit: u32 = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(50).min(500);
    let body = match value("status") {
        Some(status) => table::list(&server.file, status, limit),
        None => table::expand(&server.file, limit),
    };
    match body {
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
