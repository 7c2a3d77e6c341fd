//! A tenant that did not come to be, and the account that wanted it.

use super::*;
use crate::clock::SystemClock;
use crate::config::{Config, Partial};
use crate::error::Kind;
use crate::service::identity::{SignInIn, authenticate, sign_in};
use crate::service::sign_up::{SignUpIn, SignedUp, sign_up};
use crate::service::{Actor, Caller};
use std::path::Path;

const PASSWORD: &str = "otter juggles nine lanterns";

async fn open(data: &Path) -> Arc<Installation> {
    let flags = Partial { data: Some(data.to_path_buf()), ..Partial::default() };
    Installation::open(Config::load(flags, None).unwrap(), Arc::new(SystemClock)).await.unwrap()
}

fn acme() -> NewTenantIn {
    NewTenantIn { name: "Acme".to_owned(), slug: Some("acme".to_owned()) }
}

async fn sign_ann_up(installation: &Arc<Installation>, tenant: Option<NewTenantIn>) -> Result<SignedUp> {
    let (email, name) = ("ann@example.com".to_owned(), "Ann".to_owned());
    let input = SignUpIn { email, password: PASSWORD.to_owned(), name, tenant };
    sign_up(installation, input, &Caller::default()).await
}

#[tokio::test]
async fn a_sign_up_whose_tenant_cannot_be_made_leaves_neither_and_can_be_done_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let installation = open(directory.path()).await;
    let tmp = installation.tenancy.layout().tmp();
    let (template, aside) = (tmp.join("template.db"), directory.path().join("aside.db"));
    std::fs::rename(&template, &aside).unwrap();
    let refused = sign_ann_up(&installation, Some(acme())).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(Kind::Internal));
    assert_eq!(std::fs::read_dir(&tmp).unwrap().count(), 0, "a copy was left behind");
    std::fs::rename(&aside, &template).unwrap();
    let ann = sign_ann_up(&installation, Some(acme())).await.unwrap();
    let owner = ann.identity.id;
    let owned = installation.catalog.read(move |tx| tx.count_tenants_owned(owner)).await.unwrap();
    assert_eq!(owned, 1);
    installation.close().await;
}

#[tokio::test]
async fn an_account_whose_sign_up_was_cut_off_signs_in_and_makes_its_tenant_then() {
    let directory = tempfile::TempDir::new().unwrap();
    let installation = open(directory.path()).await;
    // As a sign-up with a tenant stands in the catalog while the tenant's file is being made.
    let ann = sign_ann_up(&installation, None).await.unwrap().identity.id;
    let half_made = prepare_tenant(&installation, &acme()).unwrap();
    let copy = installation.tenancy.layout().tmp().join(half_made.id.to_string());
    let version = installation.tenancy.migration_target().version.clone();
    let insert = move |tx: &CatalogTx<'_>| insert_tenant(tx, &half_made, ann, "default", &version);
    installation.catalog.write("insert_tenant", insert).await.unwrap();
    std::fs::create_dir_all(&copy).unwrap();
    installation.close().await;
    drop(installation);

    let installation = open(directory.path()).await;
    assert!(!copy.exists());
    let owned = installation.catalog.read(move |tx| tx.count_tenants_owned(ann)).await.unwrap();
    assert_eq!(owned, 0, "a tenant that was swept is still counted");
    let again = sign_ann_up(&installation, Some(acme())).await.err().map(|error| error.code().to_owned());
    assert_eq!(again.as_deref(), Some("email_taken"));
    let input = SignInIn { email: "ann@example.com".to_owned(), password: PASSWORD.to_owned() };
    let tokens = sign_in(&installation, input, &Caller::default()).await.unwrap();
    let crate::service::mfa::SignedIn::Tokens(tokens) = tokens else { panic!("no second factor was set up") };
    let principal = authenticate(&installation, &tokens.access_token).await.unwrap();
    let by = By::of(Actor::Identity(principal.id()), "");
    let tenant = create_tenant(&installation, &principal, &acme(), by).await.unwrap();
    assert_eq!(tenant.slug, "acme");
    installation.close().await;
}

#[tokio::test]
async fn a_tenant_that_somebody_is_still_making_is_not_swept_however_long_that_takes() {
    let directory = tempfile::TempDir::new().unwrap();
    let installation = open(directory.path()).await;
    let ann = sign_ann_up(&installation, None).await.unwrap().identity.id;
    let new = prepare_tenant(&installation, &acme()).unwrap();
    let long_after = installation.clock.now().plus(crate::clock::DAY);
    let place = |id: TenantId| {
        let installation = Arc::clone(&installation);
        async move {
            sweep_half_made(&installation, long_after).await?;
            installation.tenancy.provision(id, 1).await?;
            Ok(installation.tenancy.migration_target().version.clone())
        }
    };
    let plan = "default".to_owned();
    let bolt = NewTenantIn { name: "Bolt".to_owned(), slug: Some("bolt".to_owned()) };
    let bolt = prepare_tenant(&installation, &bolt).unwrap();
    let bolt = provision_tenant(&installation, bolt, ann, Maker::Operator, By::system()).await.unwrap();
    let of = CopyOf { tenant: bolt.id, is_clone: false, expires_at: None };
    let made = provision_beside(&installation, new, vec![ann], plan, of, By::system(), place).await.unwrap();
    assert_eq!((made.slug.as_str(), made.status), ("acme", TenantStatus::Active));
    sweep_half_made(&installation, long_after).await.unwrap();
    assert!(installation.catalog.tenant("acme").await.is_ok());
    installation.close().await;
}
