//! Settings of the mail server: their types, and what must go together.

use super::text::FromText;
use super::{Config, ConfigError};
use lettre::message::Mailbox;
use std::net::IpAddr;

/// How the connection to the mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// TLS from the first byte.
    Tls,
    /// In the clear until both go over to TLS; without that nothing is sent.
    Starttls,
    /// Not at all: for a server on this machine or in a network of one's own.
    None,
}

/// A setting that is never shown: neither in Debug output nor as JSON.
#[derive(Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// What it is.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl serde::Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("(set)")
    }
}

impl FromText for Secret {
    fn from_text(text: &str) -> Result<Self, String> {
        Ok(Secret(text.to_owned()))
    }
}

impl FromText for SmtpSecurity {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "tls" => Ok(SmtpSecurity::Tls),
            "starttls" => Ok(SmtpSecurity::Starttls),
            "none" => Ok(SmtpSecurity::None),
            _ => Err("must be tls, starttls or none".to_owned()),
        }
    }
}

impl Config {
    /// The port of the mail server: the usual one, unless another is set.
    pub fn smtp_port(&self) -> u16 {
        self.smtp_port.unwrap_or(match self.smtp_security {
            SmtpSecurity::Tls => 465,
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::None => 25,
        })
    }

    pub(super) fn check_mail(&self) -> Result<(), ConfigError> {
        let fault = |text: String| Err(ConfigError(text));
        if let Some(from) = &self.mail_from
            && from.parse::<Mailbox>().is_err()
        {
            return fault(format!(
                "mail_from = {from}: must be an address, or a name and an address like \
                 \"Example <no-reply@example.com>\""
            ));
        }
        let Some(host) = &self.smtp_host else {
            let lonely = [
                ("smtp_port", self.smtp_port.is_some()),
                ("smtp_user", self.smtp_user.is_some()),
                ("smtp_password", self.smtp_password.is_some()),
            ];
            return match lonely.iter().find(|(_, is_set)| *is_set) {
                Some((name, _)) => {
                    fault(format!("{name} is set, but smtp_host is not: say which mail server"))
                }
                None => Ok(()),
            };
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || c.is_control() || c == '/') {
            return fault(format!("smtp_host = {host}: must be the name or the address of a mail server"));
        }
        for (name, why, value) in [
            ("mail_from", "letters need a sender", &self.mail_from),
            ("public_url", "links in letters lead there", &self.public_url),
        ] {
            if value.is_none() {
                return fault(format!("smtp_host is set, but {name} is not: {why}"));
            }
        }
        if self.smtp_user.is_some() != self.smtp_password.is_some() {
            return fault("smtp_user and smtp_password are set together, or neither".to_owned());
        }
        let is_local =
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if self.smtp_security == SmtpSecurity::None && self.smtp_user.is_some() && !is_local {
            return fault(
                "smtp_security = none: the password of smtp_user would travel in the clear. Say tls or starttls."
                    .to_owned(),
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Partial;
    use super::*;

    fn check(change: impl FnOnce(&mut Partial)) -> Result<(), String> {
        let mut settings = Partial {
            smtp_host: Some(Some("smtp.example.com".to_owned())),
            smtp_user: Some(Some("robin".to_owned())),
            smtp_password: Some(Some(Secret("otter juggles".to_owned()))),
            mail_from: Some(Some("Example <no-reply@example.com>".to_owned())),
            public_url: Some(Some("https://app.example.com".to_owned())),
            ..Partial::default()
        };
        change(&mut settings);
        Config::merge(settings, Partial::default(), Partial::default())
            .check_mail()
            .map_err(|error| error.to_string())
    }

    #[test]
    fn settings_of_mail_that_do_not_go_together_are_refused_by_name() {
        assert_eq!(check(|_| {}), Ok(()));
        let refused = |change: fn(&mut Partial), name: &str| {
            let error = check(change).unwrap_err();
            assert!(error.contains(name) && !error.contains("otter"), "{name}: {error}");
        };
        refused(|all| all.mail_from = None, "mail_from");
        refused(|all| all.mail_from = Some(Some("nobody".to_owned())), "mail_from = nobody");
        refused(|all| all.public_url = None, "public_url");
        refused(|all| all.smtp_password = None, "smtp_password");
        refused(|all| all.smtp_user = None, "smtp_user");
        refused(|all| all.smtp_host = None, "smtp_host");
        refused(|all| all.smtp_host = Some(Some("smtp://x".to_owned())), "smtp_host = smtp://x");
        refused(|all| all.smtp_security = Some(SmtpSecurity::None), "smtp_security");
        let local = |all: &mut Partial| {
            all.smtp_security = Some(SmtpSecurity::None);
            all.smtp_host = Some(Some("127.0.0.1".to_owned()));
        };
        assert_eq!(check(local), Ok(()));
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret("otter juggles".to_owned());
        let shown = format!("{secret:?} {}", serde_json::json!(secret));
        assert!(!shown.contains("otter"), "{shown}");
        let settings = Partial { smtp_password: Some(Some(secret)), ..Partial::default() };
        let config = Config::merge(settings, Partial::default(), Partial::default());
        let shown = format!("{config:?} {}", serde_json::to_string(&config.describe()).unwrap());
        assert!(!shown.contains("otter"), "{shown}");
    }
}
