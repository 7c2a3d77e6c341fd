//! Closing: service periods that are over become drafts, drafts become final, final ones are kept in the tenant's file.

use super::gather::{Gathered, gather};
use super::letters;
use crate::catalog::{Booked, By, OfTenant, StoredInvoice};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::error::{Error, Result};
use crate::id::{InvoiceId, TenantId};
use crate::model::invoice::{Basis, Customer, Head, Invoice, InvoiceStatus, Service, Span, invoice_id};
use crate::model::meter::API_REQUESTS;
use crate::model::tenant::TenantStatus;
use crate::rating::invoice::{booked, draw};
use crate::service::{Installation, subscriptions, usage};
use crate::tenancy::{Lease, TenantScope};
use serde_json::{Value, json};

/// How long after its end a service period is closed: what came late until then is on its own invoice.
const CLOSED_AFTER: i64 = DAY;
/// How long a draft can be looked at before it turns final.
const FINAL_AFTER: i64 = HOUR;
/// Drafts of one read.
const PAGE: u32 = 500;

/// What of closing by hand.
#[derive(Clone, Debug, Default)]
pub struct ClosePeriodsIn {
    /// Of one tenant only.
    pub tenant: Option<String>,
    /// Service periods that ended then or before; now where nothing is said.
    pub at: Option<Timestamp>,
    /// Whether drafts turn final at once.
    pub is_final: bool,
}

/// What was closed.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Closed {
    /// How many service periods.
    pub periods: usize,
    /// The invoices that were drawn up; a service period for which nothing is due has none.
    pub invoices: Vec<InvoiceId>,
    /// How many drafts turned final.
    pub finalized: usize,
    /// Tenants that could not be closed; the log says why.
    pub failed: Vec<TenantId>,
}

/// Closes what is over for a day, and makes drafts final that were there for an hour.
///
/// # Errors
/// As the catalog says; what goes wrong with one tenant is logged and keeps no other.
pub async fn run_due(installation: &Installation) -> Result<()> {
    let now = installation.clock().now();
    close_all(installation, now.plus(-CLOSED_AFTER), None, &By::system()).await?;
    finalize(installation, now.plus(-FINAL_AFTER), None, &By::system()).await?;
    keep(installation).await?;
    super::watch_unpaid(installation).await
}

/// Closes service periods by hand, without waiting for what may come late.
///
/// # Errors
/// 404 for a tenant that is not there; 422 for a time to come.
pub async fn close_periods(installation: &Installation, input: ClosePeriodsIn, by: By) -> Result<Closed> {
    let now = installation.clock().now();
    let ended = input.at.unwrap_or(now);
    if ended > now {
        return Err(Error::invalid_field(
            "at",
            "future",
            "must not be later than now: what is not over has no sum",
        ));
    }
    let only = match &input.tenant {
        Some(selector) => Some(installation.catalog.tenant(selector).await?.id),
        None => None,
    };
    // So that periods which have just ended have ended in the catalog too.
    subscriptions::advance_due(installation).await?;
    let mut closed = close_all(installation, ended, only, &by).await?;
    if input.is_final {
        // What was drawn up a moment ago is among them.
        closed.finalized = finalize(installation, installation.clock().now(), only, &by).await?;
    }
    let told = json!({
        "tenant": only, "ended": ended, "periods": closed.periods, "invoices": closed.invoices.len(),
        "finalized": closed.finalized,
    });
    let write =
        installation.catalog.write("close_periods", move |tx| tx.audit(&by, "periods.closed", "", &told));
    write.await?;
    keep(installation).await?;
    Ok(closed)
}

async fn close_all(
    installation: &Installation,
    ended: Timestamp,
    only: Option<TenantId>,
    by: &By,
) -> Result<Closed> {
    let mut closed = Closed::default();
    loop {
        let leases = installation.tenancy.claim_closings(ended, only).await?;
        let mut done = 0;
        for lease in leases {
            if closed.failed.contains(&lease.tenant_id()) {
                continue;
            }
            match close_one(installation, &lease, ended, by, &mut closed).await {
                Ok(periods) => done += periods,
                Err(error) if only.is_some() => return Err(error),
                Err(error) => {
                    tracing::error!(tenant_id = %lease.tenant_id(), error = ?error, "a tenant's period could not be closed");
                    closed.failed.push(lease.tenant_id());
                }
            }
        }
        closed.periods += done;
        if done == 0 || only.is_some() {
            return Ok(closed);
        }
    }
}

/// Bills a tenant that is about to be erased for the time until it asked to leave, and issues what is drawn up. What
/// cannot be billed does not keep it from being erased.
pub(in crate::service) async fn bill_leaving(installation: &Installation, id: TenantId) -> Result<()> {
    let Some(ended) = end_service(installation, id, true).await? else { return Ok(()) };
    if let Err(error) = close_all(installation, ended, Some(id), &By::system()).await {
        tracing::error!(tenant_id = %id, error = ?error, "the last period of a tenant that leaves could not be billed");
    }
    finalize(installation, installation.clock().now(), Some(id), &By::system()).await.map(drop)
}

/// Ends the service of a tenant that is closing at the moment at which it asked to leave, and tells that. `for_good`: only
/// if it cannot come back any more.
async fn end_service(installation: &Installation, id: TenantId, for_good: bool) -> Result<Option<Timestamp>> {
    let write = installation.catalog.write("end_service", move |tx| {
        let (of, now) = (tx.of(id), tx.now());
        let tenant = of.tenant()?;
        let leaves = tenant.status == TenantStatus::Closing
            && (!for_good || tenant.erase_after.is_some_and(|after| after <= now));
        let closed = tenant.closed_at.filter(|_| leaves);
        closed.map(|closed| of.end_service(closed).map(|()| closed)).transpose()
    });
    write.await
}

/// Bills a tenant that is closing for the time until it asked to leave, and issues what is drawn up: its subscription at
/// Stripe is about to end. Should it come back, its service goes on from there.
pub(in crate::service) async fn bill_closing(installation: &Installation, id: TenantId) -> Result<()> {
    let Some(ended) = end_service(installation, id, false).await? else { return Ok(()) };
    close_all(installation, ended, Some(id), &By::system()).await?;
    finalize(installation, installation.clock().now(), Some(id), &By::system()).await.map(drop)
}

/// Bills what of a tenant is over by now, and issues what is drawn up: Stripe is about to send its own invoice.
pub(in crate::service) async fn bill_now(installation: &Installation, id: TenantId) -> Result<()> {
    let now = installation.clock().now();
    close_all(installation, now, Some(id), &By::system()).await?;
    finalize(installation, installation.clock().now(), Some(id), &By::system()).await.map(drop)
}

/// All service periods of one tenant that are over, in their order. Each is one transaction in the catalog.
async fn close_one(
    installation: &Installation,
    lease: &Lease,
    ended: Timestamp,
    by: &By,
    closed: &mut Closed,
) -> Result<usize> {
    let scope = TenantScope::for_job(&installation.tenancy, lease).await?;
    // Who is leaving pays for the time until then, once it has left: it may come back.
    let ended = scope.tenant().closed_at.map_or(ended, |closed| closed.min(ended));
    let mut periods = 0;
    let issuer = installation.config.invoice_issuer.clone().unwrap_or_default();
    let mut stored_requests = false;
    while let Some(mut gathered) = gather(&scope, ended).await? {
        let counts_requests = gathered.services.iter().flat_map(|service| &service.usage);
        if counts_requests.into_iter().any(|used| used.meter == API_REQUESTS) && !stored_requests {
            // What this server still holds in memory is part of it.
            usage::store_requests(installation).await?;
            stored_requests = true;
            let Some(again) = gather(&scope, ended).await? else { break };
            gathered = again;
        }
        let (by, issuer, with_stripe) = (by.clone(), issuer.clone(), installation.bills_by_stripe());
        let stored = scope
            .catalog()
            .write("close_period", move |of| store(of, &gathered, &issuer, with_stripe, &by))
            .await?;
        // Somebody else closed it: what comes next is looked at anew.
        if let Some(invoices) = stored {
            periods += 1;
            closed.invoices.extend(invoices);
        }
    }
    Ok(periods)
}

/// Draws up and stores what was gathered, unless somebody did in the meantime. With it the service period is billed.
fn store(
    of: &OfTenant<'_>,
    gathered: &Gathered,
    issuer: &str,
    with_stripe: bool,
    by: &By,
) -> Result<Option<Vec<InvoiceId>>> {
    let number = gathered.next.number;
    let is_next = of
        .next_period_to_bill(Timestamp(gathered.next.period.part.to))?
        .is_some_and(|next| next == gathered.next);
    if !is_next || of.last_watermark()? != gathered.before {
        return Ok(None);
    }
    let mut services = gathered.services.clone();
    let mut sums = Vec::new();
    for service in &mut services {
        let taken = service.clone();
        for (used, as_taken) in service.usage.iter_mut().zip(&taken.usage) {
            (used.booked_quantity, used.booked) = of.find_booked(taken.number, &used.meter)?;
            let amount = booked(&taken, as_taken)?;
            sums.push(Booked {
                period: taken.number,
                meter: used.meter.clone(),
                quantity: used.quantity,
                amount,
            });
        }
        if service.was_billed {
            let differs = |meter: &str| {
                let now = sums.iter().find(|sum| sum.period == taken.number && sum.meter == meter);
                now.map(|sum| sum.amount)
            };
            service.usage.retain(|used| differs(&used.meter) != Some(used.booked));
        }
    }
    services.retain(|service| !service.was_billed || !service.usage.is_empty());
    let by_stripe = with_stripe && of.is_billed_by_stripe(gathered.next.period.part)?;
    let mut invoices = Vec::new();
    for invoice in draw_all(of, gathered, services, issuer)? {
        if !invoice.says_something() {
            continue;
        }
        of.insert_draft(&invoice, by_stripe)?;
        of.add_credit(&invoice.currency, invoice.credit_left() - invoice.credit_taken())?;
        of.audit(by, "invoice.drafted", &format!("invoice:{}", invoice.id), &told(&invoice))?;
        invoices.push(invoice.id);
    }
    of.store_closing(number, gathered.watermark, &sums)?;
    Ok(Some(invoices))
}

/// One invoice in the currency of the service period; one more in each other that differences of earlier ones are in.
fn draw_all(
    of: &OfTenant<'_>,
    gathered: &Gathered,
    services: Vec<Service>,
    issuer: &str,
) -> Result<Vec<Invoice>> {
    let tenant = of.tenant()?;
    let currency = |service: &Service| service.terms["currency"].as_str().unwrap_or_default().to_owned();
    let mut by_currency: Vec<(String, Vec<Service>)> = Vec::new();
    for service in services {
        let currency = currency(&service);
        match by_currency.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, services)) => services.push(service),
            None => by_currency.push((currency, vec![service])),
        }
    }
    let part = gathered.next.period.part;
    let tax_rate = of.find_tax_rate()?;
    let drawn = by_currency.into_iter().map(|(currency, services)| {
        let head = Head {
            id: invoice_id(tenant.id, gathered.next.number, &currency),
            drawn_at: of.now(),
            issuer: issuer.to_owned(),
            tenant: Customer { id: tenant.id, slug: tenant.slug.clone(), name: tenant.name.clone() },
            timezone: tenant.timezone.clone(),
            period: Span { from: Timestamp(part.from), to: Timestamp(part.to) },
            currency: currency.clone(),
        };
        let basis = Basis {
            closes: gathered.next.number,
            watermark: gathered.watermark,
            services,
            tax_rate: tax_rate.clone(),
            credit: of.find_credit(&currency)?,
        };
        draw(head, basis)
    });
    drawn.collect()
}

fn told(invoice: &Invoice) -> Value {
    json!({
        "number": invoice.number, "total_cents": invoice.total, "currency": invoice.currency,
        "period": invoice.period,
    })
}

/// Makes drafts final that were drawn up at `drafted` or before. Their numbers follow one another.
async fn finalize(
    installation: &Installation,
    drafted: Timestamp,
    only: Option<TenantId>,
    by: &By,
) -> Result<usize> {
    let mut finalized = 0;
    loop {
        let drafts = installation.catalog.read(move |tx| tx.list_drafts(drafted, only, PAGE)).await?;
        if drafts.is_empty() {
            return Ok(finalized);
        }
        for (tenant, id) in drafts {
            let (by, due_after) = (by.clone(), i64::from(installation.config.invoice_due_days) * DAY);
            let write = installation
                .catalog
                .write("finalize_invoice", move |tx| finalize_one(&tx.of(tenant), id, due_after, &by));
            finalized += usize::from(write.await?);
        }
    }
}

pub(super) fn finalize_one(of: &OfTenant<'_>, id: InvoiceId, due_after: i64, by: &By) -> Result<bool> {
    let Some(StoredInvoice { invoice, .. }) = of.finalize_invoice(id, due_after)? else { return Ok(false) };
    of.audit(by, "invoice.finalized", &format!("invoice:{id}"), &told(&invoice))?;
    if invoice.total == 0 {
        // There is nothing to wait for.
        of.end_invoice(id, InvoiceStatus::Paid)?;
        of.audit(by, "invoice.paid", &format!("invoice:{id}"), &told(&invoice))?;
    } else if of.live_stripe_subscription()?.is_none() {
        // Where Stripe bills, its document is the invoice, and it mails that.
        letters::tell_of_final(of, id, &invoice)?;
    }
    Ok(true)
}

/// Writes final invoices into the tenants' files. One that cannot be written does not keep the others.
pub(super) async fn keep(installation: &Installation) -> Result<()> {
    for lease in installation.tenancy.claim_invoices_to_keep().await? {
        if let Err(error) = keep_of_one(installation, &lease).await {
            tracing::error!(
                tenant_id = %lease.tenant_id(), error = ?error,
                "final invoices could not be written into a tenant's file; it will be tried again"
            );
        }
    }
    Ok(())
}

async fn keep_of_one(installation: &Installation, lease: &Lease) -> Result<()> {
    let scope = TenantScope::for_job(&installation.tenancy, lease).await?;
    loop {
        let invoices = scope.catalog().read(|of| of.list_invoices_to_keep()).await?;
        if invoices.is_empty() {
            return Ok(());
        }
        scope.keep_invoices(invoices.clone()).await?;
        scope.catalog().write("note_kept", move |of| of.note_kept(&invoices)).await?;
    }
}
