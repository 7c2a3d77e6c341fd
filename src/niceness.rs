//! Which threads give way: those that compute for long, to those that answer what is quick.

use std::cell::Cell;

/// How far a thread that computes for long stands back: it gets about a tenth of a core where others want it all, and
/// the whole of it where they do not.
const STANDS_BACK: i32 = 10;

/// Makes this thread one that gives way for the rest of its life. A system that refuses costs others time, and no more.
pub fn give_way() {
    thread_local!(static GIVES_WAY: Cell<bool> = const { Cell::new(false) });
    if !GIVES_WAY.replace(true)
        && let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), STANDS_BACK)
    {
        tracing::debug!(%error, "a thread cannot give way");
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_gives_way_alone() {
        let own = |()| rustix::process::getpriority_process(Some(rustix::thread::gettid())).unwrap();
        let before = own(());
        let after = std::thread::spawn(move || {
            give_way();
            own(())
        });
        assert_eq!(after.join().unwrap(), STANDS_BACK.max(before));
        assert_eq!(own(()), before);
    }
}
