//! Settings of Stripe: what must go together.

use super::{Config, ConfigError, Secret};

impl Config {
    /// The secret key, unless it is empty.
    pub fn stripe_key(&self) -> Option<&Secret> {
        self.stripe_secret_key.as_ref().filter(|key| !key.expose().is_empty())
    }

    /// The webhook secrets without empty ones: with an empty one anybody could sign.
    pub fn stripe_endpoint_secrets(&self) -> Vec<Secret> {
        self.stripe_webhook_secrets.iter().filter(|secret| !secret.expose().is_empty()).cloned().collect()
    }

    /// Whether events and objects have to be of live mode.
    pub fn is_stripe_live(&self) -> bool {
        self.stripe_livemode.or(self.stripe_key().and_then(mode_of)).unwrap_or(false)
    }

    pub(super) fn check_stripe(&self) -> Result<(), ConfigError> {
        let fault = |text: String| Err(ConfigError(text));
        for secret in self.stripe_key().into_iter().chain(&self.stripe_webhook_secrets) {
            if secret.expose().chars().any(|c| !c.is_ascii_graphic()) {
                return fault(
                    "stripe_secret_key, stripe_webhook_secrets: a secret holds a blank, a line break or another letter \
                     than Stripe's do"
                        .to_owned(),
                );
            }
        }
        if let (Some(live), Some(of_key)) = (self.stripe_livemode, self.stripe_key().and_then(mode_of))
            && live != of_key
        {
            let mode = if of_key { "live" } else { "test" };
            return fault(format!("stripe_livemode = {live}, but stripe_secret_key is of {mode} mode"));
        }
        let base = &self.stripe_api_base;
        let host = base.strip_prefix("http://").map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        match host {
            _ if base.contains('@') => fault(format!("stripe_api_base = {base}: must name no user")),
            None if base.starts_with("https://") => Ok(()),
            Some("localhost" | "127.0.0.1" | "[") => Ok(()),
            _ => fault(format!(
                "stripe_api_base = {base}: must begin with https://, or with http:// on this machine: the secret key goes there"
            )),
        }
    }
}

/// Live or test, as the key's own letters say; nothing where they say neither.
fn mode_of(key: &Secret) -> Option<bool> {
    let (kind, rest) = key.expose().split_once('_')?;
    match rest.split_once('_')?.0 {
        "live" if matches!(kind, "sk" | "rk") => Some(true),
        "test" if matches!(kind, "sk" | "rk") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Partial;
    use super::super::text::FromText as _;
    use super::*;

    fn config(change: impl FnOnce(&mut Partial)) -> Config {
        let mut settings = Partial {
            stripe_secret_key: Some(Some(Secret::from_text("sk_test_otter").unwrap())),
            ..Partial::default()
        };
        change(&mut settings);
        Config::merge(settings, Partial::default(), Partial::default())
    }

    #[test]
    fn the_mode_is_what_the_key_says_and_nothing_may_say_otherwise() {
        assert!(!config(|_| {}).is_stripe_live());
        let live = |all: &mut Partial| {
            all.stripe_secret_key = Some(Some(Secret::from_text("rk_live_otter").unwrap()));
        };
        assert!(config(live).is_stripe_live());
        let told =
            config(|all| all.stripe_livemode = Some(Some(true))).check_stripe().unwrap_err().to_string();
        assert!(told.contains("stripe_livemode") && !told.contains("otter"), "{told}");
        let other = |all: &mut Partial| {
            all.stripe_secret_key = Some(Some(Secret::from_text("something").unwrap()));
            all.stripe_livemode = Some(Some(true));
        };
        assert!(config(other).is_stripe_live() && config(other).check_stripe().is_ok());
    }

    #[test]
    fn an_empty_secret_is_none() {
        let config = config(|all| {
            all.stripe_secret_key = Some(Some(Secret::from_text("").unwrap()));
            all.stripe_webhook_secrets = Some(Vec::from_text("whsec_1, ,whsec_2").unwrap());
        });
        assert!(config.stripe_key().is_none() && config.check_stripe().is_ok());
        let secrets = config.stripe_endpoint_secrets();
        assert_eq!(secrets.iter().map(Secret::expose).collect::<Vec<_>>(), ["whsec_1", "whsec_2"]);
        let shown = format!("{config:?} {}", serde_json::to_string(&config.describe()).unwrap());
        assert!(!shown.contains("whsec_1") && shown.contains("(set)"), "{shown}");
    }

    #[test]
    fn the_key_goes_nowhere_in_the_clear() {
        let check =
            |base: &str| config(|all| all.stripe_api_base = Some(base.to_owned())).check_stripe().is_ok();
        assert!(
            check("https://api.stripe.com") && check("http://127.0.0.1:12111") && check("http://[::1]:1")
        );
        for wrong in ["http://api.stripe.com", "http://127.0.0.1.example.com", "api.stripe.com", ""] {
            assert!(!check(wrong), "{wrong}");
        }
        let spaced = |all: &mut Partial| {
            all.stripe_webhook_secrets = Some(Vec::from_text("whsec otter").unwrap());
        };
        let told = config(spaced).check_stripe().unwrap_err().to_string();
        assert!(!told.contains("otter"), "{told}");
    }
}
