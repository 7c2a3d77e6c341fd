//! The only place that reads randomness. All of it comes from the operating system.

use std::cell::RefCell;

/// `N` random bytes.
///
/// # Panics
/// When the operating system gives no randomness: nothing safe can be done without it.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    #[expect(clippy::disallowed_methods, reason = "this is the one place")]
    #[expect(clippy::expect_used, reason = "no secret may be made without randomness")]
    getrandom::fill(&mut buffer).expect("the operating system gives no randomness");
    buffer
}

/// `N` random bytes for ids, which need to be unlike any other but are no secrets: taken from a supply that each thread
/// keeps, as asking the operating system for every request costs more than finding a record.
///
/// # Panics
/// As [`bytes`], and for more than a supply at once.
pub fn id_bytes<const N: usize>() -> [u8; N] {
    const { assert!(N <= SUPPLY) };
    thread_local!(static LEFT: RefCell<Supply> = const { RefCell::new(Supply { bytes: [0; SUPPLY], used: SUPPLY }) });
    LEFT.with_borrow_mut(|supply| {
        if SUPPLY - supply.used < N {
            *supply = Supply { bytes: bytes(), used: 0 };
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&supply.bytes[supply.used..supply.used + N]);
        supply.used += N;
        taken
    })
}

const SUPPLY: usize = 1_000;

struct Supply {
    bytes: [u8; SUPPLY],
    used: usize,
}

/// 256 random bits in base64url without padding: a secret that may stand in a link or header.
pub fn secret() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes::<32>())
}
