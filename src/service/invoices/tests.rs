//! Whatever is done in whatever order: closing again does nothing, and what is final stays as it is.

use super::*;
use crate::catalog::By;
use crate::clock::{DAY, HOUR, ManualClock};
use crate::config::{Config, Partial};
use crate::id::{IdentityId, TenantId};
use crate::model::invoice::{BillingDetails, InvoiceStatus};
use crate::model::tenant::Act;
use crate::service::operators;
use crate::service::provisioning::{Maker, NewTenantIn, prepare_tenant, provision_tenant};
use crate::service::subscriptions::{When, assign_subscription};
use crate::service::usage::{UsageAnswer, correct_usage_event, take_usage_events};
use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, TestRunner};
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

/// Something that is done to a tenant. Numbers choose among what there is.
#[derive(Clone, Debug)]
enum Deed {
    /// So many of a meter were used, so many days ago.
    Use { meter: usize, quantity: i64, days_ago: i64 },
    /// An event is taken back.
    TakeBack(usize),
    /// Another plan, at once or at the end of the period.
    Move { plan: usize, at_end: bool },
    /// Time goes by.
    Wait { hours: i64 },
    /// An operator closes what is over.
    Close { is_final: bool },
    /// The server does what is due.
    RunDue,
    /// An operator says what became of a final invoice.
    Say { which: usize, act: usize },
    /// Something of a final invoice is taken back.
    Credit { which: usize, amount: i64 },
    /// Bills go elsewhere from now on.
    Address(u8),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        6 => (0..3_usize, 1..3_000_i64, 0..40_i64)
            .prop_map(|(meter, quantity, days_ago)| Deed::Use { meter, quantity, days_ago }),
        2 => any::<usize>().prop_map(Deed::TakeBack),
        2 => (0..3_usize, any::<bool>()).prop_map(|(plan, at_end)| Deed::Move { plan, at_end }),
        4 => (1..900_i64).prop_map(|hours| Deed::Wait { hours }),
        4 => any::<bool>().prop_map(|is_final| Deed::Close { is_final }),
        1 => Just(Deed::RunDue),
        2 => (any::<usize>(), 0..3_usize).prop_map(|(which, act)| Deed::Say { which, act }),
        1 => (any::<usize>(), 1..500_i64).prop_map(|(which, amount)| Deed::Credit { which, amount }),
        1 => any::<u8>().prop_map(Deed::Address),
    ]
}

/// An installation in which one tenant after the other is tried, in the same time.
struct Town {
    installation: Arc<Installation>,
    clock: Arc<ManualClock>,
    owner: IdentityId,
    /// How often what was done came through.
    done: RefCell<BTreeMap<&'static str, usize>>,
}

/// A tenant, and the documents of it that were final.
struct Tried {
    id: TenantId,
    slug: String,
    events: Vec<i64>,
    last_final: HashMap<InvoiceId, (String, String)>,
}

impl Town {
    async fn open(data: &Path) -> Town {
        let app = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/apps/billed");
        let flags =
            Partial { data: Some(data.to_path_buf()), app: Some(Some(app.into())), ..Partial::default() };
        let clock = Arc::new(ManualClock::new("2026-05-01T00:00:00Z".parse().unwrap()));
        let time: Arc<ManualClock> = Arc::clone(&clock);
        let installation = Installation::open(Config::load(flags, None).unwrap(), time).await.unwrap();
        let password = Some("otter juggles nine lanterns");
        let by = By::console();
        let owner = operators::add_operator(&installation, "ann@example.com", "Ann", password, by, false);
        let owner = owner.await.unwrap().id;
        Town { installation, clock, owner, done: RefCell::default() }
    }

    async fn settle(&self, slug: String) -> Tried {
        let new = NewTenantIn { name: "Acme".to_owned(), slug: Some(slug.clone()) };
        let candidate = prepare_tenant(&self.installation, &new).unwrap();
        let tenant =
            provision_tenant(&self.installation, candidate, self.owner, Maker::Operator, By::console());
        tenant.await.unwrap();
        let id = self.installation.catalog.tenant(&slug).await.unwrap().id;
        Tried { id, slug, events: Vec::new(), last_final: HashMap::new() }
    }

    async fn invoices(&self, tried: &Tried) -> Vec<StoredInvoice> {
        let id = tried.id;
        self.installation.catalog.read(move |tx| tx.of(id).list_invoices(None, 10_000)).await.unwrap()
    }

    async fn finals(&self, tried: &Tried) -> Vec<StoredInvoice> {
        let mut all = self.invoices(tried).await;
        all.retain(|one| one.status != InvoiceStatus::Draft);
        all
    }

    /// Does it, as far as it can be done: what is refused is no fault here.
    async fn act(&self, tried: &mut Tried, deed: &Deed) {
        let (installation, slug) = (&*self.installation, tried.slug.as_str());
        let now = installation.clock().now();
        let done = match *deed {
            Deed::Use { meter, quantity, days_ago } => {
                let name = ["tokens", "people", "peak"][meter];
                let mut event = json!({
                    "meter": name,
                    "occurred_at": now.plus(-days_ago * DAY), "idempotency_key": tried.events.len().to_string(),
                });
                if meter == 1 {
                    event["properties"] = json!({ "person": format!("p{}", quantity % 7) });
                } else {
                    event["quantity"] = quantity.into();
                }
                let body = serde_json::to_vec(&event).unwrap();
                let by = By::console();
                let scope = TenantScope::for_operator(installation.tenancy(), by, slug, Act::Write, "a test");
                let answer = match scope.await {
                    Ok(scope) => take_usage_events(&scope, &body).await,
                    Err(error) => Err(error),
                };
                match answer {
                    Ok(UsageAnswer::One(seq, true)) => {
                        tried.events.push(seq);
                        Some(if days_ago > 30 { "late use" } else { "use" })
                    }
                    _ => None,
                }
            }
            Deed::TakeBack(which) => match tried.events.get(which % tried.events.len().max(1)) {
                Some(seq) => {
                    let taken = correct_usage_event(installation, slug, *seq, By::console()).await;
                    taken.is_ok().then_some("take back")
                }
                None => None,
            },
            Deed::Move { plan, at_end } => {
                let plan = ["pro", "large", "free"][plan].to_owned();
                let when = if at_end { When::PeriodEnd } else { When::Now };
                let moved = assign_subscription(installation, slug, plan, when, By::console()).await;
                moved.is_ok().then_some("move")
            }
            Deed::Wait { hours } => {
                self.clock.advance(hours * HOUR);
                None
            }
            Deed::Close { is_final } => self.close_twice(tried, is_final).await,
            Deed::RunDue => {
                run_due(installation).await.unwrap();
                let once = self.invoices(tried).await;
                run_due(installation).await.unwrap();
                assert_eq!(self.invoices(tried).await, once, "what is due was done before");
                Some("run what is due")
            }
            Deed::Say { which, act } => {
                let finals = self.finals(tried).await;
                let act = [InvoiceAct::MarkPaid, InvoiceAct::Void, InvoiceAct::GiveUp][act];
                match finals.get(which % finals.len().max(1)) {
                    Some(one) => {
                        let said = change_invoice(installation, one.invoice.id, act, By::console()).await;
                        said.is_ok().then_some("say")
                    }
                    None => None,
                }
            }
            Deed::Credit { which, amount } => {
                let finals = self.finals(tried).await;
                match finals.get(which % finals.len().max(1)) {
                    Some(one) => {
                        let reason = "a test".to_owned();
                        let noted =
                            credit_invoice(installation, one.invoice.id, amount, reason, By::console()).await;
                        noted.is_ok().then_some("credit")
                    }
                    None => None,
                }
            }
            Deed::Address(number) => {
                let address = vec![format!("Lange Gasse {number}")];
                let details = BillingDetails { address, ..BillingDetails::default() };
                let id = tried.id;
                let write =
                    installation.catalog.write("address", move |tx| tx.of(id).put_billing_details(&details));
                write.await.is_ok().then_some("address")
            }
        };
        if let Some(done) = done {
            *self.done.borrow_mut().entry(done).or_default() += 1;
        }
    }

    /// The second time there is nothing left of it to do.
    async fn close_twice(&self, tried: &Tried, is_final: bool) -> Option<&'static str> {
        let input = || ClosePeriodsIn { tenant: Some(tried.slug.clone()), at: None, is_final };
        let closed = close_periods(&self.installation, input(), By::console()).await.unwrap();
        let once = self.invoices(tried).await;
        let again = close_periods(&self.installation, input(), By::console()).await.unwrap();
        assert_eq!((again.periods, again.invoices.len(), again.finalized), (0, 0, 0));
        assert_eq!(self.invoices(tried).await, once, "closing again changed something");
        (closed.periods > 0).then_some(if is_final { "close for good" } else { "close" })
    }

    /// What was final is there, to the letter.
    async fn look(&self, tried: &mut Tried) {
        let finals = self.finals(tried).await.into_iter();
        let now: HashMap<InvoiceId, (String, String)> =
            finals.map(|one| (one.invoice.id, (one.invoice.canonical().unwrap(), one.digest))).collect();
        for (id, before) in &tried.last_final {
            assert_eq!(now.get(id), Some(before), "a final invoice changed");
        }
        tried.last_final = now;
    }
}

#[test]
fn closing_again_does_nothing_and_what_is_final_stays_as_it_is() {
    let directory = tempfile::TempDir::new().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let town = runtime.block_on(Town::open(directory.path()));
    let number = RefCell::new(0);
    let deeds = proptest::collection::vec(deed(), 10..40);
    let config = Cases { cases: 16, max_shrink_iters: 64, failure_persistence: None, ..Cases::default() };
    let outcome = TestRunner::new(config).run(&deeds, |deeds| {
        *number.borrow_mut() += 1;
        let slug = format!("acme-{}", number.borrow());
        runtime.block_on(async {
            let mut tried = town.settle(slug).await;
            for deed in &deeds {
                town.act(&mut tried, deed).await;
                town.look(&mut tried).await;
            }
            let checked = verify_billing(&town.installation, Some(&tried.slug)).await.unwrap();
            assert_eq!(checked[0].fault, None);
        });
        Ok(())
    });
    outcome.unwrap();
    // None of it was tried in vain.
    let done = town.done.into_inner();
    for deed in [
        "use",
        "late use",
        "take back",
        "move",
        "close",
        "close for good",
        "run what is due",
        "say",
        "credit",
    ] {
        assert!(done.contains_key(deed), "no {deed}: {done:?}");
    }
}
