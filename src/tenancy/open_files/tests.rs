use super::*;
use crate::clock::{SharedClock, SystemClock, Timestamp};
use crate::db::ReaderThreads;
use crate::error::Kind;
use crate::tenancy::App;
use crate::tenancy::provision::{NewFile, Template};

/// Three tenants, of which `most` may be open.
fn house(most: usize) -> (tempfile::TempDir, OpenFiles, Vec<Tenant>) {
    let directory = tempfile::TempDir::new().unwrap();
    let layout = Layout::create(directory.path()).unwrap();
    let app = Arc::new(App::load(None).unwrap());
    let template = Template::build(&layout, &app, Timestamp(0)).unwrap();
    let tenants: Vec<Tenant> = (1..=3).map(|number| Tenant::of_tests(Timestamp(number))).collect();
    for tenant in &tenants {
        let new = NewFile { id: tenant.id, epoch: tenant.epoch, entitlements: None };
        template.copy_to(&layout, &new, Timestamp(0)).unwrap();
    }
    let clock: SharedClock = Arc::new(SystemClock);
    let options = FileOptions {
        threads: ReaderThreads::new(1),
        clock,
        app,
        standings: Arc::default(),
        written: Arc::default(),
    };
    (directory, OpenFiles::new(most, layout, options, Arc::default()), tenants)
}

#[test]
fn what_descriptors_allow_bounds_the_open_tenants() {
    let open: Vec<usize> = [(0, 9_744), (0, 256), (0, 64), (1_000, 9_744), (10, 9_744)]
        .map(|(a, b)| most_open_tenants(a, b))
        .into();
    assert_eq!(open, [200, 23, 8, 885, 10]);
}

#[tokio::test]
async fn those_unused_for_longest_make_way_and_none_in_use_does() {
    let (_directory, files, tenants) = house(2);
    let [a, b, c] = tenants.as_slice() else { unreachable!("three were made") };
    let held = files.lease(a, Intent::Write).await.unwrap();
    drop(files.lease(b, Intent::Write).await.unwrap());
    drop(files.lease(c, Intent::Write).await.unwrap());
    let open = |tenant: &Tenant| files.slots().by_tenant.contains_key(&tenant.id);
    assert_eq!((open(a), open(b), open(c)), (true, false, true));
    let also_held = files.lease(c, Intent::Write).await.unwrap();
    assert_eq!(files.lease(b, Intent::Write).await.err().map(|error| error.kind()), Some(Kind::Unavailable));
    drop(also_held);
    files.lease(b, Intent::Write).await.unwrap();
    assert!(held.file().unwrap().database.read(|_| Ok(())).await.is_ok());
}

#[tokio::test]
async fn who_looks_at_many_in_a_row_pushes_none_out_that_is_in_use() {
    let (_directory, files, tenants) = house(2);
    let [a, b, c] = tenants.as_slice() else { unreachable!("three were made") };
    let open = |tenant: &Tenant| files.slots().by_tenant.contains_key(&tenant.id);
    drop(files.lease(a, Intent::Write).await.unwrap());
    for _ in 0..3 {
        drop(files.lease(b, Intent::Glance).await.unwrap());
        drop(files.lease(c, Intent::Glance).await.unwrap());
        assert_eq!((open(a), open(b), open(c)), (true, false, true));
    }
    // One that is in use stays so, however it is looked at.
    drop(files.lease(a, Intent::Glance).await.unwrap());
    drop(files.lease(b, Intent::Glance).await.unwrap());
    assert!(open(a));
    let gate = files.gate(b.id).await;
    let refused = files.lease(b, Intent::Glance).await.err();
    assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tenant_migrating"));
    drop(gate);
}

#[tokio::test]
async fn a_fenced_tenant_is_closed_for_those_who_hold_it_and_opened_for_nobody() {
    let (_directory, files, tenants) = house(2);
    let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
    let held = files.lease(a, Intent::Write).await.unwrap();
    files.fences.lower(a.id);
    files.close(a.id);
    let read = held.file().unwrap().database.read(|_| Ok(())).await;
    assert_eq!(read.err().map(|error| error.kind()), Some(Kind::Unavailable));
    assert_eq!(files.lease(a, Intent::Write).await.err().map(|error| error.kind()), Some(Kind::NotFound));
}

#[tokio::test]
async fn who_works_in_the_background_waits_for_no_migration_and_readers_keep_the_file_as_it_was() {
    let (_directory, files, tenants) = house(2);
    let [a, b, ..] = tenants.as_slice() else { unreachable!("three were made") };
    drop(files.lease(a, Intent::Pass).await.unwrap());
    let gates = (files.gate(a.id).await, files.gate(b.id).await);
    for tenant in [a, b] {
        let refused = files.lease(tenant, Intent::Pass).await.err();
        assert_eq!(refused.map(|error| error.code().to_owned()).as_deref(), Some("tenant_migrating"));
        assert!(files.is_gated(tenant.id));
    }
    drop(files.lease(a, Intent::Read).await.unwrap());
    drop(gates);
    for tenant in [a, b] {
        drop(files.lease(tenant, Intent::Pass).await.unwrap());
    }
}

#[tokio::test]
async fn who_had_a_file_before_a_gate_was_shut_reads_from_it_still() {
    let (_directory, files, tenants) = house(2);
    let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
    let held = files.lease(a, Intent::Read).await.unwrap();
    let gate = files.gate(a.id).await;
    let mut shutting = std::pin::pin!(gate.shut());
    let reading = async {
        // Shutting has every chance to be over before: only whoever waits for the reader is not.
        tokio::time::sleep(Duration::from_millis(20)).await;
        held.file().unwrap().database.read(|_| Ok(())).await
    };
    tokio::select! {
        biased;
        _ = &mut shutting => panic!("it was shut while somebody had the file"),
        read = reading => read.unwrap(),
    }
    drop(held);
    shutting.await.unwrap();
}

#[tokio::test]
async fn who_knows_a_moved_file_by_an_earlier_epoch_is_given_it_and_who_knows_one_of_before_a_swap_is_not() {
    let (_directory, files, tenants) = house(2);
    let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
    let of = |epoch| Tenant { epoch, ..a.clone() };
    let code = |leased: Result<InUse>| leased.err().map(|error| error.code().to_owned());
    // Seen from the file that is stamped with 1: once it was of epoch -1, was swapped, and moved.
    let gate = files.gate(a.id).await;
    gate.raise_epoch(0);
    gate.moved(1);
    drop(gate);
    assert_eq!(code(files.lease(&of(-1), Intent::Write).await).as_deref(), Some("tenant_restored"));
    assert_eq!(code(files.lease(&of(0), Intent::Write).await), None);
    assert_eq!(code(files.lease(&of(1), Intent::Write).await), None);
}

#[tokio::test]
async fn another_epoch_in_the_catalog_is_another_file() {
    let (_directory, files, tenants) = house(2);
    let [a, ..] = tenants.as_slice() else { unreachable!("three were made") };
    files.lease(a, Intent::Write).await.unwrap();
    let other = Tenant { epoch: 2, ..a.clone() };
    let refused = files.lease(&other, Intent::Write).await.err().map(|error| error.code().to_owned());
    assert_eq!(refused.as_deref(), Some("tenant_unavailable"));
}
