//! Jobs: how fairly places are shared, how many are done in a second, and what enqueueing costs beside a create.
//!
//! What is done is a function of this very program, which embeds the server: a request to a handler would measure the handler.
//! Each measurement enqueues first and lets the scheduler begin then.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use tenantry::clock::SystemClock;
use tenantry::config::{Config, Partial};
use tenantry::embedded::{FunctionJob, FunctionOptions, Functions};
use tenantry::id::TenantId;
use tenantry::jobs::Runner;
use tenantry::model::tenant::Act;
use tenantry::service::jobs::{NewJobIn, enqueue_job};
use tenantry::service::subscriptions::{When, assign_subscription};
use tenantry::service::{By, Caller, Installation, admin, sign_up};
use tenantry::tenancy::TenantScope;

use crate::options::Options;
use crate::process::make_directory;
use crate::report::{Goal, Report, median, plain};
use crate::workload::Work;
use crate::{Result, generator, tenantry as served};

/// Tenants that have jobs.
const TENANTS: usize = 100;
/// Trivial jobs of each.
const EACH: usize = 200;
/// Jobs of the one that floods, and of each of the others beside it.
const FLOOD: usize = 10_000;
const FEW: usize = 10;
/// What a job takes that is not trivial.
const SHORT: Duration = Duration::from_millis(5);
/// The same where shares are compared: so long that places are what is short.
const LONG: Duration = Duration::from_millis(20);
/// Jobs of each of three tenants with weights 1, 2 and 4, and how many of all are looked at.
const WEIGHED: usize = 2_000;
const LOOKED_AT: usize = 2_800;
const CONNECTIONS: usize = 32;

const APP: &str = "default_plan = \"one\"\n[jobs.later]\nurl = \"http://127.0.0.1:1/\"\n\
                   [plans.one]\ntitle = \"One\"\n[plans.one.jobs]\nweight = 1\nconcurrency = 48\n\
                   [plans.two]\ntitle = \"Two\"\n[plans.two.jobs]\nweight = 2\nconcurrency = 48\n\
                   [plans.four]\ntitle = \"Four\"\n[plans.four.jobs]\nweight = 4\nconcurrency = 48\n";

/// Measures jobs.
///
/// # Errors
/// The server does not start, or refuses what sets it up.
pub async fn run(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    enqueueing(options, parent, report).await?;
    let directory = make_directory(parent, "jobs")?;
    let app = served::write_app(&directory, APP)?;
    let rounds = options.rounds;
    // The runtime of a server has several threads.
    let measured = std::thread::spawn(move || -> Result<Measured> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let house = House::open(&directory.join("data"), app).await?;
            let measured = house.measure(rounds).await;
            house.installation.close().await;
            measured
        })
    });
    let measured = measured.join().map_err(|_| "the measurement of jobs panicked")??;
    report.figure(
        format!("trivial jobs over {TENANTS} tenants"),
        Ok(median(&measured.rates)),
        "/s",
        Goal::AtLeast(5_000.0),
    );
    report.figure("their fairness half-way (Jain)", Ok(median(&measured.jain)), "", Goal::AtLeast(0.99));
    let ratio = median(&measured.flooded) / median(&measured.quiet);
    report.figure_with_note(
        "jobs of 99 tenants beside 10,000 of one, times quiet",
        Ok(ratio),
        "",
        Goal::AtMost(1.5),
        &format!("{:.0} ms, {:.0} ms", median(&measured.flooded), median(&measured.quiet)),
    );
    report.figure(
        "weights 1:2:4: furthest share from its due",
        Ok(median(&measured.off)),
        " %",
        Goal::AtMost(5.0),
    );
    Ok(())
}

/// Over HTTP, in turn with creates; for a time that is far off.
async fn enqueueing(options: &Options, parent: &Path, report: &mut Report) -> Result<()> {
    let directory = make_directory(parent, "enqueueing")?;
    let app = served::write_app(&directory, APP)?;
    let mut contender = served::start_with(&directory, Some(&app)).await?;
    let mut rates: [Vec<f64>; 2] = Default::default();
    for turn in 1..=options.rounds {
        for (rates, work) in rates.iter_mut().zip([Work::Create, Work::Enqueue]) {
            contender.refresh().await?;
            let round = generator::run(&contender.target, work, CONNECTIONS, options.round).await?;
            eprintln!("{work:?}, round {turn}: {}/s", plain(round.rate.round()));
            if let Some(error) = &round.first_error {
                report.wrong(format!("{work:?}, {} errors, first: {error}", round.errors));
            }
            rates.push(round.rate);
        }
    }
    let [creates, enqueued] = rates.each_ref().map(|rates| median(rates));
    report.figure("durable creates beside jobs", Ok(creates), "/s", Goal::None);
    report.figure("jobs enqueued", Ok(enqueued), "/s", Goal::None);
    report.figure("of the rate of creates", Ok(100.0 * enqueued / creates), " %", Goal::AtLeast(60.0));
    contender.process.stop().await
}

#[derive(Default)]
struct Measured {
    rates: Vec<f64>,
    jain: Vec<f64>,
    quiet: Vec<f64>,
    flooded: Vec<f64>,
    off: Vec<f64>,
}

/// How many jobs of each tenant are done.
#[derive(Default)]
struct Done {
    places: OnceLock<HashMap<TenantId, usize>>,
    counts: Vec<AtomicUsize>,
    all: AtomicUsize,
}

impl Done {
    fn count(&self, tenant: TenantId) {
        if let Some(place) = self.places.get().and_then(|places| places.get(&tenant)) {
            self.counts[*place].fetch_add(1, Relaxed);
        }
        self.all.fetch_add(1, Relaxed);
    }

    fn counts(&self) -> Vec<usize> {
        self.counts.iter().map(|count| count.load(Relaxed)).collect()
    }

    fn reset(&self) {
        self.counts.iter().for_each(|count| count.store(0, Relaxed));
        self.all.store(0, Relaxed);
    }
}

struct House {
    installation: Arc<Installation>,
    scopes: Vec<TenantScope>,
    done: Arc<Done>,
}

impl House {
    async fn open(data: &Path, app: PathBuf) -> Result<House> {
        let counts = (0..TENANTS).map(|_| AtomicUsize::new(0)).collect();
        let done = Arc::new(Done { counts, ..Done::default() });
        let mut functions = Functions::default();
        for (kind, takes) in [("trivial", Duration::ZERO), ("short", SHORT), ("long", LONG)] {
            let done = Arc::clone(&done);
            functions.add(kind, FunctionOptions::default(), move |job: FunctionJob| {
                let done = Arc::clone(&done);
                async move {
                    if !takes.is_zero() {
                        tokio::time::sleep(takes).await;
                    }
                    done.count(job.tenant_id());
                    Ok(Value::Null)
                }
            });
        }
        let flags = Partial { data: Some(data.to_path_buf()), app: Some(Some(app)), ..Partial::default() };
        let config = Config::load(flags, None)?;
        let clock = Arc::new(SystemClock);
        let installation = Installation::open_with(config, clock, functions).await.map_err(told)?;
        let owner = sign_up::SignUpIn {
            email: served::EMAIL.to_owned(),
            password: "quartz-otter-juggles-nine-lanterns".to_owned(),
            name: "Bench Owner".to_owned(),
            tenant: None,
        };
        sign_up::sign_up(&installation, owner, &Caller::default()).await.map_err(told)?;
        let create = admin::Command::TenantCreate {
            slug: "bench".to_owned(),
            name: None,
            owner: served::EMAIL.to_owned(),
            count: Some(TENANTS),
        };
        admin::run(&installation, create, &|_| {}).await.map_err(told)?;
        let tenants =
            tenantry::service::tenants::list_tenants(&installation, None, None, 500).await.map_err(told)?;
        for (tenant, plan) in tenants.iter().zip(["one", "two", "four"]) {
            let (id, plan) = (tenant.id.to_string(), plan.to_owned());
            assign_subscription(&installation, &id, plan, When::Now, By::console()).await.map_err(told)?;
        }
        let mut scopes = Vec::new();
        for tenant in &tenants {
            let (id, by) = (tenant.id.to_string(), By::console());
            let scope = TenantScope::for_operator(installation.tenancy(), by, &id, Act::Write, "bench").await;
            scopes.push(scope.map_err(told)?);
        }
        let places = tenants.iter().enumerate().map(|(place, tenant)| (tenant.id, place));
        done.places.set(places.collect()).map_err(|_| "set twice")?;
        Ok(House { installation, scopes, done })
    }

    async fn measure(&self, rounds: usize) -> Result<Measured> {
        let mut measured = Measured::default();
        for turn in 1..=rounds {
            self.enqueue("trivial", |_| EACH).await?;
            let total = TENANTS * EACH;
            let (began, runner) = self.begin();
            self.until(|done| done.all.load(Relaxed) * 2 >= total).await?;
            // The first three have other weights, and so other shares.
            measured.jain.push(jain(&self.done.counts()[3..]));
            self.until(|done| done.all.load(Relaxed) >= total).await?;
            measured.rates.push(per_second(total, began.elapsed()));
            runner.stop().await;

            for (flood, times) in [(0, &mut measured.quiet), (FLOOD, &mut measured.flooded)] {
                self.enqueue("short", |place| if place == TENANTS - 1 { flood } else { FEW }).await?;
                let (began, runner) = self.begin();
                let others = |done: &Done| done.counts()[..TENANTS - 1].iter().all(|count| *count == FEW);
                self.until(others).await?;
                times.push(began.elapsed().as_secs_f64() * 1_000.0);
                self.until(|done| done.counts()[TENANTS - 1] == flood).await?;
                runner.stop().await;
            }

            self.enqueue("long", |place| if place < 3 { WEIGHED } else { 0 }).await?;
            let (_, runner) = self.begin();
            self.until(|done| done.all.load(Relaxed) >= LOOKED_AT).await?;
            measured.off.push(furthest(&self.done.counts()[..3], &[1, 2, 4]));
            self.until(|done| done.all.load(Relaxed) >= 3 * WEIGHED).await?;
            runner.stop().await;
            eprintln!(
                "jobs, round {turn}: {:.0}/s, Jain {:.4}, 99 tenants {:.0} ms and in the flood {:.0} ms, weights {:.1} % off",
                measured.rates[turn - 1],
                measured.jain[turn - 1],
                measured.quiet[turn - 1],
                measured.flooded[turn - 1],
                measured.off[turn - 1]
            );
        }
        Ok(measured)
    }

    /// So many jobs for each tenant, by its place; nobody does them yet.
    async fn enqueue(&self, kind: &str, count: impl Fn(usize) -> usize) -> Result<()> {
        let jobs = self.scopes.iter().enumerate();
        let jobs = jobs.flat_map(|(place, scope)| std::iter::repeat_n(scope, count(place)));
        let enqueued = stream::iter(jobs).map(|scope| {
            let input = NewJobIn { kind: kind.to_owned(), payload: json!({}), ..NewJobIn::default() };
            enqueue_job(&self.installation, scope, input)
        });
        let mut enqueued = enqueued.buffer_unordered(256);
        while let Some(job) = enqueued.next().await {
            job.map_err(told)?;
        }
        self.done.reset();
        Ok(())
    }

    fn begin(&self) -> (Instant, Runner) {
        (Instant::now(), Runner::start(&self.installation))
    }

    async fn until(&self, is: impl Fn(&Done) -> bool) -> Result<()> {
        let began = Instant::now();
        while !is(&self.done) {
            if began.elapsed() > Duration::from_secs(120) {
                return Err(format!("jobs are not done: {:?}", self.done.counts()).into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

fn told(error: tenantry::error::Error) -> String {
    format!("{error:?}")
}

#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn per_second(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

/// 1 where all have the same, 1/n where one has all.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn jain(counts: &[usize]) -> f64 {
    let sum: usize = counts.iter().sum();
    let squares: usize = counts.iter().map(|count| count * count).sum();
    (sum * sum) as f64 / (counts.len() * squares.max(1)) as f64
}

/// How many percent the share is off that is furthest from what its weight gives.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn furthest(counts: &[usize], weights: &[usize]) -> f64 {
    let (sum, all): (usize, usize) = (counts.iter().sum(), weights.iter().sum());
    let off = counts.iter().zip(weights).map(|(count, weight)| {
        let due = (sum * weight) as f64 / all as f64;
        100.0 * (*count as f64 - due).abs() / due
    });
    off.fold(0.0, f64::max)
}
