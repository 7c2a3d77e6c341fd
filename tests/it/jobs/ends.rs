//! What jobs came to is on disk soon, and before a server has stopped.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use serde_json::Value;
use tenantry::clock::SystemClock;
use tenantry::config::{Config, Partial};
use tenantry::embedded::{FunctionJob, FunctionOptions, Functions};
use tenantry::jobs::Runner;
use tenantry::model::tenant::Act;
use tenantry::service::jobs::{Job, JobStatus, NewJobIn, enqueue_job, find_job};
use tenantry::service::provisioning::NewTenantIn;
use tenantry::service::sign_up::{SignUpIn, sign_up};
use tenantry::service::{By, Caller, Installation};
use tenantry::tenancy::TenantScope;

/// Jobs before the server stops.
const JOBS: usize = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_job_keeps_no_other_from_its_end_and_all_that_is_over_is_on_disk_when_the_server_has_stopped()
{
    let directory = tempfile::tempdir().unwrap();
    let flags = Partial { data: Some(directory.path().to_path_buf()), ..Partial::default() };
    let config = Config::load(flags, None).unwrap();
    let done = Arc::new(AtomicUsize::new(0));
    let mut functions = Functions::default();
    let counted = Arc::clone(&done);
    functions.add("quick", FunctionOptions::default(), move |_: FunctionJob| {
        let counted = Arc::clone(&counted);
        async move {
            counted.fetch_add(1, SeqCst);
            Ok(Value::Null)
        }
    });
    functions.add("slow", FunctionOptions::default(), |_: FunctionJob| std::future::pending());
    let installation = Installation::open_with(config, Arc::new(SystemClock), functions).await.unwrap();
    let ann = SignUpIn {
        email: "ann@example.com".to_owned(),
        password: "otter juggles nine lanterns".to_owned(),
        name: "Ann".to_owned(),
        tenant: Some(NewTenantIn { name: "Acme".to_owned(), slug: Some("acme".to_owned()) }),
    };
    sign_up(&installation, ann, &Caller::default()).await.unwrap();
    let by = By::console();
    let scope =
        TenantScope::for_operator(installation.tenancy(), by, "acme", Act::Write, "test").await.unwrap();
    let enqueue = async |kind: &str| -> Job {
        enqueue_job(&installation, &scope, NewJobIn { kind: kind.to_owned(), ..NewJobIn::default() })
            .await
            .unwrap()
    };
    let slow = enqueue("slow").await;
    let first = enqueue("quick").await;
    let runner = Runner::start(&installation);
    let mut looks = 0;
    while find_job(&scope, first.id).await.unwrap().status != JobStatus::Succeeded {
        looks += 1;
        assert!(looks < 1_000, "what is over is not written");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(find_job(&scope, slow.id).await.unwrap().status, JobStatus::Running);
    let mut jobs = Vec::new();
    for _ in 0..JOBS {
        jobs.push(enqueue("quick").await);
    }
    while done.load(SeqCst) <= JOBS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    runner.stop().await;
    for job in jobs {
        let job = find_job(&scope, job.id).await.unwrap();
        assert_eq!((job.status, job.attempts), (JobStatus::Succeeded, 1));
    }
    installation.close().await;
}
