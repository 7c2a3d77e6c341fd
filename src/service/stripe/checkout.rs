//! Where a tenant pays and where it manages what it pays: pages of Stripe's.

use super::client::{Client, digest_of, form};
use super::sale::{already_subscribed, close_others};
use crate::catalog::OfTenant;
use crate::error::{Error, FieldError, Result};
use crate::id::uuid_v7;
use crate::model::stripe::{CheckoutSession, INSTALLATION, SALE, TENANT};
use crate::model::tenant::Act;
use crate::policy::Permission;
use crate::service::Installation;
use crate::service::members::require_now;
use crate::service::plans;
use crate::service::subscriptions::{not_offered, refuse_other_currency};
use crate::tenancy::TenantScope;
use serde_json::json;

/// What is to be bought, and where to go on afterwards.
#[derive(Clone, Debug)]
pub struct CheckoutIn {
    /// Key of the plan.
    pub plan: String,
    /// Where Stripe leads to once it is paid; else here.
    pub success_url: Option<String>,
    /// Where Stripe leads to when it is not; else here.
    pub cancel_url: Option<String>,
}

/// What a checkout needs to know.
#[derive(Clone, Debug)]
struct Sale {
    price: String,
    trial_days: u32,
    customer: Option<String>,
    tenant_name: String,
}

/// Begins a checkout and tells where it is paid. A tenant has one that is open at most: the same once more, if the same is to
/// be bought; else the one before can be paid no longer.
///
/// # Errors
/// 403 without `billing:manage`; 409 `billing_local` without Stripe, `already_subscribed`, `payment_pending`,
/// `currency_differs`; 422 for a plan that is not offered, or not sold at Stripe, and for addresses that are none; 429
/// `too_many_payment_pages`; 503 `stripe_unavailable`.
pub async fn begin_checkout(
    installation: &Installation,
    scope: &TenantScope,
    input: CheckoutIn,
) -> Result<String> {
    scope.require(Permission::BillingManage)?;
    let client = installation.stripe.client()?;
    let home = format!("{}/", installation.config.base_url());
    let (success, cancel) = addresses(&input, &home)?;
    installation.throttle.before_payment_page(scope.tenant().id)?;
    let wanted = input.plan.clone();
    let tenant = scope.tenant().id;
    // Two at once would be two that can be paid.
    let _turn = installation.stripe.sale_of(tenant).lock().await;
    let sale = scope.catalog().read(move |of| find_sale(of, &wanted)).await?;
    let customer = match &sale.customer {
        Some(customer) => customer.clone(),
        None => make_customer(installation, client, scope, &sale.tenant_name).await?,
    };
    let tenant = tenant.to_string();
    let mut fields = form(&[
        ("mode", "subscription"),
        ("customer", &customer),
        ("client_reference_id", &tenant),
        ("line_items[0][price]", &sale.price),
        ("line_items[0][quantity]", "1"),
        ("success_url", &success),
        ("cancel_url", &cancel),
    ]);
    for name in ["metadata", "subscription_data[metadata]"] {
        fields.push((format!("{name}[{INSTALLATION}]"), installation.id.clone()));
        fields.push((format!("{name}[{TENANT}]"), tenant.clone()));
    }
    if sale.trial_days > 0 {
        fields.push(("subscription_data[trial_period_days]".to_owned(), sale.trial_days.to_string()));
    }
    let what = digest_of(&fields);
    fields.push((format!("metadata[{SALE}]"), what.clone()));
    let open = close_others(installation, client, scope, &customer, &what).await?;
    let is_again = open.is_some();
    let session = match open {
        Some(open) => Some(open),
        None => {
            let key = format!("tenantry-checkout-{}", uuid_v7(installation.clock.now()));
            CheckoutSession::read(&client.post("/v1/checkout/sessions", fields, &key).await?)
        }
    };
    let session = session.and_then(|session| Some((session.id, session.url?)));
    let (id, url) = session.ok_or_else(|| Error::internal("Stripe made a checkout without an address"))?;
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    let catalog = scope.catalog();
    let write = catalog.write("begin_checkout", move |of| {
        require_now(of, &roles, actor, Permission::BillingManage)?;
        of.admit(Act::Pay)?;
        of.insert_stripe_checkout(&id, &input.plan)?;
        let details = json!({ "checkout": &id, "again": is_again });
        of.audit(&by, "billing.checkout_begun", &format!("plan:{}", input.plan), &details)
    });
    write.await?;
    Ok(url)
}

fn find_sale(of: &OfTenant<'_>, plan: &str) -> Result<Sale> {
    let wanted = of.catalog().find_plan(plan)?.filter(|plan| plan.plan.offered);
    let wanted = wanted.ok_or_else(|| not_offered(of.catalog()))?;
    let price = wanted.plan.stripe_price.clone().ok_or_else(|| {
        Error::invalid_field("plan", "not_sold", "is not paid at Stripe; PUT .../subscription chooses it")
    })?;
    if of.live_stripe_subscription()?.is_some() {
        return Err(already_subscribed());
    }
    let tenant = of.tenant()?;
    if tenant.is_clone {
        return Err(Error::conflict(
            "clone_not_billed",
            "This tenant is a clone for staging, and pays nothing.",
        ));
    }
    let current = match of.find_course()? {
        Some(course) => of.catalog().plan_version(&course.plan)?,
        None => of.catalog().find_plan(&tenant.plan)?.ok_or_else(plans::unknown_plan)?,
    };
    refuse_other_currency(&current, &wanted)?;
    Ok(Sale {
        price,
        trial_days: if of.has_had_trial(&wanted.key)? { 0 } else { wanted.plan.trial_days },
        customer: of.stripe_customer()?,
        tenant_name: tenant.name,
    })
}

/// Makes the tenant's customer and links it. Two at once, or one after a crash, make the same.
async fn make_customer(
    installation: &Installation,
    client: &Client,
    scope: &TenantScope,
    name: &str,
) -> Result<String> {
    let tenant = scope.tenant().id.to_string();
    let (ours, theirs) = (format!("metadata[{INSTALLATION}]"), format!("metadata[{TENANT}]"));
    let fields = form(&[("name", name), (&ours, &installation.id), (&theirs, &tenant)]);
    // To the same key with another name, after a try whose answer was lost, Stripe would answer with an error.
    let key = format!("tenantry-customer-{}-{tenant}-{}", installation.id, digest_of(&fields));
    let said = client.post("/v1/customers", fields, &key).await?;
    let id = said["id"].as_str().ok_or_else(|| Error::internal("Stripe made a customer without an id"))?;
    let id = id.to_owned();
    let live = installation.stripe.live;
    let catalog = scope.catalog();
    let write = catalog.write("link_stripe_customer", move |of| {
        if let Some(linked) = of.stripe_customer()? {
            return Ok(linked);
        }
        of.link_stripe_customer(&id)?;
        of.catalog().unpark_stripe_events(&id, live)?;
        Ok(id.clone())
    });
    write.await
}

/// Opens the page where the tenant manages what it pays, and tells where that is.
///
/// # Errors
/// 403 without `billing:manage`; 409 `billing_local` without Stripe, `no_customer` before anything was bought; 429
/// `too_many_payment_pages`; 503 `stripe_unavailable`.
pub async fn open_portal(installation: &Installation, scope: &TenantScope) -> Result<String> {
    scope.require(Permission::BillingManage)?;
    let client = installation.stripe.client()?;
    installation.throttle.before_payment_page(scope.tenant().id)?;
    let (actor, roles, by) = (scope.by().actor, scope.app_roles().clone(), scope.by().clone());
    let catalog = scope.catalog();
    let write = catalog.write("open_billing_portal", move |of| {
        require_now(of, &roles, actor, Permission::BillingManage)?;
        of.admit(Act::Pay)?;
        let customer = of.stripe_customer()?.ok_or_else(|| {
            Error::conflict(
                "no_customer",
                "This tenant has bought nothing at Stripe yet. POST .../billing/checkout comes first.",
            )
        })?;
        of.audit(&by, "billing.portal_opened", &format!("stripe:{customer}"), &json!({}))?;
        Ok(customer)
    });
    let customer = write.await?;
    let home = format!("{}/", installation.config.base_url());
    let key = format!("tenantry-portal-{}", uuid_v7(installation.clock.now()));
    let fields = form(&[("customer", &customer), ("return_url", &home)]);
    let said = client.post("/v1/billing_portal/sessions", fields, &key).await?;
    let url =
        said["url"].as_str().ok_or_else(|| Error::internal("Stripe opened a portal without an address"))?;
    Ok(url.to_owned())
}

/// Where Stripe leads to, as it was asked for or here.
fn addresses(input: &CheckoutIn, home: &str) -> Result<(String, String)> {
    let mut faults = Vec::new();
    let mut checked = |name: &'static str, given: &Option<String>| match given {
        None => home.to_owned(),
        Some(url) if is_address(url, home) => url.clone(),
        Some(_) => {
            let message = "must be an address that begins with https://, of at most 2000 letters";
            faults.push(FieldError::new(name, "bad_url", message));
            String::new()
        }
    };
    let both = (checked("success_url", &input.success_url), checked("cancel_url", &input.cancel_url));
    if faults.is_empty() { Ok(both) } else { Err(Error::invalid(faults)) }
}

fn is_address(url: &str, home: &str) -> bool {
    let local = ["http://localhost:", "http://localhost/", "http://127.0.0.1:", "http://127.0.0.1/"];
    let begins = url.starts_with("https://")
        || url.starts_with(home)
        || local.iter().any(|start| url.starts_with(start));
    begins && url.len() <= 2_000 && url.bytes().all(|b| b.is_ascii_graphic() && b != b'@')
}
