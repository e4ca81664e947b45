//! The names of the two groups: the one that is served here, and the one that objects are stored under.

/// The group that old clients know.
pub(super) const GROUP: &str = "aggregation.coder.com";
/// The group of the CRDs.
pub(super) const STORED_GROUP: &str = "coder.com";
/// The version in both.
pub(super) const VERSION: &str = "v1alpha1";
/// `apiVersion` for old clients.
pub(super) const GROUP_VERSION: &str = "aggregation.coder.com/v1alpha1";
/// `apiVersion` as stored.
pub(super) const STORED_GROUP_VERSION: &str = "coder.com/v1alpha1";
/// The path of the group.
pub(super) const GROUP_PATH: &str = "/apis/aggregation.coder.com";
/// The path of what is served.
pub(super) const VERSION_PATH: &str = "/apis/aggregation.coder.com/v1alpha1";
/// The path of what is stored.
pub(super) const STORED_VERSION_PATH: &str = "/apis/coder.com/v1alpha1";
