//! What the controller runs with.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::metrics::Metrics;
use crate::{coderd, k8s::clock::Clock, sync::build_wait::BuildWait};

/// What the controller runs with.
pub struct Settings {
    /// The connection to the API server.
    pub kube: kube::Client,
    /// The coderd that the flags name.
    pub fixed: FixedControlPlane,
    /// The namespace that the controller itself is in.
    pub own_namespace: String,
    /// How long a request to coderd may be under way.
    pub request_timeout: Duration,
    /// The shortest time between two sweeps.
    pub sweep_interval: Duration,
    /// What is imported.
    pub imports: Imports,
    /// How many objects are worked on at once.
    pub workers: usize,
    /// How many of our builds may be active at once.
    pub max_active_builds: usize,
    /// How long and how often a template build is waited for.
    pub build_wait: BuildWait,
    /// What time it is.
    pub clock: Clock,
    /// Where jitter comes from.
    pub seed: u64,
    /// The name of this instance, in Events.
    pub instance: String,
    /// What is measured.
    pub metrics: Metrics,
}

/// The coderd that the flags name.
pub struct FixedControlPlane {
    /// The namespace whose objects belong to it.
    pub namespace: String,
    /// The connection to it.
    pub client: coderd::Client,
}

impl fmt::Debug for Settings {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Settings")
            .field("fixed", &self.fixed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for FixedControlPlane {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("FixedControlPlane")
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// coderd may be out of observed for so long before anybody is told: a restart takes less.
const PATIENCE: Duration = Duration::from_secs(60);
/// Or for so many sweeps, where they come often.
const PATIENCE_IN_SWEEPS: u32 = 4;

impl Settings {
    /// Where jitter of what `name` names comes from: not that of others.
    pub(super) fn seed_of(&self, name: &str) -> u64 {
        name.bytes().fold(self.seed, |seed, byte| {
            seed.rotate_left(8) ^ u64::from(byte)
        })
    }

    /// How long coderd may fail before an object says so that was in step with it.
    pub(super) fn patience(&self) -> Duration {
        PATIENCE.min(self.sweep_interval.saturating_mul(PATIENCE_IN_SWEEPS))
    }
}

/// Which of coderd's workspaces and templates get an object without being asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imports {
    /// All that the token may read.
    All,
    /// None.
    None,
    /// Those of the organizations with these names, lower case; never empty.
    Organizations(BTreeSet<String>),
}

impl Imports {
    /// Whether what belongs to `organization` is imported.
    pub fn cover(&self, organization: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Organizations(names) => names.contains(&organization.to_lowercase()),
        }
    }
}
