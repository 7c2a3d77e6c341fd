//! The header `Stripe-Signature`: `t=<seconds>,v1=<HMAC-SHA-256 in hex>[,v1=..]`, over `<t>.<body as it came>`.

use crate::clock::Timestamp;
use crate::model::hex::bytes_of;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq as _};

/// How far a signature's time may lie from ours, either way, in seconds.
const TOLERANCE: i64 = 300;
/// Signatures of one header that are looked at: a rotation has two.
const MOST: usize = 16;

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSignature {
    /// The header has no time, or no signature of a scheme that is known.
    Malformed,
    /// It was signed too long ago, or is of the future.
    OutOfTime,
    /// No secret of ours made any of the signatures.
    Unknown,
}

/// Checks the header of a body against all secrets: any of the signatures by any of the secrets will do. An empty secret
/// matches nothing. How long it takes says nothing of how much of a signature was right.
///
/// # Errors
/// What is wrong with it.
pub fn verify(header: &str, body: &[u8], secrets: &[&str], now: Timestamp) -> Result<(), BadSignature> {
    let (mut time, mut given) = (None, Vec::new());
    for (name, value) in header.split(',').filter_map(|part| part.trim().split_once('=')) {
        match name {
            "t" if time.is_none() => time = Some(value),
            "t" => return Err(BadSignature::Malformed),
            "v1" if given.len() < MOST => given.extend(bytes_of::<32>(value)),
            _ => {}
        }
    }
    let time = time.ok_or(BadSignature::Malformed)?;
    // A number with a sign or blanks is not what Stripe writes.
    let digits = time.len() <= 12 && time.bytes().all(|digit| digit.is_ascii_digit());
    let signed_at = time.parse::<i64>().ok().filter(|_| digits).ok_or(BadSignature::Malformed)?;
    if given.is_empty() {
        return Err(BadSignature::Malformed);
    }
    let mut matches = Choice::from(0);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        // HMAC takes keys of any length.
        let Ok(mut hmac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { continue };
        for part in [time.as_bytes(), b".", body] {
            hmac.update(part);
        }
        let made: [u8; 32] = hmac.finalize().into_bytes().into();
        given.iter().for_each(|one| matches |= made.ct_eq(one));
    }
    if !bool::from(matches) {
        return Err(BadSignature::Unknown);
    }
    // Last: whoever has no secret learns nothing of our clock.
    if (now.seconds() - signed_at).abs() > TOLERANCE {
        return Err(BadSignature::OutOfTime);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::hex::hex;

    const NOW: i64 = 1_700_000_000;

    fn sign(secret: &str, time: &str, body: &str) -> String {
        let mut hmac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        hmac.update(format!("{time}.{body}").as_bytes());
        hex(&hmac.finalize().into_bytes())
    }

    fn check(header: &str, secrets: &[&str]) -> Result<(), BadSignature> {
        verify(header, b"{}", secrets, Timestamp(NOW * 1_000 + 999))
    }

    #[test]
    fn a_signature_of_openssl_is_known() {
        // printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test
        let made = "35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";
        assert_eq!(sign("whsec_test", "1700000000", "{}"), made);
        assert_eq!(check(&format!("t=1700000000,v1={made}"), &["whsec_test"]), Ok(()));
    }

    #[test]
    fn any_signature_by_any_secret_will_do() {
        let (old, new) = (sign("old", "1700000000", "{}"), sign("new", "1700000000", "{}"));
        let zeros = "0".repeat(64);
        for header in [
            format!("t=1700000000,v1={new}"),
            format!("t=1700000000,v1={old},v1={new}"),
            format!("t=1700000000,v1={zeros},v1={new}"),
            format!("v1={new},t=1700000000"),
            format!("t=1700000000, v1={new}, v0={zeros}"),
            format!("t=1700000000,v2=what,v1={}", new.to_uppercase()),
        ] {
            assert_eq!(check(&header, &["other", "new"]), Ok(()), "{header}");
        }
        assert_eq!(check(&format!("t=1700000000,v1={old}"), &["old", "new"]), Ok(()));
    }

    #[test]
    fn what_is_not_signed_by_us_now_does_not_count() {
        use BadSignature as B;
        let good = sign("new", "1700000000", "{}");
        let v0 = format!("t=1700000000,v0={good}");
        let half = format!("t=1700000000,v1={}", &good[..32]);
        let other_body = format!("t=1700000000,v1={}", sign("new", "1700000000", "{ }"));
        let other_time = format!("t=1700000001,v1={good}");
        let of_empty = format!("t=1700000000,v1={}", sign("", "1700000000", "{}"));
        for (header, why) in [
            ("", B::Malformed),
            ("t=1700000000", B::Malformed),
            (&format!("v1={good}"), B::Malformed),
            (&v0, B::Malformed),
            (&half, B::Malformed),
            (&format!("t=soon,v1={good}"), B::Malformed),
            (&format!("t=+1700000000,v1={good}"), B::Malformed),
            (&format!("t=1700000000,t=1700000000,v1={good}"), B::Malformed),
            (&other_body, B::Unknown),
            (&other_time, B::Unknown),
            (&of_empty, B::Unknown),
        ] {
            assert_eq!(check(header, &["", "new"]), Err(why), "{header}");
        }
        assert_eq!(check(&format!("t=1700000000,v1={good}"), &[]), Err(B::Unknown));
        for (offset, expected) in
            [(-301, Err(B::OutOfTime)), (-300, Ok(())), (300, Ok(())), (301, Err(B::OutOfTime))]
        {
            let time = (NOW + offset).to_string();
            let header = format!("t={time},v1={}", sign("new", &time, "{}"));
            assert_eq!(check(&header, &["new"]), expected, "{offset}");
        }
    }
}
