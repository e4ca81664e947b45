//! Workspaces, and those of their settings that take effect without a build.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    build::{Build, Parameter},
    client::Client,
    error::Error,
    reply::Lookup,
    request::Request,
    wire::{null_as_default, open_enum, optional_time},
};

open_enum! {
    /// Whether an autostart moves the workspace to the template's active version.
    AutomaticUpdates {
        /// It does.
        Always = "always",
        /// It does not, unless the template requires it.
        Never = "never",
    }
}

/// A workspace. The same in lists and when read alone.
///
/// `updated_at` is no sign of change: coderd moves it only when a prebuild is claimed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Workspace {
    /// Stays the same through renames; never used again.
    pub id: Uuid,
    /// Unique per owner, ignoring case.
    pub name: String,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// See above.
    pub updated_at: Timestamp,
    /// Whose it is.
    pub owner_id: Uuid,
    /// The owner's present name.
    pub owner_name: String,
    /// Where it is.
    pub organization_id: Uuid,
    /// The organization's present name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub organization_name: String,
    /// What it is made of.
    pub template_id: Uuid,
    /// The template's present name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template_name: String,
    /// The version that the template would use now.
    pub template_active_version_id: Uuid,
    /// True if the template wants each start to use its active version (licensed).
    #[serde(default, deserialize_with = "null_as_default")]
    pub template_require_active_version: bool,
    /// The last build, which tells whether it runs.
    pub latest_build: Build,
    /// True if the last build's version is not the template's active one.
    #[serde(default, deserialize_with = "null_as_default")]
    pub outdated: bool,
    /// `CRON_TZ=<zone> m h * * dow`, kept as it was written.
    #[serde(default)]
    pub autostart_schedule: Option<String>,
    /// When it is to be started next. Stays in the past if that start did not come about.
    #[serde(default, deserialize_with = "optional_time")]
    pub next_start_at: Option<Timestamp>,
    /// How long it runs after a start, in milliseconds; none: no automatic stop.
    #[serde(default)]
    pub ttl_ms: Option<i64>,
    /// When somebody last worked in it.
    #[serde(default, deserialize_with = "optional_time")]
    pub last_used_at: Option<Timestamp>,
    /// When coderd will delete it.
    #[serde(default, deserialize_with = "optional_time")]
    pub deleting_at: Option<Timestamp>,
    /// Since when it is dormant.
    #[serde(default, deserialize_with = "optional_time")]
    pub dormant_at: Option<Timestamp>,
    /// Whether its agents are well.
    #[serde(default, deserialize_with = "null_as_default")]
    pub health: Health,
    /// Whether an autostart moves it to the active version.
    pub automatic_updates: AutomaticUpdates,
    /// True while it waits in a pool for an owner.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is_prebuild: bool,
}

/// Whether the agents of a workspace are well. A stopped workspace is healthy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// True if no agent fails.
    #[serde(default)]
    pub healthy: bool,
    /// The ids of those that do.
    #[serde(default, deserialize_with = "null_as_default")]
    pub failing_agents: Vec<Uuid>,
}

/// All workspaces that the token may read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct WorkspaceList {
    /// The rows. Deleted workspaces are left out, but a row can show the status `deleted` for some
    /// milliseconds.
    #[serde(default, deserialize_with = "null_as_default")]
    pub workspaces: Vec<Workspace>,
    /// How many there are; more than there are rows if the templates of some cannot be read.
    pub count: usize,
}

/// Whether an automatic start can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Autostart {
    /// True if it would move the workspace to a version that does not take the values of the last
    /// build.
    pub parameter_mismatch: bool,
}

/// What is asked of a new workspace. Exactly one of template and version has to be given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NewWorkspace {
    /// 1–32 letters, digits and single hyphens.
    pub name: String,
    /// The template, whose active version is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_id: Option<Uuid>,
    /// A version of a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<Uuid>,
    /// See [`Workspace::autostart_schedule`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub autostart_schedule: Option<String>,
    /// In milliseconds, 1 minute to 30 days, cut to whole minutes. None or 0: the template's
    /// default, so "no automatic stop" takes [`Client::set_workspace_ttl`] afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<i64>,
    /// Values of parameters; others have the template's default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rich_parameter_values: Vec<Parameter>,
    /// None: never. Not applied when a prebuild is handed over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub automatic_updates: Option<AutomaticUpdates>,
}

impl Client {
    /// Reads a workspace. [`Error::is_gone`] is the only proof that it was deleted.
    pub async fn workspace(&self, id: Uuid) -> Result<Workspace, Error> {
        self.json(Request::get("/workspaces/{id}").with(&id)).await
    }

    /// Looks for a workspace by its owner's name (`me` is the token's user) and its own, both in
    /// any case.
    pub async fn workspace_by_name(
        &self,
        owner: &str,
        name: &str,
    ) -> Result<Lookup<Workspace>, Error> {
        self.lookup(
            Request::get("/users/{user}/workspace/{name}")
                .with(owner)
                .with(name),
        )
        .await
    }

    /// Lists all workspaces in one reply (2–4 kB each).
    pub async fn workspaces(&self) -> Result<WorkspaceList, Error> {
        self.json(Request::get("/workspaces")).await
    }

    /// Creates a workspace and its first build.
    ///
    /// [`Error::is_conflict`] if the owner has one of this name; [`Error::is_importing`] while the
    /// version is read; [`Error::is_validation`] for refused parameters and a template that is
    /// failed, deprecated or cannot be read.
    pub async fn create_workspace(
        &self,
        owner: &str,
        workspace: &NewWorkspace,
    ) -> Result<Workspace, Error> {
        self.json(
            Request::post("/users/{user}/workspaces")
                .with(owner)
                .json(workspace),
        )
        .await
    }

    /// Sets how long it runs after a start, in milliseconds (cut to whole minutes); none: no
    /// automatic stop, which also ends the present deadline. A new time is for the next start.
    ///
    /// Accepted without error for a deleted workspace, like the other settings.
    pub async fn set_workspace_ttl(&self, id: Uuid, ttl_ms: Option<i64>) -> Result<(), Error> {
        let body = serde_json::json!({ "ttl_ms": ttl_ms });
        self.done(Request::put("/workspaces/{id}/ttl").with(&id).json(&body))
            .await
    }

    /// Sets the schedule of automatic starts; none: no such starts.
    pub async fn set_workspace_autostart(
        &self,
        id: Uuid,
        schedule: Option<&str>,
    ) -> Result<(), Error> {
        let body = serde_json::json!({ "schedule": schedule });
        self.done(
            Request::put("/workspaces/{id}/autostart")
                .with(&id)
                .json(&body),
        )
        .await
    }

    /// Asks whether an automatic start can work.
    pub async fn resolve_autostart(&self, id: Uuid) -> Result<Autostart, Error> {
        let request = Request::get("/workspaces/{id}/resolve-autostart").with(&id);
        self.json(request).await
    }

    /// Sets whether an autostart moves it to the active version.
    pub async fn set_workspace_automatic_updates(
        &self,
        id: Uuid,
        updates: &AutomaticUpdates,
    ) -> Result<(), Error> {
        let body = serde_json::json!({ "automatic_updates": updates });
        self.done(
            Request::put("/workspaces/{id}/autoupdates")
                .with(&id)
                .json(&body),
        )
        .await
    }
}
