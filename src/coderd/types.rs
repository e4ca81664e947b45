//! Bodies of requests: what deciding fills in, without a client.

use serde::Serialize;
use uuid::Uuid;

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
    /// See [`Template::default_ttl_ms`](super::Template::default_ttl_ms). None: 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_ttl_ms: Option<i64>,
    /// See [`Template::activity_bump_ms`](super::Template::activity_bump_ms). None: an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_bump_ms: Option<i64>,
    /// See [`Template::time_til_autostop_notify_ms`](super::Template::time_til_autostop_notify_ms).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_til_autostop_notify_ms: Option<i64>,
    /// See [`Template::allow_user_cancel_workspace_jobs`](super::Template::allow_user_cancel_workspace_jobs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
}

/// Changes of a template: none leaves a field as it is, an empty text clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TemplatePatch {
    /// See [`Template::display_name`](super::Template::display_name).
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
    /// See [`Template::allow_user_cancel_workspace_jobs`](super::Template::allow_user_cancel_workspace_jobs).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_user_cancel_workspace_jobs: Option<bool>,
}
