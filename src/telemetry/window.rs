//! How long the times are that figures are kept of.

use crate::clock::{DAY, HOUR, MINUTE, Timestamp};

/// How long the time is that one point of a series is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day of UTC.
    Day,
}

impl Window {
    /// All of them.
    pub const ALL: [Window; 3] = [Window::Minute, Window::Hour, Window::Day];

    /// Its length, in milliseconds.
    pub const fn span(self) -> i64 {
        match self {
            Window::Minute => MINUTE,
            Window::Hour => HOUR,
            Window::Day => DAY,
        }
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Window::Minute => "minute",
            Window::Hour => "hour",
            Window::Day => "day",
        }
    }

    /// The window of that name.
    pub fn parse(name: &str) -> Option<Window> {
        Window::ALL.into_iter().find(|window| window.name() == name)
    }

    /// The beginning of the one in which a moment lies.
    pub fn begin(self, moment: Timestamp) -> Timestamp {
        Timestamp(moment.0.div_euclid(self.span()) * self.span())
    }
}
