//! Drawing up: what was gathered of a service period becomes drafts, in one transaction with the note that it is billed.

use super::closing::Closed;
use super::gather::{Gathered, gather};
use super::numbers::booked_with;
use crate::catalog::{Booked, By, OfTenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::InvoiceId;
use crate::model::invoice::{Basis, Customer, Head, Invoice, Service, Span, invoice_id};
use crate::model::meter::API_REQUESTS;
use crate::model::usage_head::{self, UsageHead};
use crate::rating::invoice::{booked, draw};
use crate::service::{Installation, usage};
use crate::tenancy::{Lease, TenantScope};
use serde_json::{Value, json};

/// All service periods of one tenant that are over, in their order. Each is one transaction in the catalog.
pub(super) async fn close_one(
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
        let head = sign_head(installation, &scope, &gathered)?;
        let stored = scope
            .catalog()
            .write("close_period", move |of| store(of, &gathered, &issuer, head.as_ref(), with_stripe, &by))
            .await?;
        // Somebody else closed it: what comes next is looked at anew.
        if let Some(invoices) = stored {
            periods += 1;
            closed.invoices.extend(invoices);
        }
    }
    Ok(periods)
}

/// Signs with which event the tenant's usage ends as it is counted, if any is.
fn sign_head(
    installation: &Installation,
    scope: &TenantScope,
    gathered: &Gathered,
) -> Result<Option<UsageHead>> {
    let Some(chain) = &gathered.chain else { return Ok(None) };
    let head = usage_head::Head {
        format: usage_head::FORMAT.to_owned(),
        installation: installation.id.clone(),
        tenant: scope.tenant().id,
        seq: gathered.watermark,
        chain: chain.clone(),
        at: installation.clock().now().to_string(),
    };
    Ok(Some(UsageHead::sign(&head, installation.keys.receipts())?))
}

/// Draws up and stores what was gathered, unless somebody did in the meantime. With it the service period is billed.
fn store(
    of: &OfTenant<'_>,
    gathered: &Gathered,
    issuer: &str,
    head: Option<&UsageHead>,
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
    let adopted = of.list_invoices_of_closing(number)?;
    if !adopted.is_empty() {
        // A restored catalog took its invoices in before it knew of the service period.
        let mut watermark = gathered.before;
        for id in adopted {
            let invoice = of.find_invoice(id)?.invoice;
            watermark = watermark.max(invoice.basis.watermark);
            of.put_booked(&booked_with(&invoice)?)?;
        }
        of.store_closing(number, watermark, &[])?;
        return Ok(Some(Vec::new()));
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
    for invoice in draw_all(of, gathered, services, (issuer, head), by_stripe)? {
        if !invoice.says_something() {
            continue;
        }
        of.insert_draft(&invoice, by_stripe)?;
        let credit = of.find_credit(&invoice.currency)?;
        of.put_credit(&invoice.currency, credit.after(&invoice, by_stripe))?;
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
    (issuer, usage_head): (&str, Option<&UsageHead>),
    by_stripe: bool,
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
    let (tax_rate, billing) = (of.find_tax_rate()?, of.find_billing_details()?);
    let drawn = by_currency.into_iter().map(|(currency, services)| {
        let credit = of.find_credit(&currency)?.terms(by_stripe);
        let head = Head {
            id: invoice_id(tenant.id, gathered.next.number, &currency),
            drawn_at: of.now(),
            issuer: issuer.to_owned(),
            tenant: Customer {
                id: tenant.id,
                slug: tenant.slug.clone(),
                name: tenant.name.clone(),
                billing: billing.clone(),
            },
            timezone: tenant.timezone.clone(),
            period: Span { from: Timestamp(part.from), to: Timestamp(part.to) },
            currency,
        };
        let basis = Basis {
            closes: gathered.next.number,
            watermark: gathered.watermark,
            usage_head: usage_head.cloned(),
            services,
            tax_rate: tax_rate.clone(),
            by_stripe,
            credit: credit.available,
            carried: credit.carried,
            taken_back: credit.taken_back,
        };
        draw(head, basis)
    });
    drawn.collect()
}

pub(super) fn told(invoice: &Invoice) -> Value {
    json!({
        "number": invoice.number, "total_cents": invoice.total, "currency": invoice.currency,
        "period": invoice.period,
    })
}
