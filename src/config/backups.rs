//! Settings of backups: where they are kept, and what must go together.

use super::{Config, ConfigError, Secret};
use url::{Host, Url};

/// A bucket of a service that speaks as S3 does.
#[derive(Clone, Debug)]
pub struct Bucket<'c> {
    /// Its name.
    pub name: &'c str,
    /// Where the service is reached; that of Amazon in the region where nothing is said.
    pub endpoint: Option<&'c str>,
    /// Its region.
    pub region: &'c str,
    /// What the names of our objects begin with.
    pub prefix: &'c str,
    /// The name of the key.
    pub access_key_id: &'c Secret,
    /// The key.
    pub secret_access_key: &'c Secret,
}

impl Config {
    /// The bucket that backups go to, where one is set.
    pub fn backup_bucket(&self) -> Option<Bucket<'_>> {
        Some(Bucket {
            name: self.backup_bucket.as_deref()?,
            endpoint: self.backup_endpoint.as_deref(),
            region: &self.backup_region,
            prefix: self.backup_prefix.as_deref().unwrap_or_default().trim_matches('/'),
            access_key_id: self.backup_access_key_id.as_ref()?,
            secret_access_key: self.backup_secret_access_key.as_ref()?,
        })
    }

    pub(super) fn check_backups(&self) -> Result<(), ConfigError> {
        let fault = |text: &str| Err(ConfigError(text.to_owned()));
        let keys = [
            ("backup_access_key_id", self.backup_access_key_id.as_ref()),
            ("backup_secret_access_key", self.backup_secret_access_key.as_ref()),
        ];
        let Some(bucket) = &self.backup_bucket else {
            let lonely = [
                ("backup_endpoint", self.backup_endpoint.is_some()),
                ("backup_prefix", self.backup_prefix.is_some()),
                (keys[0].0, keys[0].1.is_some()),
                (keys[1].0, keys[1].1.is_some()),
            ];
            return match lonely.iter().find(|(_, is_set)| *is_set) {
                Some((name, _)) => {
                    fault(&format!("{name} is set, but backup_bucket is not: say which bucket"))
                }
                None => Ok(()),
            };
        };
        if self.backup_directory.is_some() {
            return fault("backup_directory and backup_bucket are both set: backups go to one of them");
        }
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
        if !(3..=63).contains(&bucket.len()) || !plain(bucket) || bucket.contains("..") {
            return fault(&format!(
                "backup_bucket = {bucket}: must be the name of a bucket, 3 to 63 of a-z 0-9 - ."
            ));
        }
        if self.backup_region.is_empty() || !plain(&self.backup_region) {
            return fault("backup_region: must be the name of a region, like eu-central-1");
        }
        let prefix = self.backup_prefix.as_deref().unwrap_or_default().trim_matches('/');
        let is_sound = |part: &str| !matches!(part, "" | "." | "..") && plain(part);
        if !prefix.is_empty() && !prefix.split('/').all(is_sound) {
            return fault("backup_prefix: must be made of a-z 0-9 - . _ and of / between");
        }
        for (name, key) in keys {
            let Some(key) = key else {
                return fault(&format!("backup_bucket is set, but {name} is not: best in the environment"));
            };
            if key.expose().is_empty() || key.expose().chars().any(|c| !c.is_ascii_graphic()) {
                return fault(&format!("{name}: must not be empty nor hold blanks"));
            }
        }
        match &self.backup_endpoint {
            Some(endpoint) => check_endpoint(endpoint),
            None => Ok(()),
        }
    }
}

/// What everybody's data goes to is spoken with in secret, or is on this machine.
fn check_endpoint(endpoint: &str) -> Result<(), ConfigError> {
    let is_sound = |url: &Url| match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    };
    if !endpoint.contains(['@', '?', '#']) && Url::parse(endpoint).is_ok_and(|url| is_sound(&url)) {
        return Ok(());
    }
    Err(ConfigError(format!(
        "backup_endpoint = {endpoint}: must begin with https://, or with http:// on this machine, and name no user"
    )))
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Partial};

    fn check(file: &str) -> Result<(), String> {
        let file: Partial = toml::from_str(file).unwrap();
        let config = Config::merge(Partial::default(), Partial::default(), file);
        config.check_backups().map_err(|error| error.to_string())
    }

    #[test]
    fn what_does_not_go_together_is_named_and_no_key_is_told() {
        let whole = "backup_bucket = 'acme'\nbackup_access_key_id = 'id-1234'\nbackup_secret_access_key = 'key-1234'\n";
        assert_eq!(check(""), Ok(()));
        assert_eq!(check(whole), Ok(()));
        for sound in
            ["http://127.0.0.1:9000", "http://localhost", "http://[::1]:9000/s3", "https://s3.example.com"]
        {
            let more = format!("backup_endpoint = '{sound}'\nbackup_prefix = '/a/b/'");
            assert_eq!(check(&format!("{whole}{more}")), Ok(()), "{sound}");
        }
        for (more, named) in [
            ("backup_endpoint = 'http://example.com'", "backup_endpoint"),
            ("backup_endpoint = 'https://me@example.com'", "backup_endpoint"),
            ("backup_endpoint = 'ftp://example.com'", "backup_endpoint"),
            ("backup_endpoint = 'http://[::ffff:203.0.113.7]:9000'", "backup_endpoint"),
            ("backup_endpoint = 'http://[2001:db8::1]:9000'", "backup_endpoint"),
            ("backup_endpoint = 'http://127.0.0.1.example.com'", "backup_endpoint"),
            ("backup_endpoint = 'https://'", "backup_endpoint"),
            ("backup_directory = '/x'", "backup_directory"),
            ("backup_prefix = 'a/../b'", "backup_prefix"),
            ("backup_region = ''", "backup_region"),
        ] {
            let said = check(&format!("{whole}{more}")).unwrap_err();
            assert!(said.contains(named) && !said.contains("1234"), "{more}: {said}");
        }
        assert!(check("backup_prefix = 'x'").unwrap_err().contains("backup_bucket"));
        assert!(check("backup_bucket = 'acme'").unwrap_err().contains("backup_access_key_id"));
        assert!(check(&whole.replace("'acme'", "'a/b'")).unwrap_err().contains("backup_bucket"));
    }
}
