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

/// Whoever has a /48 has 65,536 networks to guess from.
#[test]
fn all_networks_of_a_48_have_eight_times_the_tries_of_one() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    let throttle = Throttle::new(Arc::clone(&clock) as SharedClock);
    let guesses = |block: u32| {
        let try_from = |number: u32| {
            let address = format!("2001:db8:{block:x}:{number:x}::1");
            throttle.before_try("ann@example.com", From::Network(&address)).is_ok()
        };
        (0..1_000).filter(|number| try_from(*number)).count()
    };
    assert_eq!((guesses(1), guesses(2)), (160, 160));
    clock.advance(MINUTE);
    assert_eq!(guesses(1), 160);
    // One that was right is none.
    throttle.succeeded("ann@example.com", From::Network("2001:db8:1:5::1"));
    assert!(throttle.before_try("ann@example.com", From::Network("2001:db8:1:ffff::1")).is_ok());
    assert!(throttle.before_code("2001:db8:1:fffe::1").is_err());
}

#[test]
fn the_log_hears_of_a_network_that_is_refused_a_few_times_a_minute() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    let throttle = Throttle::new(Arc::clone(&clock) as SharedClock);
    let told = |address: &str| (0..1_000).filter(|_| throttle.may_tell(address)).count();
    assert_eq!((told("192.0.2.1"), told("192.0.2.2")), (5, 5));
    clock.advance(MINUTE);
    assert_eq!(told("192.0.2.1"), 5);
}

#[test]
fn a_tenant_asks_for_ten_payment_pages_a_minute_and_a_session_for_twenty_refreshes() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000_000)));
    let throttle = Throttle::new(Arc::clone(&clock) as SharedClock);
    let [one, other] = [1, 2].map(|at| TenantId::new(Timestamp(at)));
    let pages = |tenant| (0..30).filter(|_| throttle.before_payment_page(tenant).is_ok()).count();
    assert_eq!((pages(one), pages(other)), (10, 10));
    let refused = throttle.before_payment_page(one).unwrap_err();
    assert_eq!((refused.code(), refused.retry_after_s()), ("too_many_payment_pages", Some(60)));
    let [one_session, other_session] = [1, 2].map(|at| SessionId::new(Timestamp(at)));
    let quiet = |session| (0..50).filter(|_| throttle.is_quiet_refresh(session)).count();
    assert_eq!((quiet(one_session), quiet(other_session)), (20, 20));
    clock.advance(MINUTE);
    assert_eq!((pages(one), quiet(one_session)), (10, 20));
}
