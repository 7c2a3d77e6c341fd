//! What jobs came to is on disk soon, and before a server has stopped.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tenantry::clock::{MINUTE, ManualClock, SECOND, SharedClock, SystemClock, Timestamp};
use tenantry::config::{Config, Partial};
use tenantry::embedded::{FunctionJob, FunctionOptions, Functions};
use tenantry::jobs::Runner;
use tenantry::model::tenant::Act;
use tenantry::service::jobs::{Job, JobStatus, NewJobIn, enqueue_job, find_job};
use tenantry::service::provisioning::NewTenantIn;
use tenantry::service::sign_up::{SignUpIn, sign_up};
use tenantry::service::{By, Caller, Installation};
use tenantry::tenancy::TenantScope;
use tokio::sync::Semaphore;
use tracing::field::Field;
use tracing::span::{self, Attributes, Record};
use tracing::{Event, Metadata, Subscriber};

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

/// An installation in this process with one tenant and a function that waits to be let go, and counts.
struct House {
    installation: Arc<Installation>,
    scope: TenantScope,
    clock: Arc<ManualClock>,
    begun: Arc<AtomicUsize>,
    let_go: Arc<Semaphore>,
    file: std::path::PathBuf,
    _directory: tempfile::TempDir,
}

impl House {
    async fn open() -> House {
        let directory = tempfile::tempdir().unwrap();
        let flags = Partial { data: Some(directory.path().to_path_buf()), ..Partial::default() };
        let config = Config::load(flags, None).unwrap();
        let (begun, let_go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(0)));
        let mut functions = Functions::default();
        let (counted, waited) = (Arc::clone(&begun), Arc::clone(&let_go));
        functions.add("work", FunctionOptions::default(), move |_: FunctionJob| {
            let (counted, waited) = (Arc::clone(&counted), Arc::clone(&waited));
            async move {
                counted.fetch_add(1, SeqCst);
                waited.acquire().await.unwrap().forget();
                Ok(Value::Null)
            }
        });
        let clock = Arc::new(ManualClock::new(Timestamp(1_773_576_000_000)));
        let shared: SharedClock = Arc::<ManualClock>::clone(&clock);
        let installation = Installation::open_with(config, shared, functions).await.unwrap();
        let ann = SignUpIn {
            email: "ann@example.com".to_owned(),
            password: "otter juggles nine lanterns".to_owned(),
            name: "Ann".to_owned(),
            tenant: Some(NewTenantIn { name: "Acme".to_owned(), slug: Some("acme".to_owned()) }),
        };
        sign_up(&installation, ann, &Caller::default()).await.unwrap();
        let scope =
            TenantScope::for_operator(installation.tenancy(), By::console(), "acme", Act::Write, "test");
        let scope = scope.await.unwrap();
        let id = scope.tenant().id.to_string();
        let shards = std::fs::read_dir(directory.path().join("tenants")).unwrap();
        let files = shards.map(|shard| shard.unwrap().path().join(&id).join("data.db"));
        let file = files.into_iter().find(|file| file.exists()).unwrap();
        House { installation, scope, clock, begun, let_go, file, _directory: directory }
    }

    async fn enqueue(&self) -> Job {
        let input = NewJobIn { kind: "work".to_owned(), ..NewJobIn::default() };
        enqueue_job(&self.installation, &self.scope, input).await.unwrap()
    }

    async fn job(&self, job: &Job) -> Job {
        find_job(&self.scope, job.id).await.unwrap()
    }

    async fn until(&self, what: &str, is: impl AsyncFn() -> bool) {
        for _ in 0..2_000 {
            if is().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{what} never came");
    }

    /// Whether ends can be written: what the disk says where they cannot.
    fn can_end(&self, can: bool) {
        let file = rusqlite::Connection::open(&self.file).unwrap();
        file.busy_timeout(Duration::from_secs(10)).unwrap();
        let sql = if can {
            "DROP TRIGGER refuses"
        } else {
            "CREATE TRIGGER refuses BEFORE UPDATE ON _jobs WHEN NEW.status = 'succeeded'
             BEGIN SELECT RAISE(ABORT, 'disk trouble'); END"
        };
        file.execute_batch(sql).unwrap();
    }
}

/// The tenants of which it was told that ends cannot be written yet, each as often as that was told.
struct PutOffs;

static PUT_OFFS: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl PutOffs {
    fn listen() {
        tracing::subscriber::set_global_default(PutOffs).unwrap();
    }

    fn of(tenant: &str) -> usize {
        PUT_OFFS.lock().unwrap().iter().filter(|of| *of == tenant).count()
    }
}

impl Subscriber for PutOffs {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == "tenantry::jobs::driver::kept"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut |field: &Field, value: &dyn std::fmt::Debug| {
            if field.name() == "tenant_id" {
                PUT_OFFS.lock().unwrap().push(format!("{value:?}"));
            }
        });
    }

    fn new_span(&self, _: &Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_written_is_kept_and_the_job_is_not_done_again() {
    PutOffs::listen();
    let house = House::open().await;
    let jobs = [house.enqueue().await, house.enqueue().await];
    let runner = Runner::start(&house.installation);
    house.until("both", async || house.begun.load(SeqCst) == 2).await;
    house.can_end(false);
    house.let_go.add_permits(2);
    // Both may have been tried apart: the third is another try of one.
    let tenant = house.scope.tenant().id.to_string();
    house.until("another try", async || PutOffs::of(&tenant) >= 3).await;
    for job in &jobs {
        assert_eq!(house.job(job).await.status, JobStatus::Running);
    }
    house.can_end(true);
    for job in &jobs {
        house.until("its end", async || house.job(job).await.status == JobStatus::Succeeded).await;
        assert_eq!(house.job(job).await.attempts, 1);
    }
    assert_eq!(house.begun.load(SeqCst), 2, "one was done again");
    runner.stop().await;
    house.installation.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_cannot_be_written_until_its_lease_ends_is_given_up_and_the_job_done_again() {
    let house = House::open().await;
    let job = house.enqueue().await;
    let runner = Runner::start(&house.installation);
    house.until("it", async || house.begun.load(SeqCst) == 1).await;
    house.can_end(false);
    house.let_go.add_permits(1);
    house.until("its end here", async || house.let_go.available_permits() == 0).await;
    house.clock.advance(2 * MINUTE);
    // What was given up is taken over when the lease has ended.
    house
        .until("a second attempt", async || {
            house.clock.advance(SECOND);
            house.begun.load(SeqCst) == 2
        })
        .await;
    house.can_end(true);
    house.let_go.add_permits(1);
    house.until("its end", async || house.job(&job).await.status == JobStatus::Succeeded).await;
    assert_eq!(house.begun.load(SeqCst), 2);
    runner.stop().await;
    house.installation.close().await;
}
