//! Settings as the environment spells them.

use super::{LogFormat, Secret};
use crate::model::network::Network;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// A value that can be written in the environment.
pub(super) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

macro_rules! from_text_by_parsing {
    ($($type:ty),*) => {$(
        impl FromText for $type {
            fn from_text(text: &str) -> Result<Self, String> {
                text.parse().map_err(|error| format!("{error}"))
            }
        }
    )*};
}
from_text_by_parsing!(PathBuf, SocketAddr, bool, String, u16, u32, u64, usize);

impl<T: FromText> FromText for Option<T> {
    fn from_text(text: &str) -> Result<Self, String> {
        T::from_text(text).map(Some)
    }
}

impl FromText for Vec<IpAddr> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| part.trim().parse().map_err(|error| format!("{error}"))).collect()
    }
}

impl FromText for Vec<Network> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| part.trim().parse()).collect()
    }
}

impl FromText for Vec<Secret> {
    fn from_text(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| Secret::from_text(part.trim())).collect()
    }
}

impl FromText for LogFormat {
    fn from_text(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            "json" => Ok(LogFormat::Json),
            _ => Err("must be text or json".to_owned()),
        }
    }
}
