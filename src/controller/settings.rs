//! What the controller runs with.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::metrics::Metrics;
use crate::{
    api::names::STATIC_CONTROL_PLANE,
    coderd::{self, BaseUrl, ConnectError, TokenSource},
    k8s::{clock::Clock, object},
    sync::build_wait::BuildWait,
};

/// What the controller runs with.
pub struct Settings {
    /// The connection to the API server.
    pub kube: kube::Client,
    /// The coderd that the flags name, if they name one.
    pub fixed: Option<FixedControlPlane>,
    /// Whether each other Coder is found by its `CoderControlPlane`.
    pub discovers: bool,
    /// Makes the connection to a coderd that was found.
    pub connect: Connect,
    /// The namespaces whose objects are synchronised; all where none is named.
    pub namespaces: BTreeSet<String>,
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

/// Makes the connection to the coderd of a control plane.
pub type Connect = Box<
    dyn Fn(&object::Key, BaseUrl, TokenSource) -> Result<coderd::Client, ConnectError>
        + Send
        + Sync,
>;

/// The coderd that the flags name.
pub struct FixedControlPlane {
    /// The namespace whose objects belong to it.
    pub namespace: String,
    /// The connection to it.
    pub client: coderd::Client,
}

impl FixedControlPlane {
    /// The name that the coderd of the flags has in `namespace`.
    pub fn place_in(namespace: &str) -> object::Key {
        object::Key::new(namespace, STATIC_CONTROL_PLANE)
    }

    /// Its name, in its namespace.
    pub(super) fn place(&self) -> object::Key {
        Self::place_in(&self.namespace)
    }
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

    /// What is watched: each of the namespaces, or all at once.
    pub(super) fn watched(&self) -> Vec<Option<String>> {
        if self.namespaces.is_empty() {
            return vec![None];
        }
        self.namespaces.iter().cloned().map(Some).collect()
    }

    /// Whether the flags name the control plane `place`.
    pub(super) fn is_fixed(&self, place: &object::Key) -> bool {
        let fixed = self.fixed.as_ref().map(FixedControlPlane::place);
        fixed.as_ref() == Some(place)
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
