//! How long changes are kept, and what a reader is told who comes too late.

use super::*;
use crate::error::Kind;

const SCHEMA: &str = "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);";

impl House {
    fn prune(&self, most: i64) -> i64 {
        let keep = self.keep;
        let write = self.database.write("prune", move |tx| prune(TenantTx::new(tx), &keep, most));
        self.runtime.block_on(write).unwrap()
    }

    fn gone(&self, since: i64) -> Option<Vec<(&'static str, i64)>> {
        let error = self.page(&self.query(Some(since))).err()?;
        assert_eq!((error.kind(), error.code()), (Kind::Gone, "changes_gone"));
        Some(error.members().iter().map(|(name, value)| (*name, value.as_i64().unwrap())).collect())
    }
}

#[test]
fn what_is_older_than_the_window_goes_in_small_steps_and_the_last_one_stays() {
    let house = House::new(SCHEMA);
    for _ in 0..5 {
        house.run(&["INSERT INTO notes (text) VALUES ('old')"]);
    }
    assert_eq!(house.prune(100), 0);
    house.clock.advance(31 * DAY);
    assert_eq!(house.prune(3), 3);
    assert_eq!(house.gone(2), Some(vec![("restart_from", 5), ("oldest_since", 3)]));
    assert_eq!(house.told(3), ["create notes/4", "create notes/5"]);
    assert_eq!(house.prune(100), 1);
    assert_eq!(house.prune(100), 0);
    assert_eq!(house.told(4), ["create notes/5"]);
    // Where nothing is said, reading begins with the oldest that is kept.
    assert_eq!(house.page(&house.query(None)).unwrap().items.len(), 1);
    house.run(&["INSERT INTO notes (text) VALUES ('new')"]);
    assert_eq!(house.last(), 6);
}

#[test]
fn a_tenant_keeps_so_many_bytes_and_writes_make_room_by_themselves() {
    let mut house = House::new(SCHEMA);
    house.keep.bytes = 20_000;
    for _ in 0..600 {
        house.run(&["INSERT INTO notes (text) VALUES ('some text that takes some bytes')"]);
    }
    let kept = house.page(&house.query(None)).unwrap().items.len();
    // Some 150 bytes each, and what comes between two sweeps.
    assert!((120..400).contains(&kept), "{kept}");
    assert_eq!(house.last(), 600);
}

#[test]
fn writes_of_many_changes_make_room_for_as_many() {
    let mut house = House::new(SCHEMA);
    house.keep.bytes = 20_000;
    for _ in 0..6 {
        house.run(&["WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
            INSERT INTO notes (text) SELECT 'some text that takes some bytes' FROM n"]);
    }
    let kept = house.page(&house.query(None)).unwrap().items.len();
    assert!((120..400).contains(&kept), "{kept}");
    assert_eq!(house.last(), 6_000);
}

#[test]
fn a_place_ahead_of_the_feed_is_refused() {
    let house = House::new(SCHEMA);
    assert_eq!(house.gone(0), None);
    assert_eq!(house.gone(1), Some(vec![("restart_from", 0), ("oldest_since", 0)]));
    house.run(&["INSERT INTO notes (text) VALUES ('x')"]);
    assert_eq!(house.gone(1), None);
    assert_eq!(house.gone(2), Some(vec![("restart_from", 1), ("oldest_since", 0)]));
}

#[test]
fn after_what_is_not_told_everyone_begins_anew_and_histories_stay() {
    let house = House::new(SCHEMA);
    house.run(&["INSERT INTO notes (text) VALUES ('x')"]);
    house.runtime.block_on(house.database.write("migrate", |tx| Ok(begin_anew(tx)?))).unwrap();
    assert_eq!(house.gone(1), Some(vec![("restart_from", 2), ("oldest_since", 2)]));
    house.run(&["UPDATE notes SET text = 'y'"]);
    assert_eq!(house.told(2), ["update notes/1"]);
    let notes = Arc::clone(house.schema.table("notes").unwrap());
    let key = crate::tenancy::tx::records::RecordKey::parse(&notes, "1").unwrap();
    let history =
        house.database.read_blocking(|tx| list_history(&TenantTx::new(tx), &notes, &key, None, 9)).unwrap();
    assert_eq!(history.iter().map(|change| change.seq).collect::<Vec<_>>(), [3, 1]);
    assert_eq!(house.clock.now(), NOW);
}
