//! How the descriptors that the process may have are shared out.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Kept back for what is none of the following: the catalog, logs, exports being made.
/// A quarter where there are few.
const RESERVE: u64 = 256;
/// Uploads and downloads at once that are worth a descriptor each. An eighth where there are few.
const TRANSFERS: u64 = 576;

/// Who may have how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptors {
    /// What the process may have.
    pub limit: u64,
    /// Connections of clients, at most.
    pub connections: usize,
    /// Uploads and downloads at once, at most.
    pub transfers: usize,
    /// What is left for the databases of tenants.
    pub tenant_files: u64,
}

impl Descriptors {
    /// Raises the soft limit to the hard one and shares it out.
    pub fn share(max_connections: usize) -> Descriptors {
        Descriptors::of(raise_limit(), max_connections)
    }

    /// Connections get what they ask for, as long as a third is left for databases.
    fn of(limit: u64, max_connections: usize) -> Descriptors {
        let usable = limit - RESERVE.min(limit / 4);
        let transfers = TRANSFERS.min(usable / 8);
        let usable = usable - transfers;
        let connections = (max_connections as u64).min(usable / 3 * 2).max(1);
        Descriptors {
            limit,
            connections: usize::try_from(connections).unwrap_or(max_connections),
            transfers: usize::try_from(transfers).unwrap_or_default(),
            tenant_files: usable.saturating_sub(connections),
        }
    }
}

fn raise_limit() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum.unwrap_or(u64::MAX),
        Err(_) => limit.current.unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::Descriptors;

    #[test]
    fn connections_and_files_both_get_some_whatever_the_limit() {
        for (limit, wanted, connections, transfers, tenant_files) in [
            (1 << 20, 10_000, 10_000, 576, 1_037_744),
            (20_000, 10_000, 10_000, 576, 9_168),
            (1_024, 10_000, 448, 96, 224),
            (1_024, 100, 100, 96, 572),
            (256, 10_000, 112, 24, 56),
            (u64::MAX, 10_000, 10_000, 576, u64::MAX - 256 - 576 - 10_000),
            (0, 10_000, 1, 0, 0),
        ] {
            let expected = Descriptors { limit, connections, transfers, tenant_files };
            assert_eq!(Descriptors::of(limit, wanted), expected);
        }
    }
}
