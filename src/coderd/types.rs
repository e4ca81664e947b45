//! Bodies of requests and replies that deciding reads and fills in, without a client.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire::null_as_default;

/// A template. The same in lists and when read alone.
#[allow(
    clippy::struct_excessive_bools,
    reason = "they are coderd's, each apart from the others"
)]
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Template {
    /// Stays the same through renames; never used again.
    pub id: Uuid,
    /// Unique per organization, ignoring case.
    pub name: String,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// Moves with every PATCH and promotion, also without a change.
    pub updated_at: Timestamp,
    /// Where it is.
    pub organization_id: Uuid,
    /// The organization's present name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_name: String,
    /// Empty if none was given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub display_name: String,
    /// Empty if none was given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub description: String,
    /// A path or URL; empty if none was given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub icon: String,
    /// How long new workspaces run after a start, in milliseconds; 0: no automatic stop.
    #[serde(default, deserialize_with = "null_as_default")]
    pub default_ttl_ms: i64,
    /// By how much use puts an automatic stop off, in milliseconds; 0: not at all.
    #[serde(default, deserialize_with = "null_as_default")]
    pub activity_bump_ms: i64,
    /// How long before an automatic stop its owner is told, in milliseconds; 0: not at all. From coderd
    /// 2.36.
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_til_autostop_notify_ms: i64,
    /// Whether owners may cancel builds of their workspaces.
    #[serde(default, deserialize_with = "null_as_default")]
    pub allow_user_cancel_workspace_jobs: bool,
    /// On which days, and every how many weeks, workspaces have to stop (licensed).
    #[serde(default)]
    pub autostop_requirement: Option<AutostopRequirement>,
    /// On which days workspaces may start by themselves (licensed).
    #[serde(default)]
    pub autostart_requirement: Option<AutostartRequirement>,
    /// Whether owners may set an automatic start (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub allow_user_autostart: bool,
    /// Whether owners may set an automatic stop (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub allow_user_autostop: bool,
    /// After how long a workspace whose build failed is stopped, in milliseconds; 0: never (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub failure_ttl_ms: i64,
    /// After how long without use a workspace becomes dormant, in milliseconds; 0: never (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_til_dormant_ms: i64,
    /// After how long a dormant workspace is deleted, in milliseconds; 0: never (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub time_til_dormant_autodelete_ms: i64,
    /// Whether each start uses the active version (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub require_active_version: bool,
    /// The version that new workspaces get.
    pub active_version_id: Uuid,
    /// True if it takes no new workspaces (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub deprecated: bool,
    /// Why it is deprecated.
    #[serde(default, deserialize_with = "null_as_default")]
    pub deprecation_message: String,
    /// Who created it.
    pub created_by_id: Uuid,
    /// True for a row of [`Client::deleted_template`](super::Client::deleted_template) only.
    #[serde(default, deserialize_with = "null_as_default")]
    pub deleted: bool,
}

/// On which days workspaces have to stop.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutostopRequirement {
    /// Days of the week, in lower case; none: no requirement.
    #[serde(default, deserialize_with = "null_as_default")]
    pub days_of_week: Vec<String>,
    /// Every how many weeks, 1 to 16.
    #[serde(default, deserialize_with = "null_as_default")]
    pub weeks: i64,
}

/// On which days workspaces may start by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AutostartRequirement {
    /// Days of the week, in lower case; none: never.
    #[serde(default, deserialize_with = "null_as_default")]
    pub days_of_week: Vec<String>,
}

/// What is asked of a new template. It cannot be deprecated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewTemplate {
    /// 1–32 letters, digits and single hyphens.
    pub name: String,
    /// Its first version, one that belongs to no template yet. coderd does not check that its
    /// import succeeded.
    pub template_version_id: Uuid,
    /// May be empty.
    pub display_name: String,
    /// At most 127 characters.
    pub description: String,
    /// At most 256 characters.
    pub icon: String,
    /// See [`Template::default_ttl_ms`](Template::default_ttl_ms). None: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl_ms: Option<i64>,
    /// See [`Template::activity_bump_ms`](Template::activity_bump_ms). None: an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_bump_ms: Option<i64>,
    /// See [`Template::time_til_autostop_notify_ms`](Template::time_til_autostop_notify_ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_til_autostop_notify_ms: Option<i64>,
    /// See [`Template::allow_user_cancel_workspace_jobs`](Template::allow_user_cancel_workspace_jobs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
    /// See [`Template::autostop_requirement`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostop_requirement: Option<AutostopRequirement>,
    /// See [`Template::autostart_requirement`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart_requirement: Option<AutostartRequirement>,
    /// See [`Template::allow_user_autostart`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_autostart: Option<bool>,
    /// See [`Template::allow_user_autostop`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_autostop: Option<bool>,
    /// See [`Template::failure_ttl_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_ttl_ms: Option<i64>,
    /// See [`Template::time_til_dormant_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dormant_ttl_ms: Option<i64>,
    /// See [`Template::time_til_dormant_autodelete_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_ttl_ms: Option<i64>,
    /// See [`Template::require_active_version`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_active_version: Option<bool>,
}

/// Changes of a template: none leaves a field as it is, an empty text clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TemplatePatch {
    /// See [`Template::display_name`](Template::display_name).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// At most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// 0, or at least a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl_ms: Option<i64>,
    /// 0, or at least a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_bump_ms: Option<i64>,
    /// 0 switches it off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_til_autostop_notify_ms: Option<i64>,
    /// See [`Template::allow_user_cancel_workspace_jobs`](Template::allow_user_cancel_workspace_jobs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
    /// No days: no requirement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostop_requirement: Option<AutostopRequirement>,
    /// No days: no automatic start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart_requirement: Option<AutostartRequirement>,
    /// See [`Template::allow_user_autostart`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_autostart: Option<bool>,
    /// See [`Template::allow_user_autostop`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_autostop: Option<bool>,
    /// 0, or at least a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_ttl_ms: Option<i64>,
    /// 0, or at least a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_til_dormant_ms: Option<i64>,
    /// 0, or at least a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_til_dormant_autodelete_ms: Option<i64>,
    /// See [`Template::require_active_version`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub require_active_version: Option<bool>,
    /// Empty: it is in use again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deprecation_message: Option<String>,
}
