//! Demo data: three tenants, people in several of them, and a few thousand records of the starter app.

use super::provisioning::{self, Maker, NewTenantIn};
use super::{Installation, operators, records, sign_up};
use crate::catalog::{By, Identity};
use crate::error::Result;
use crate::model::Email;
use crate::model::tenant::Act;
use crate::policy::{ADMIN, MEMBER, OWNER, VIEWER};
use crate::tenancy::TenantScope;
use serde::Serialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The password of everyone in the demo. It only listens on loopback.
const PASSWORD: &str = "correct horse battery staple";

/// Someone to sign in as.
#[derive(Clone, Debug, Serialize)]
pub struct Login {
    /// The address.
    pub email: &'static str,
    /// The password.
    pub password: &'static str,
    /// Whether it is an operator.
    pub operator: bool,
    /// Where it is a member.
    pub tenants: Vec<LoginTenant>,
}

/// One membership of a [`Login`].
#[derive(Clone, Debug, Serialize)]
pub struct LoginTenant {
    /// The tenant.
    pub slug: &'static str,
    /// The role in it.
    pub role: &'static str,
}

type Person = (&'static str, &'static str, bool, &'static [(&'static str, &'static str)]);

const TENANTS: [(&str, &str, usize); 3] =
    [("acme", "Acme Tools", 240), ("globex", "Globex Travel", 120), ("initech", "Initech Software", 60)];

const PEOPLE: [Person; 6] = [
    ("operator@example.com", "Olive Operator", true, &[]),
    ("ada@example.com", "Ada Alvarez", false, &[("acme", OWNER), ("globex", VIEWER)]),
    ("ben@example.com", "Ben Brandt", false, &[("acme", ADMIN), ("globex", OWNER)]),
    ("cleo@example.com", "Cleo Costa", false, &[("acme", MEMBER), ("initech", OWNER)]),
    ("dan@example.com", "Dan Dubois", false, &[("globex", MEMBER), ("initech", ADMIN)]),
    ("eva@example.com", "Eva Eklund", false, &[("acme", VIEWER)]),
];

/// Makes the demo data where there is none yet, and says who can sign in.
///
/// # Errors
/// As its steps say.
pub async fn ensure_demo(installation: &Arc<Installation>) -> Result<Vec<Login>> {
    if !installation.catalog.read(|tx| tx.has_operator()).await? {
        make(installation).await?;
    }
    Ok(PEOPLE
        .iter()
        .map(|(email, _, operator, tenants)| Login {
            email,
            password: PASSWORD,
            operator: *operator,
            tenants: tenants.iter().map(|(slug, role)| LoginTenant { slug, role }).collect(),
        })
        .collect())
}

async fn make(installation: &Arc<Installation>) -> Result<()> {
    for (email, name, ..) in PEOPLE.iter().skip(1) {
        add_person(installation, email, name).await?;
    }
    for (slug, name, customers) in TENANTS {
        // One that an earlier run made before it was cut off stays as it is.
        if installation.catalog.tenant(slug).await.is_ok() {
            continue;
        }
        let owner = PEOPLE.iter().find(|(.., roles)| roles.contains(&(slug, OWNER)));
        let Some((owner, ..)) = owner else { continue };
        let owner = find(installation, owner).await?;
        let input = NewTenantIn { name: name.to_owned(), slug: Some(slug.to_owned()) };
        let candidate = provisioning::prepare_tenant(installation, &input)?;
        provisioning::provision_tenant(installation, candidate, owner.id, Maker::Operator, By::console())
            .await?;
        add_members(installation, slug).await?;
        if installation.config.app.is_none() {
            add_records(installation, slug, customers).await?;
        }
    }
    // Last, as its presence says that the demo is whole.
    let [(email, name, ..), ..] = PEOPLE;
    operators::add_operator(installation, email, name, Some(PASSWORD), By::console(), false).await?;
    Ok(())
}

async fn find(installation: &Installation, email: &str) -> Result<Identity> {
    let parsed = Email::parse(email).map_err(|fault| crate::error::Error::invalid(vec![fault]))?;
    let found = installation.catalog.read(move |tx| tx.find_identity_by_email(&parsed)).await?;
    found.ok_or_else(crate::error::Error::not_found)
}

async fn add_person(installation: &Installation, email: &str, name: &str) -> Result<()> {
    if find(installation, email).await.is_ok() {
        return Ok(());
    }
    let new = sign_up::prepare_identity(installation, email, name, PASSWORD, None, Vec::new()).await?;
    installation
        .catalog
        .write("demo_person", move |tx| {
            tx.insert_identity(new.id, &new.email, &new.name, &new.hash).map(drop)
        })
        .await
}

async fn add_members(installation: &Installation, slug: &'static str) -> Result<()> {
    let tenant = installation.catalog.tenant(slug).await?.id;
    for (email, _, _, roles) in PEOPLE {
        let Some((_, role)) = roles.iter().find(|(of, role)| *of == slug && *role != OWNER) else { continue };
        let member = find(installation, email).await?.id;
        let by = By::console();
        installation
            .catalog
            .write("demo_member", move |tx| {
                let of = tx.of(tenant);
                of.insert_membership(member, role)?;
                of.audit(&by, "member.joined", &format!("identity:{member}"), &json!({ "role": role }))
            })
            .await?;
    }
    Ok(())
}

async fn add_records(installation: &Arc<Installation>, slug: &str, customers: usize) -> Result<()> {
    let by = By::console();
    let scope = TenantScope::for_operator(&installation.tenancy, by, slug, Act::Write, "demo data").await?;
    let mut made = Made::new(slug);
    for batch in made.customers(customers).chunks(500) {
        create(installation, &scope, "customers", batch).await?;
    }
    for (table, rows) in
        [("invoices", made.invoices()), ("invoice_lines", made.lines()), ("notes", made.notes())]
    {
        for batch in rows.chunks(500) {
            create(installation, &scope, table, batch).await?;
        }
    }
    Ok(())
}

async fn create(installation: &Installation, scope: &TenantScope, table: &str, rows: &[Value]) -> Result<()> {
    let body = serde_json::to_vec(rows)?;
    records::create_records(installation, scope, table, body, None).await.map(drop)
}

const FIRST: [&str; 12] = [
    "Northern", "Blue", "Harbour", "Silver", "Granite", "Maple", "Orchard", "Summit", "Willow", "Iron",
    "Coastal", "Bright",
];
const SECOND: [&str; 12] = [
    "Bakery",
    "Logistics",
    "Dental",
    "Bicycles",
    "Robotics",
    "Textiles",
    "Clinic",
    "Studio",
    "Brewery",
    "Optics",
    "Farms",
    "Press",
];
const ITEMS: [&str; 8] = [
    "Consulting, per hour",
    "Licence, one month",
    "Spare parts",
    "On-site visit",
    "Training day",
    "Priority support",
    "Storage",
    "Setup",
];

/// Rows that are the same at every run.
struct Made {
    state: u64,
    customers: usize,
    invoices: Vec<(String, i64)>,
    slug: String,
}

impl Made {
    fn new(slug: &str) -> Made {
        let state =
            slug.bytes().fold(7, |state: u64, byte| state.wrapping_mul(31).wrapping_add(u64::from(byte)));
        Made { state, customers: 0, invoices: Vec::new(), slug: slug.to_owned() }
    }

    /// A number below `bound`, by a linear congruential generator: demo data need no better.
    fn below(&mut self, bound: usize) -> usize {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.state >> 33).unwrap_or(0) % bound.max(1)
    }

    fn day(&mut self) -> String {
        let (month, day) = (self.below(10) + 1, self.below(28) + 1);
        format!("2026-{month:02}-{day:02}T{:02}:{:02}:00.000Z", self.below(10) + 8, self.below(60))
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        let index = self.below(words.len());
        words.get(index).copied().unwrap_or_default()
    }

    fn customers(&mut self, count: usize) -> Vec<Value> {
        self.customers = count;
        (0..count)
            .map(|number| {
                let name = format!("{} {} {}", self.pick(&FIRST), self.pick(&SECOND), number + 1);
                let created_at = self.day();
                json!({ "id": format!("cus-{number:04}"), "name": name, "created_at": created_at,
                    "email": format!("office{number}@{}.example", self.slug) })
            })
            .collect()
    }

    fn invoices(&mut self) -> Vec<Value> {
        (0..self.customers * 3)
            .map(|number| {
                let id = format!("inv-{number:05}");
                let amount = i64::try_from(self.below(400_000)).unwrap_or(0) + 1_000;
                self.invoices.push((id.clone(), amount));
                let status = self.pick(&["draft", "open", "open", "paid", "paid", "paid", "void"]);
                let customer = self.below(self.customers);
                let created_at = self.day();
                json!({ "id": id, "customer_id": format!("cus-{customer:04}"), "amount_cents": amount,
                    "number": if status == "draft" { Value::Null } else { json!(number + 1) },
                    "status": status, "created_at": created_at })
            })
            .collect()
    }

    fn lines(&mut self) -> Vec<Value> {
        let invoices = std::mem::take(&mut self.invoices);
        let mut rows = Vec::with_capacity(invoices.len() * 2);
        for (invoice, amount) in &invoices {
            let first = amount / 3;
            for (position, cents) in [first, amount - first].into_iter().enumerate() {
                let item = self.pick(&ITEMS);
                rows.push(json!({ "id": format!("{invoice}-{position}"), "invoice_id": invoice, "position": position,
                    "description": item, "quantity": 1, "unit_cents": cents }));
            }
        }
        rows
    }

    fn notes(&mut self) -> Vec<Value> {
        (0..self.customers / 2)
            .map(|number| {
                let customer = self.below(self.customers);
                let created_at = self.day();
                json!({ "id": format!("note-{number:04}"), "title": format!("Call {}", number + 1),
                    "body": "Wants the next delivery earlier, and the invoice by mail.",
                    "customer_id": format!("cus-{customer:04}"), "created_at": created_at })
            })
            .collect()
    }
}
