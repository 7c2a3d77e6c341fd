//! What the process takes of the machine, as Linux tells in `/proc/self`.

/// What the process takes. Nothing is told where there is no `/proc`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Process {
    /// Bytes of memory that are resident.
    pub resident_bytes: Option<u64>,
    /// Bytes of memory that are mapped.
    pub virtual_bytes: Option<u64>,
    /// Open descriptors.
    pub open_descriptors: Option<u64>,
    /// Seconds of processor time.
    pub cpu_seconds: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Ticks of a second, as Linux shows them to programs on all that this runs on.
const TICKS: f64 = 100.0;

impl Process {
    /// What it takes now. Blocks for some microseconds.
    pub fn now() -> Process {
        let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let descriptors = std::fs::read_dir("/proc/self/fd").ok();
        Process {
            // One of them is that of the look.
            open_descriptors: descriptors.map(|all| (all.count() as u64).saturating_sub(1)),
            ..Process::read(&read("status"), &read("stat"))
        }
    }

    /// Name, what it means, number.
    pub(super) fn gauges(&self) -> impl Iterator<Item = (&'static str, &'static str, i64)> {
        let gauges = [
            ("process_resident_memory_bytes", "Resident memory", self.resident_bytes),
            ("process_virtual_memory_bytes", "Mapped memory", self.virtual_bytes),
            ("process_open_fds", "Open descriptors", self.open_descriptors),
            ("process_threads", "Threads", self.threads),
        ];
        gauges.into_iter().filter_map(|(name, help, number)| Some((name, help, i64::try_from(number?).ok()?)))
    }

    fn read(status: &str, stat: &str) -> Process {
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        // The name of the program, in parentheses, may hold anything.
        let after_name: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
        let ticks = |place: usize| after_name.get(place)?.parse::<u32>().ok();
        Process {
            resident_bytes: field("VmRSS").map(|kib| kib << 10),
            virtual_bytes: field("VmSize").map(|kib| kib << 10),
            open_descriptors: None,
            // utime and stime, the 14th and the 15th of proc_pid_stat(5).
            cpu_seconds: ticks(11)
                .zip(ticks(12))
                .map(|(user, system)| (f64::from(user) + f64::from(system)) / TICKS),
            threads: field("Threads"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_linux_tells_is_read() {
        let status = "Name:\ttenantry\nVmSize:\t   2048 kB\nVmRSS:\t 1024 kB\nThreads:\t7\n";
        let stat = "42 (a b) c) S 1 1 1 0 -1 0 0 0 0 0 150 50 0 0 20 0 7 0 100 0 0";
        let process = Process::read(status, stat);
        assert_eq!((process.resident_bytes, process.virtual_bytes), (Some(1 << 20), Some(2 << 20)));
        assert_eq!((process.cpu_seconds, process.threads), (Some(2.0), Some(7)));
        assert_eq!(Process::read("", ""), Process::default());
        if cfg!(target_os = "linux") {
            let now = Process::now();
            assert!(now.resident_bytes > Some(1 << 20) && now.open_descriptors > Some(0), "{now:?}");
        }
    }
}
