//! Bytes as hex digits, both ways.

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `N` bytes out of hex, in either case; nothing for what is not `2 * N` digits.
pub fn bytes_of<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digits = hex.as_bytes();
    // A number may begin with a sign, a byte may not.
    if digits.len() != 2 * N || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        assert_eq!(hex(&[0, 0x0f, 0xa0, 0xff]), "000fa0ff");
        assert_eq!(bytes_of("000fA0ff"), Some([0, 0x0f, 0xa0, 0xff]));
        for wrong in ["000fa0f", "000fa0ff00", "000fa0fg", "+00fa0ff", "000fa0é"] {
            assert_eq!(bytes_of::<4>(wrong), None, "{wrong}");
        }
    }
}
