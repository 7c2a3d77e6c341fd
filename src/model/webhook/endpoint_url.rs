//! Where webhooks are sent: URLs that a tenant wrote, in one spelling, and addresses that they may lead to.

use crate::error::FieldError;
use crate::model::network::{Network, is_open};
use core::net::IpAddr;
use url::{Host, Url};

/// Longest URL, in bytes as it was written.
pub const LONGEST_URL: usize = 2_000;
/// Ports below are those of well-known services; of them only that of the scheme is called.
const FIRST_PORT: u16 = 1_024;

/// What the operator allows beyond https to the open internet.
#[derive(Clone, Debug, Default)]
pub struct OutgoingRules {
    /// Whether http may be called.
    pub allow_http: bool,
    /// Networks that may be called though they are not the open internet.
    pub networks: Vec<Network>,
}

impl OutgoingRules {
    /// Whether an address may be called.
    pub fn admit(&self, address: IpAddr) -> bool {
        is_open(address) || self.networks.iter().any(|network| network.contains(address))
    }
}

/// A URL that may be called as far as it says so itself: whereto its name leads is looked up as it is called. The host is
/// spelled in one way: an IPv4 address in decimal, a name in lower case and in ASCII (punycode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointUrl(String);

impl EndpointUrl {
    /// Reads one.
    ///
    /// # Errors
    /// The field `url`, and what is wrong with it.
    pub fn parse(text: &str, rules: &OutgoingRules) -> Result<EndpointUrl, FieldError> {
        let fault = |code: &'static str, message: &str| Err(FieldError::new("url", code, message));
        if text.len() > LONGEST_URL {
            return fault("too_long", "must have at most 2000 bytes");
        }
        // A parser of URLs leaves some of these out, others take them for a part of it.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return fault("bad_url", "must be a URL without blanks, control characters and backslashes");
        }
        let Ok(mut url) = Url::parse(text) else {
            return fault("bad_url", "must be a URL like https://example.com/hooks");
        };
        match url.scheme() {
            "https" => {}
            "http" if rules.allow_http => {}
            _ => return fault("not_https", "must begin with https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return fault("credentials", "must have no user name and password: check the signature instead");
        }
        let address = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(name)) if is_name(name) => None,
            _ => return fault("bad_host", "must name a host by letters, digits, points and hyphens"),
        };
        if address.is_some_and(|address| !rules.admit(address)) {
            return fault(
                "address_not_allowed",
                "must lead into the open internet, and this address does not",
            );
        }
        if url.port().is_some_and(|port| port < FIRST_PORT) {
            return fault("port_not_allowed", "must use the usual port, or one from 1024 on");
        }
        url.set_fragment(None);
        Ok(EndpointUrl(url.into()))
    }

    /// One that was read before. What rules say now counts when it is called.
    pub fn kept(text: &str) -> EndpointUrl {
        EndpointUrl(text.to_owned())
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let read = EndpointUrl::parse(text, &OutgoingRules::default());
        read.map(|url| url.as_str().to_owned()).map_err(|fault| fault.code.into_owned())
    }

    #[test]
    fn addresses_that_are_not_the_open_internet_are_refused_in_every_spelling() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "①②⑦.0.0.1",
            "0",
            "0.0.0.0",
            "10.1",
            "192.168.257",
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "100.64.0.1",
            "224.0.0.1",
            "[::1]",
            "[::]",
            "[::127.0.0.1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:ffff:a9fe:a9fe]",
            "[64:ff9b::169.254.169.254]",
            "[2002:7f00:1::]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[2001:0:4136:e378:8000:63bf:3fff:fdd2]",
        ] {
            assert_eq!(read(&format!("https://{host}/")), Err("address_not_allowed".to_owned()), "{host}");
        }
        for (text, code) in [
            ("https://[fe80::1%25eth0]/", "bad_url"),
            ("https://[::1%lo]/", "bad_url"),
            ("https://256.256.256.256/", "bad_url"),
            ("https://1.2.3.4.5/", "bad_url"),
            ("https://0x.example/%0a\n", "bad_url"),
            ("https:\\\\example.com\\", "bad_url"),
            ("https://exa mple.com/", "bad_url"),
            ("http://example.com/", "not_https"),
            ("ftp://example.com/", "not_https"),
            ("file:///etc/passwd", "not_https"),
            ("gopher://example.com/", "not_https"),
            ("//example.com/", "bad_url"),
            ("https://user@example.com/", "credentials"),
            ("https://user:word@example.com/", "credentials"),
            ("https://:word@example.com/", "credentials"),
            ("https://example.com:22/", "port_not_allowed"),
            ("https://example.com:80/", "port_not_allowed"),
            ("https://example.com:0/", "port_not_allowed"),
            ("https://exa$mple.com/", "bad_host"),
            ("https://a..example/", "bad_host"),
            ("https://", "bad_url"),
            ("", "bad_url"),
        ] {
            assert_eq!(read(text), Err(code.to_owned()), "{text}");
        }
        assert_eq!(read(&format!("https://example.com/{}", "x".repeat(2_000))), Err("too_long".to_owned()));
    }

    #[test]
    fn what_may_be_called_is_spelled_in_one_way() {
        for (text, url) in [
            ("https://Example.COM", "https://example.com/"),
            ("https://example.com:443/a?b=c#d", "https://example.com/a?b=c"),
            ("https://example.com:8443/", "https://example.com:8443/"),
            ("https://bücher.example/", "https://xn--bcher-kva.example/"),
            ("https://0x08080808/", "https://8.8.8.8/"),
            ("https://[2606:4700:4700:0::1111]/", "https://[2606:4700:4700::1111]/"),
            ("https://example.com./", "https://example.com./"),
            ("https://localhost/", "https://localhost/"),
        ] {
            assert_eq!(read(text), Ok(url.to_owned()), "{text}");
        }
    }

    #[test]
    fn the_operator_opens_networks_and_http() {
        let networks = ["10.0.0.0/8", "::1"].map(|text| text.parse().unwrap()).to_vec();
        let rules = OutgoingRules { allow_http: true, networks };
        for text in
            ["http://10.1.2.3:8080/", "https://[::1]/", "http://example.com/", "https://[::ffff:10.0.0.1]/"]
        {
            assert!(EndpointUrl::parse(text, &rules).is_ok(), "{text}");
        }
        for text in ["https://127.0.0.1/", "https://192.168.0.1/", "ftp://10.0.0.1/"] {
            assert!(EndpointUrl::parse(text, &rules).is_err(), "{text}");
        }
    }
}
