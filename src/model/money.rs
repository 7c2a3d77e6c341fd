//! Amounts of money and the currencies they are in.

use super::plan::Decimal;
use std::fmt;

/// Millionths of a minor unit that make one.
pub const MICROS: i64 = 1_000_000;

/// An amount in millionths of a minor unit: of a cent, of a yen, of a fils. Prices are that fine; what is invoiced is
/// rounded to whole minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i64);

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);
    /// The most that one price may be: a billion minor units. Bounds what rating has to multiply.
    pub const MOST: Amount = Amount(1_000_000_000 * MICROS);

    /// The amount of that many minor units, with at most six digits after the point, up to [`Amount::MOST`].
    pub fn parse(minor: &str) -> Option<Amount> {
        let amount = Decimal::parse(minor, 6)?.scaled(6).map(Amount)?;
        (amount <= Amount::MOST).then_some(amount)
    }
}

/// In minor units, as [`Amount::parse`] reads it.
impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.0 / MICROS, self.0 % MICROS);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let sign = if self.0 < 0 && whole == 0 { "-" } else { "" };
        write!(f, "{sign}{whole}.{}", format!("{:06}", fraction.abs()).trim_end_matches('0'))
    }
}

/// A currency of ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Currency(&'static str);

/// Currencies without minor units.
const WITHOUT: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
/// Currencies with a thousand minor units to one.
const THOUSAND: &str = "BHD IQD JOD KWD LYD OMR TND";
/// Currencies with a hundred.
const HUNDRED: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
     CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR \
     ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
     NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC \
     SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW ZWG";

impl Currency {
    /// US dollars: what a plan is in that says nothing else.
    pub const USD: Currency = Currency("USD");

    /// The currency of that code, in capitals.
    pub fn parse(code: &str) -> Option<Currency> {
        let mut known = [HUNDRED, WITHOUT, THOUSAND].into_iter().flat_map(str::split_ascii_whitespace);
        known.find(|known| *known == code).map(Currency)
    }

    /// Its code.
    pub fn code(self) -> &'static str {
        self.0
    }

    /// How many digits its minor units are: two of a dollar, none of a yen, three of a Kuwaiti dinar.
    pub fn digits(self) -> u32 {
        let among = |list: &str| list.split_ascii_whitespace().any(|code| code == self.0);
        if among(WITHOUT) {
            0
        } else if among(THOUSAND) {
            3
        } else {
            2
        }
    }

    /// An amount in minor units as people write it: `49.00 USD`, `4900 JPY`, `4.900 KWD`.
    pub fn write(self, minor: i64) -> String {
        let digits = self.digits() as usize;
        let text = format!("{:0>width$}", minor.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        let (sign, point) = (if minor < 0 { "-" } else { "" }, if digits == 0 { "" } else { "." });
        format!("{sign}{whole}{point}{fraction} {}", self.0)
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_with_the_digits_of_their_currency() {
        for (code, minor, text) in [
            ("USD", 4_900, "49.00 USD"),
            ("USD", 5, "0.05 USD"),
            ("USD", -5, "-0.05 USD"),
            ("JPY", 4_900, "4900 JPY"),
            ("JPY", 0, "0 JPY"),
            ("KWD", 4_900, "4.900 KWD"),
            ("KWD", -1, "-0.001 KWD"),
        ] {
            assert_eq!(Currency::parse(code).unwrap().write(minor), text);
        }
        for code in ["usd", "US", "XXX", "", "USD EUR", "BTC"] {
            assert_eq!(Currency::parse(code), None, "{code}");
        }
    }

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, micros) in [("0.002", 2_000), ("500", 500_000_000), ("0.000001", 1), ("1.5", 1_500_000)] {
            assert_eq!(Amount::parse(text), Some(Amount(micros)));
            assert_eq!(Amount(micros).to_string(), text);
        }
        assert_eq!(Amount(-500_000).to_string(), "-0.5");
        for text in ["0.0000001", "1000000001", "-1", "1e2"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }
}
