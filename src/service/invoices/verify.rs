//! Checking what was billed: every invoice is drawn again, and what it says of usage is measured again from the events.

use crate::catalog::{KeptInvoice, OfTenant, StoredInvoice, Tenant};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::id::TenantId;
use crate::model::hex::hex;
use crate::model::invoice::{Invoice, InvoiceStatus, Measure};
use crate::model::tenant::{Act, TenantStatus};
use crate::model::usage::UsageEvent;
use crate::model::usage_head::UsageHeadCheck;
use crate::rating::invoice::Books;
use crate::service::By;
use crate::service::Installation;
use crate::tenancy::TenantScope;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};

/// Tenants of one read of the list.
const PAGE: u32 = 500;
/// Invoices of one tenant that are looked at.
const MOST: u32 = 100_000;

/// What was found of one tenant.
#[derive(Clone, Debug, Serialize)]
pub struct BillingChecked {
    /// The tenant.
    pub tenant: String,
    /// How many invoices it has.
    pub invoices: usize,
    /// The first line that differs.
    pub fault: Option<String>,
    /// What there is to say beside that.
    pub note: Option<&'static str>,
}

/// An invoice as an export has it: one line of `invoices.ndjson`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportedInvoice {
    /// How it stands.
    pub status: InvoiceStatus,
    /// SHA-256 of the canonical text of `document`.
    pub digest: String,
    /// Whether Stripe sends it.
    #[serde(default)]
    pub by_stripe: bool,
    /// When it was declared void, if it was.
    pub voided_at: Option<Timestamp>,
    /// What it says.
    pub document: Invoice,
}

impl From<StoredInvoice> for ExportedInvoice {
    fn from(stored: StoredInvoice) -> ExportedInvoice {
        ExportedInvoice {
            status: stored.status,
            digest: stored.digest,
            by_stripe: stored.by_stripe,
            voided_at: stored.voided_at,
            document: stored.invoice,
        }
    }
}

/// A check on its way: the invoices were drawn again, the events are still to be seen.
pub struct BillingCheck {
    measures: HashMap<String, Vec<Measure>>,
    /// Events and those that take them back.
    voids: HashSet<(i64, i64)>,
    voided_by: HashMap<i64, i64>,
    heads: UsageHeadCheck,
    /// The first fault that was found without the events.
    pub fault: Option<String>,
    /// How many invoices there are.
    pub invoices: usize,
}

impl BillingCheck {
    /// Draws all invoices of a tenant again, in the order in which they were drawn up. The heads of usage events in them
    /// have to be signed with `trusted`, in hex; where none is given, with the key beside them.
    ///
    /// # Errors
    /// An invoice that nobody can read.
    pub fn begin(mut invoices: Vec<ExportedInvoice>, trusted: Option<&str>) -> Result<BillingCheck> {
        invoices.sort_by_key(|invoice| (invoice.document.basis.closes, invoice.document.id));
        let mut check = BillingCheck {
            measures: HashMap::new(),
            voids: HashSet::new(),
            voided_by: HashMap::new(),
            heads: UsageHeadCheck::default(),
            fault: None,
            invoices: invoices.len(),
        };
        let mut books = Books::default();
        let mut voided: Vec<(Timestamp, &ExportedInvoice)> =
            invoices.iter().filter_map(|invoice| Some((invoice.voided_at?, invoice))).collect();
        for invoice in &invoices {
            let document = &invoice.document;
            // Credit of invoices that were void by then was there again.
            voided.retain(|(at, void)| {
                let before = *at <= document.drawn_at && void.document.id != document.id;
                if before {
                    books.give_back(&void.document, void.by_stripe);
                }
                !before
            });
            let name = document.number.clone().unwrap_or_else(|| document.id.to_string());
            if check.fault.is_none() && document.digest()? != invoice.digest {
                check.fault = Some(format!("{name}: it is not what was issued: its digest is another one"));
            }
            let fault = books.take(document, invoice.by_stripe)?;
            if check.fault.is_none() {
                check.fault = fault.map(|fault| format!("{name} {fault}"));
            }
            let head = document.basis.usage_head.as_ref();
            let (tenant, watermark) = (document.tenant.id, document.basis.watermark);
            let added = head.map_or(Ok(()), |head| check.heads.add(&name, tenant, watermark, head, trusted));
            check.fault = check.fault.take().or_else(|| added.err());
            for measure in Measure::all_of(document) {
                check.measures.entry(measure.meter().to_owned()).or_default().push(measure);
            }
        }
        Ok(check)
    }

    /// Whether the events matter at all.
    pub fn needs_events(&self) -> bool {
        self.fault.is_none() && !(self.measures.is_empty() && self.heads.is_empty())
    }

    /// The first time that an event is seen, in the order of their numbers: which others it takes back, and whether it
    /// is the one that was signed.
    pub fn look(&mut self, event: &UsageEvent) {
        self.heads.take(event);
        if let Some(voided) = event.voids {
            self.voids.insert((voided, event.seq));
            self.voided_by.insert(voided, event.seq);
        }
    }

    /// The second time that an event is seen, in the order of their numbers: what it comes to.
    pub fn take(&mut self, event: &UsageEvent) {
        let Some(measures) = self.measures.get_mut(&event.meter) else { return };
        let voided_by = self.voided_by.get(&event.seq).copied();
        for measure in measures {
            measure.take(event, &self.voids, voided_by);
        }
    }

    /// The first line that differs.
    pub fn finish(self) -> Option<String> {
        self.fault.or_else(|| {
            let mut faults: Vec<String> =
                self.measures.into_values().flatten().filter_map(Measure::fault).collect();
            faults.sort();
            faults.into_iter().next().or_else(|| self.heads.finish())
        })
    }
}

/// Checks all invoices of one tenant, or of all tenants.
///
/// # Errors
/// 404 for a tenant that is not there.
pub async fn verify_billing(
    installation: &Installation,
    tenant: Option<&str>,
) -> Result<Vec<BillingChecked>> {
    if let Some(selector) = tenant {
        let tenant = installation.catalog.tenant(selector).await?;
        return Ok(vec![verify_tenant(installation, &tenant).await?]);
    }
    let (mut checked, mut after): (Vec<BillingChecked>, Option<TenantId>) = (Vec::new(), None);
    loop {
        let page: Vec<Tenant> =
            installation.catalog.read(move |tx| tx.list_tenants(after, None, PAGE)).await?;
        for tenant in &page {
            let one = verify_tenant(installation, tenant).await?;
            if one.invoices > 0 {
                checked.push(one);
            }
        }
        match page.last() {
            Some(last) if page.len() == PAGE as usize => after = Some(last.id),
            _ => break,
        }
    }
    if let Some(fault) = installation.catalog.read(|tx| tx.find_number_gap()).await? {
        checked.push(BillingChecked { tenant: String::new(), invoices: 0, fault: Some(fault), note: None });
    }
    Ok(checked)
}

async fn verify_tenant(installation: &Installation, tenant: &Tenant) -> Result<BillingChecked> {
    let id = tenant.id;
    let name = if tenant.slug.is_empty() { id.to_string() } else { tenant.slug.clone() };
    let catalog = &installation.catalog;
    let invoices = catalog.read(move |tx| tx.of(id).list_invoices(None, MOST)).await?;
    let mut checked = BillingChecked { tenant: name, invoices: invoices.len(), fault: None, note: None };
    if matches!(tenant.status, TenantStatus::Erasing | TenantStatus::Erased) {
        checked.note = Some("erased, kept invoices cannot be recomputed");
        return Ok(checked);
    }
    if invoices.is_empty() || tenant.status == TenantStatus::Provisioning {
        return Ok(checked);
    }
    checked.fault = match held_against_file(installation, tenant, invoices).await {
        Ok(fault) => fault,
        Err(error) => Some(error.detail().to_owned()),
    };
    Ok(checked)
}

async fn held_against_file(
    installation: &Installation,
    tenant: &Tenant,
    invoices: Vec<StoredInvoice>,
) -> Result<Option<String>> {
    let selector = tenant.id.to_string();
    let reason = "billing check";
    let scope =
        TenantScope::for_operator(installation.tenancy(), By::console(), &selector, Act::Leave, reason)
            .await?;
    let kept = scope.read(|tx| tx.list_kept_invoices()).await?;
    if let Some(fault) = kept_otherwise(&invoices, &kept) {
        return Ok(Some(fault));
    }
    let invoices: Vec<ExportedInvoice> = invoices.into_iter().map(ExportedInvoice::from).collect();
    let key = hex(installation.keys.receipts().verifying_key().as_bytes());
    // From the beginning each time: a long read may be run twice.
    scope
        .read_slow(move |tx| {
            let mut check = BillingCheck::begin(invoices.clone(), Some(&key))?;
            if check.needs_events() {
                tx.each_usage_event(|event| {
                    check.look(&event);
                    Ok(())
                })?;
                tx.each_usage_event(|event| {
                    check.take(&event);
                    Ok(())
                })?;
            }
            Ok(check.finish())
        })
        .await
}

/// The first final invoice that the tenant's file has otherwise than the catalog.
fn kept_otherwise(invoices: &[StoredInvoice], kept: &[KeptInvoice]) -> Option<String> {
    kept.iter().find_map(|kept| {
        let found = invoices.iter().find(|invoice| invoice.invoice.id == kept.id);
        let is_whole = hex(&Sha256::digest(kept.document.as_bytes())) == kept.digest;
        match found {
            None => Some(format!("{}: the tenant's file has it, the catalog does not", kept.number)),
            Some(invoice) if invoice.digest != kept.digest || !is_whole => {
                Some(format!("{}: the tenant's file has another one than the catalog", kept.number))
            }
            Some(_) => None,
        }
    })
}

/// All invoices of the tenant, one a line, the oldest first.
///
/// # Errors
/// As the catalog says.
pub(in crate::service) fn exported(of: &OfTenant<'_>) -> Result<String> {
    let mut text = String::new();
    for invoice in of.list_invoices(None, MOST)?.into_iter().rev() {
        text.push_str(&serde_json::to_string(&ExportedInvoice::from(invoice))?);
        text.push('\n');
    }
    Ok(text)
}
