//! What a receipt says after a crash.

use super::*;
use crate::clock::SystemClock;
use crate::config::{Config, Partial};
use crate::model::letter::Content;
use crate::service::lifecycle::{OperatorAct, operate_tenant};
use crate::service::sign_up::{SignUpIn, sign_up};
use crate::service::{Caller, provisioning::NewTenantIn};
use std::sync::Arc;

async fn open(data: &std::path::Path) -> Arc<Installation> {
    let flags = Partial { data: Some(data.to_path_buf()), ..Partial::default() };
    Installation::open(Config::load(flags, None).unwrap(), Arc::new(SystemClock)).await.unwrap()
}

fn removed(statement: &Statement, store: &str) -> u64 {
    statement.removed.iter().find(|removed| removed.store.starts_with(store)).unwrap().removed
}

#[tokio::test]
async fn an_erasure_that_was_cut_off_after_the_files_signs_how_many_there_were() {
    let directory = tempfile::TempDir::new().unwrap();
    let installation = open(directory.path()).await;
    let input = SignUpIn {
        email: "ann@example.com".to_owned(),
        password: "otter juggles nine lanterns".to_owned(),
        name: "Ann".to_owned(),
        tenant: Some(NewTenantIn { name: "Acme".to_owned(), slug: Some("acme".to_owned()) }),
    };
    let id = sign_up(&installation, input, &Caller::default()).await.unwrap().tenant.unwrap().id;
    let layout = installation.tenancy.layout().clone();
    std::fs::create_dir_all(layout.tenant_exports(id)).unwrap();
    for export in ["a.zip", "b.zip"] {
        std::fs::write(layout.tenant_exports(id).join(export), "x").unwrap();
    }
    std::fs::create_dir_all(layout.tenant(id).join("files/deep")).unwrap();
    std::fs::write(layout.tenant(id).join("files/deep/upload"), "x").unwrap();
    std::fs::write(layout.mail().join(format!("1-{id}-2.eml")), "x").unwrap();
    operate_tenant(&installation, "acme", OperatorAct::Close { stripe_customer: false }, By::console())
        .await
        .unwrap();
    installation.catalog.write("end_grace", move |tx| tx.of(id).end_grace()).await.unwrap();
    // The program ends between the removal of the files and the transaction with the receipt.
    begin(&installation, id).await.unwrap();
    remove_files(&installation, id).await.unwrap();
    installation.close().await;
    drop(installation);
    assert!(!layout.tenant(id).exists());

    let installation = open(directory.path()).await;
    assert_eq!(erase_due_tenants(&installation).await.unwrap(), 1);
    let statement = find_receipt(&installation, "acme").await.unwrap().verify(None).unwrap();
    assert_eq!(removed(&statement, "tenant database"), 1, "{statement:?}");
    assert_eq!(removed(&statement, "uploaded files"), 1, "{statement:?}");
    assert_eq!(removed(&statement, "exports"), 2, "{statement:?}");
    assert_eq!(removed(&statement, "mail"), 1, "{statement:?}");
    let noted = installation.catalog.write("note_erasure", move |tx| tx.of(id).note_erasure("again")).await;
    assert_eq!(noted.unwrap(), "again", "the note outlived the erasure");
    installation.close().await;
}

#[tokio::test]
async fn mail_about_a_tenant_that_is_being_erased_is_not_written() {
    let directory = tempfile::TempDir::new().unwrap();
    let installation = open(directory.path()).await;
    let now = installation.clock.now();
    let id = TenantId::new(now);
    let letter = |about| crate::service::mail::Letter {
        to: "ann@example.com".to_owned(),
        content: Content::MemberRemoved { tenant: "Acme".to_owned() },
        about: Some(about),
    };
    installation.mailer.send(&installation.tenancy, letter(id), now).await.unwrap();
    let files = installation.tenancy.erase_files(id).await.unwrap();
    assert_eq!(files.iter().map(|store| store.removed).sum::<u64>(), 1, "{files:?}");
    let late = installation.mailer.send(&installation.tenancy, letter(id), now).await;
    assert_eq!(late.unwrap_err().code(), "not_found");
    assert_eq!(std::fs::read_dir(installation.tenancy.layout().mail()).unwrap().count(), 0);
    let other = TenantId::new(now);
    installation.mailer.send(&installation.tenancy, letter(other), now).await.unwrap();
    installation.close().await;
}
