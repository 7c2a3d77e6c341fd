//! Jobs done by functions of a program that embeds the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::{Value, json};
use tenantry::config::{Config, Partial};
use tenantry::embedded::{FunctionJob, FunctionOptions, JobFailure};
use tenantry::service::Caller;
use tenantry::service::jobs::{Job, JobStatus, NewJobIn, cancel_job, enqueue_job, find_job};
use tenantry::service::sign_up::{SignUpIn, sign_up};

/// What the functions of the test say of each other's jobs.
#[derive(Default)]
struct Seen {
    cancelled: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

async fn act(job: FunctionJob, seen: Arc<Seen>) -> Result<Value, JobFailure> {
    let before = seen.running.fetch_add(1, SeqCst);
    seen.most.fetch_max(before + 1, SeqCst);
    let outcome = work(&job, &seen).await;
    seen.running.fetch_sub(1, SeqCst);
    outcome
}

async fn work(job: &FunctionJob, seen: &Seen) -> Result<Value, JobFailure> {
    match job.payload()["do"].as_str().unwrap_or_default() {
        "panic" => {
            seen.running.fetch_sub(1, SeqCst);
            panic!("this one is no good");
        }
        "hopeless" => Err(JobFailure::hopeless("no\nway")),
        "wait" => {
            job.progress(30, "waiting").await.map_err(|error| JobFailure::retry(error.detail()))?;
            job.cancelled().await;
            seen.cancelled.fetch_add(1, SeqCst);
            Ok(Value::Null)
        }
        "parse" => Ok(json!({ "number": "x".parse::<i64>()? })),
        _ => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(json!({ "tenant": job.tenant_slug(), "key": job.idempotency_key(), "attempt": job.attempt() }))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_do_jobs_and_one_that_panics_fails_alone() {
    let directory = tempfile::tempdir().unwrap();
    let flags = Partial {
        data: Some(directory.path().to_path_buf()),
        listen: Some("127.0.0.1:0".parse().unwrap()),
        ..Partial::default()
    };
    let config = Config::load(flags, None).unwrap();
    let seen: Arc<Seen> = Arc::default();
    let (one, two) = (Arc::clone(&seen), Arc::clone(&seen));
    let once = FunctionOptions { max_attempts: 1, tenant_concurrency: Some(2), ..FunctionOptions::default() };
    let reserved = tenantry::Server::builder().config(config.clone()).job("tenantry.mail", {
        let seen = Arc::clone(&seen);
        move |job| act(job, Arc::clone(&seen))
    });
    assert_eq!(reserved.start().await.err().unwrap().code(), "app_invalid");
    let server = tenantry::Server::builder()
        .config(config)
        .job_with("work", once, move |job| act(job, Arc::clone(&one)))
        .job("again", move |job| act(job, Arc::clone(&two)))
        .start()
        .await
        .unwrap();
    let installation = Arc::clone(server.installation());
    let (stop, stops) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async move {
        let _ = stops.await;
    }));
    let tenant = tenantry::service::provisioning::NewTenantIn {
        name: "Acme".to_owned(),
        slug: Some("acme".to_owned()),
    };
    let ann = SignUpIn {
        email: "ann@example.com".to_owned(),
        password: "otter juggles nine lanterns".to_owned(),
        name: "Ann".to_owned(),
        tenant: Some(tenant),
    };
    sign_up(&installation, ann, &Caller::default()).await.unwrap();
    let scope = tenantry::tenancy::TenantScope::for_operator(
        installation.tenancy(),
        tenantry::service::By::console(),
        "acme",
        tenantry::model::tenant::Act::Write,
        "test",
    );
    let scope = scope.await.unwrap();
    let enqueue = async |kind: &str, what: &str| -> Job {
        let payload = json!({ "do": what });
        let input = NewJobIn { kind: kind.to_owned(), payload, ..NewJobIn::default() };
        enqueue_job(&installation, &scope, input).await.unwrap()
    };
    let until = async |job: &Job, is: &dyn Fn(&Job) -> bool| -> Job {
        for _ in 0..500 {
            let found = find_job(&scope, job.id).await.unwrap();
            if is(&found) {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{:?}", find_job(&scope, job.id).await.unwrap());
    };
    let over = |job: &Job| job.finished_at.is_some();
    let waiting = enqueue("work", "wait").await;
    let waits = until(&waiting, &|job| job.progress == Some(30)).await;
    assert_eq!(waits.message.as_deref(), Some("waiting"));
    let (panics, hopeless) = (enqueue("work", "panic").await, enqueue("again", "hopeless").await);
    let mut fine = Vec::new();
    for _ in 0..10 {
        fine.push(enqueue("work", "").await);
    }
    let dead = until(&panics, &over).await;
    assert_eq!((dead.status, dead.last_error.as_deref()), (JobStatus::Dead, Some("the handler panicked")));
    let dead = until(&hopeless, &over).await;
    assert_eq!((dead.attempts, dead.last_error.as_deref()), (1, Some("no way")));
    let parses = enqueue("again", "parse").await;
    let again = until(&parses, &|job| job.last_error.is_some()).await;
    assert_eq!(again.status, JobStatus::Queued);
    for job in &fine {
        let done = until(job, &over).await;
        assert_eq!(done.status, JobStatus::Succeeded);
        let expected = json!({ "tenant": "acme", "key": job.id, "attempt": 1 });
        assert_eq!(serde_json::from_str::<Value>(&done.result.unwrap()).unwrap(), expected);
    }
    cancel_job(&scope, waiting.id).await.unwrap();
    until(&waiting, &|_| seen.cancelled.load(SeqCst) == 1).await;
    assert_eq!(find_job(&scope, waiting.id).await.unwrap().status, JobStatus::Cancelled);
    // Two of one tenant at the same time, and of the other kind as many as its plan allows.
    assert!(seen.most.load(SeqCst) <= 3, "{}", seen.most.load(SeqCst));
    stop.send(()).unwrap();
    serving.await.unwrap();
}
