//! The only place that reads randomness. All of it comes from the operating system.

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

/// 256 random bits in base64url without padding: a secret that may stand in a link or header.
pub fn secret() -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes::<32>())
}
