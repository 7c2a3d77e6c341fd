//! Moments of a server that a test holds, to do something else meanwhile.

use std::path::PathBuf;

use super::eventually;
use super::installation::Installation;

/// Whoever comes to the moment waits until this is dropped.
pub struct Held {
    file: PathBuf,
}

impl Installation {
    /// Where held moments are told to servers and commands.
    pub(super) fn held_moments(&self) -> PathBuf {
        self.beside("held")
    }

    /// Holds a moment of what is done with the tenant of that id. `fault::hold` names them.
    pub fn hold(&self, moment: &str, id: &str) -> Held {
        std::fs::create_dir_all(self.held_moments()).unwrap();
        let file = self.held_moments().join(format!("{moment}-{id}"));
        let held = Held { file };
        // Somebody may have been there when it was held before.
        let _ = std::fs::remove_file(held.told());
        std::fs::write(&held.file, "").unwrap();
        held
    }

    /// The same, and ends the program at that step from then on.
    pub fn hold_and_end_at(&self, moment: &str, id: &str, step: usize) -> Held {
        let held = self.hold(moment, id);
        std::fs::write(&held.file, step.to_string()).unwrap();
        held
    }
}

impl Held {
    fn told(&self) -> PathBuf {
        PathBuf::from(format!("{}.reached", self.file.display()))
    }

    /// Waits until somebody has come to it.
    #[track_caller]
    pub fn reached(&self) {
        let told = self.told();
        eventually(&format!("somebody at {}", self.file.display()), || told.exists().then_some(()));
    }

    /// Lets whoever is there go on.
    pub fn release(self) {
        drop(self);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}
