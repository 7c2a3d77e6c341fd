//! A program with Tenantry in it: it serves the API, and does jobs of the kind `greet` itself.
//!
//! ```text
//! cargo run --example embedded
//! curl -d '{"kind":"greet","payload":{"name":"Ada"}}' -H 'content-type: application/json' -H "authorization: Bearer $TOKEN" \
//!   http://127.0.0.1:8080/api/v1/tenants/acme/jobs
//! ```

use serde_json::json;
use std::time::Duration;
use tenantry::embedded::{FunctionJob, JobFailure};

/// One attempt. It may be made twice: what must not happen twice is done under `job.idempotency_key()`.
async fn greet(job: FunctionJob) -> Result<serde_json::Value, JobFailure> {
    let Some(name) = job.payload()["name"].as_str() else {
        return Err(JobFailure::hopeless("the payload needs a name"));
    };
    job.progress(50, "thinking of something nice")
        .await
        .map_err(|error| JobFailure::retry(error.detail()))?;
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(20)) => {}
        () = job.cancelled() => return Err(JobFailure::hopeless("nobody wants it any more")),
    }
    Ok(json!({ "greeting": format!("Hello {name} of {}", job.tenant_slug()), "attempt": job.attempt() }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = tenantry::Server::builder().job("greet", greet).start().await?;
    println!("listening on http://{}", server.address());
    server
        .serve(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await;
    Ok(())
}
