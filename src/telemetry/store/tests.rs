use super::*;
use crate::clock::ManualClock;

const DAY_ONE: i64 = 20_000 * DAY;

fn open_in(directory: &Path, now: i64) -> Store {
    Store::open(directory, ReaderThreads::new(1), Arc::new(ManualClock::new(Timestamp(now)))).unwrap()
}

fn some(requests: u64) -> Totals {
    let mut totals = Totals::default();
    totals.0[Figure::Requests as usize] = requests;
    totals.0[NUMBERS - 1] = 1;
    totals
}

#[tokio::test]
async fn a_minute_is_added_to_its_hour_and_day_and_read_back_by_tenant() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(directory.path(), DAY_ONE);
    let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
    let at = |minute: i64| Timestamp(DAY_ONE + minute * MINUTE);
    store.add(at(0), vec![(one, some(3)), (other, some(50))]).await.unwrap();
    store.add(at(59), vec![(one, some(4))]).await.unwrap();
    store.add(at(59), vec![(one, some(1))]).await.unwrap();
    store.add(at(60), vec![(one, some(6))]).await.unwrap();
    let series = async |window, to| {
        let all = store.series(one, window, at(0), to).await.unwrap();
        all.iter().map(|bucket| (bucket.at, bucket.totals.get(Figure::Requests))).collect::<Vec<_>>()
    };
    assert_eq!(series(Window::Minute, at(61)).await, [(at(0), 3), (at(59), 5), (at(60), 6)]);
    assert_eq!(series(Window::Minute, at(59)).await, [(at(0), 3)]);
    assert_eq!(series(Window::Hour, at(61)).await, [(at(0), 8), (at(60), 6)]);
    assert_eq!(series(Window::Day, at(61)).await, [(at(0), 14)]);
    let mut since = store.since(at(59)).await.unwrap();
    since.sort_by_key(|(tenant, _)| *tenant);
    assert_eq!(
        since.iter().map(|(id, sum)| (*id, sum.get(Figure::Requests))).collect::<Vec<_>>(),
        [(one, 11)]
    );
    assert_eq!(since[0].1.latency()[CLASSES - 1], 3);
    store.close();
}

#[tokio::test]
async fn an_erased_tenant_leaves_nothing_and_takes_nothing_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(directory.path(), DAY_ONE);
    let (one, other) = (TenantId::new(Timestamp(1)), TenantId::new(Timestamp(2)));
    for minute in 0..130 {
        let at = Timestamp(DAY_ONE + minute * MINUTE);
        store.add(at, vec![(one, some(1)), (other, some(1))]).await.unwrap();
    }
    assert_eq!(store.count(one).await.unwrap(), 130 + 3 + 1);
    assert_eq!(store.erase(one).await.unwrap(), 134);
    assert_eq!((store.count(one).await.unwrap(), store.count(other).await.unwrap()), (0, 134));
    store.close();
    let needle = one.to_string();
    for name in ["telemetry.db", "telemetry.db-wal"] {
        let bytes = std::fs::read(directory.path().join(name)).unwrap_or_default();
        assert!(!bytes.windows(needle.len()).any(|window| window == needle.as_bytes()), "in {name}");
    }
}

#[tokio::test]
async fn minutes_hours_and_days_are_kept_for_as_long_as_is_said() {
    let directory = tempfile::tempdir().unwrap();
    let store = open_in(directory.path(), DAY_ONE);
    let tenant = TenantId::new(Timestamp(1));
    let ago = |days: i64| Timestamp(DAY_ONE - days * DAY);
    for days in [29, 31, 399, 401, 2_000] {
        store.add(ago(days), vec![(tenant, some(1))]).await.unwrap();
    }
    store.sweep(30).await.unwrap();
    let left = async |window: Window, days: i64| {
        store.series(tenant, window, ago(days), ago(days - 1)).await.unwrap().len()
    };
    assert_eq!((left(Window::Minute, 29).await, left(Window::Minute, 31).await), (1, 0));
    assert_eq!((left(Window::Hour, 399).await, left(Window::Hour, 401).await), (1, 0));
    assert_eq!((left(Window::Day, 401).await, left(Window::Day, 2_000).await), (1, 0));
    store.close();
}

#[tokio::test]
async fn a_file_that_is_missing_damaged_or_of_another_kind_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("telemetry.db");
    let tenant = TenantId::new(Timestamp(1));
    let keeps = async |store: &Store| {
        store.add(Timestamp(DAY_ONE), vec![(tenant, some(1))]).await.unwrap();
        assert_eq!(store.count(tenant).await.unwrap(), 3);
        store.close();
    };
    keeps(&open_in(directory.path(), DAY_ONE)).await;
    let kept = open_in(directory.path(), DAY_ONE);
    assert_eq!(kept.count(tenant).await.unwrap(), 3);
    kept.close();
    drop(kept);
    for damage in [Vec::new(), vec![7; 100_000], std::fs::read(&path).unwrap()[..5_000].to_vec()] {
        std::fs::write(&path, damage).unwrap();
        keeps(&open_in(directory.path(), DAY_ONE)).await;
    }
    std::fs::remove_file(&path).unwrap();
    keeps(&open_in(directory.path(), DAY_ONE)).await;
}
