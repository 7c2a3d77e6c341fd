use super::*;
use crate::clock::ManualClock;
use std::sync::Arc;

#[test]
fn waits_grow_and_end_and_one_account_does_not_hold_up_another_network() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    let throttle = Throttle::new(Arc::clone(&clock) as SharedClock);
    for _ in 0..5 {
        throttle.before_try("ann@example.com", From::Network("192.0.2.1")).unwrap();
    }
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.1")).is_err());
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.2")).is_ok());
    clock.advance(SECOND);
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.1")).is_ok());
    clock.advance(SECOND);
    assert_eq!(
        throttle.before_try("ann@example.com", From::Network("192.0.2.1")).unwrap_err().retry_after_s(),
        Some(1)
    );
    clock.advance(16 * MINUTE);
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.1")).is_ok());
}

#[test]
fn who_is_known_has_a_count_of_their_own() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    let throttle = Throttle::new(Arc::clone(&clock) as SharedClock);
    let (known, other) = (From::Known("a"), From::Known("b"));
    // However many fail, from the same network too.
    for number in 0..40 {
        let _ = throttle.before_try("ann@example.com", From::Network("192.0.2.1"));
        let _ = throttle.before_try(&format!("{number}@example.com"), From::Network("192.0.2.1"));
    }
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.1")).is_err());
    for _ in 0..5 {
        assert!(throttle.before_try("ann@example.com", known).is_ok());
    }
    assert!(throttle.before_try("ann@example.com", known).is_err(), "five tries are free, no more");
    assert!(throttle.before_try("ann@example.com", other).is_ok());
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.2")).is_ok());
    clock.advance(SECOND);
    assert!(throttle.before_try("ann@example.com", known).is_ok());
    throttle.succeeded("ann@example.com", known);
    assert!(throttle.before_try("ann@example.com", From::Network("192.0.2.1")).is_err(), "others still wait");
}

#[test]
fn a_household_of_ipv6_counts_as_one() {
    assert_eq!(network_of("2001:db8:1:2:3::1"), network_of("2001:db8:1:2:4::9"));
    assert_ne!(network_of("2001:db8:1:2::1"), network_of("2001:db8:1:3::1"));
    assert_eq!(network_of("::ffff:192.0.2.1"), network_of("192.0.2.1"));
}
