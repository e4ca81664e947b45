//! What can differ between beds.

/// How a bed is set up. `Options::default()` suits most tests.
#[derive(Debug, Clone)]
pub struct Options {
    /// Keep coderd's rate limits (off by default: they lift `CODER_API_RATE_LIMIT` as well as
    /// the limits of login and uploads).
    pub rate_limits: bool,
    /// Let coderd rename workspaces (on by default).
    pub workspace_renames: bool,
    /// Further variables for coderd, after and therefore above our own.
    pub coderd_environment: Vec<(String, String)>,
    /// Further flags for kube-apiserver.
    pub kube_apiserver_arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rate_limits: false,
            workspace_renames: true,
            coderd_environment: Vec::new(),
            kube_apiserver_arguments: Vec::new(),
        }
    }
}
