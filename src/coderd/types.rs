//! Bodies of requests and replies that deciding reads and fills in, without a client.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::wire::null_as_default;

/// A template. The same in lists and when read alone.
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

/// What is asked of a new template.
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
}
