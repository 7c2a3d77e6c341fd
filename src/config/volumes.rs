//! Settings of volumes: other directories than the data directory that tenants may live on.

use super::text::FromText;
use super::{Config, ConfigError};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// Directories by the names of the volumes.
pub type Volumes = BTreeMap<String, PathBuf>;

/// The volume that is the data directory itself.
pub const DATA: &str = "data";
/// Characters of a name.
const LONGEST: usize = 40;

impl FromText for Volumes {
    fn from_text(text: &str) -> Result<Self, String> {
        let mut volumes = Volumes::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, path) = part.split_once('=').ok_or("must be name=/directory, several by comma")?;
            if volumes.insert(name.trim().to_owned(), PathBuf::from(path.trim())).is_some() {
                return Err(format!("{} is named twice", name.trim()));
            }
        }
        Ok(volumes)
    }
}

impl Config {
    pub(super) fn check_volumes(&self) -> Result<(), ConfigError> {
        let mut seen: Vec<&Path> = Vec::new();
        for (name, path) in &self.volumes {
            let wrong = |why: &str| Err(ConfigError(format!("volumes: {name} = {}: {why}", path.display())));
            let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || name.len() > LONGEST || !name.chars().all(is_word) {
                return wrong("the name must be of a-z, 0-9 and hyphens, at most 40");
            }
            if name == DATA {
                return wrong("data is what the data directory itself is called");
            }
            if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
                return wrong("must be a whole path, without ..");
            }
            if seen.iter().any(|other| path.starts_with(other) || other.starts_with(path)) {
                return wrong("lies in another volume, or another in it");
            }
            if path.starts_with(&self.data) || self.data.starts_with(path) {
                return wrong("lies in the data directory, or that in it");
            }
            seen.push(path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Partial;

    #[test]
    fn volumes_are_directories_of_their_own() {
        let check = |text: &str| {
            let volumes = Some(Volumes::from_text(text).unwrap());
            let partial = Partial { volumes, data: Some("/srv/data".into()), ..Partial::default() };
            Config::merge(partial, Partial::default(), Partial::default()).check()
        };
        assert!(check("fast=/mnt/fast, slow=/mnt/slow").is_ok());
        for wrong in [
            "data=/mnt/x",
            "Fast=/mnt/x",
            "=/mnt/x",
            "a=x",
            "a=/mnt/../etc",
            "a=/mnt/x,b=/mnt/x",
            "a=/mnt/x,b=/mnt/x/y",
            "a=/srv/data/x",
            "a=/srv",
        ] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
        assert!(Volumes::from_text("fast").is_err() && Volumes::from_text("a=/x,a=/y").is_err());
        let of_file: Partial = toml::from_str("volumes = { fast = \"/mnt/fast\" }").unwrap();
        assert_eq!(of_file.volumes, Some(Volumes::from_text("fast=/mnt/fast").unwrap()));
    }
}
