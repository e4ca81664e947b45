//! Builds: each start, stop or deletion of a workspace.
//!
//! Nothing here is idempotent: a start of a running workspace is a second real build. Look before
//! each [`Client::create_build`], and again after a conflict.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    client::Client,
    error::Error,
    job::Job,
    log::LogLine,
    request::Request,
    wire::{null_as_default, open_enum, optional_id, optional_time},
};

open_enum! {
    /// What a build does to its workspace.
    Transition {
        /// Makes it run.
        Start = "start",
        /// Stops it; disks stay.
        Stop = "stop",
        /// Destroys it; coderd has no other way.
        Delete = "delete",
    }
}

open_enum! {
    /// How far a build is: its job's status, said for its transition. `Failed` and `Canceled`
    /// say nothing about what exists.
    BuildStatus {
        /// Waits for a provisioner.
        Pending = "pending",
        /// A start at work.
        Starting = "starting",
        /// A start that succeeded.
        Running = "running",
        /// A stop at work.
        Stopping = "stopping",
        /// A stop that succeeded.
        Stopped = "stopped",
        /// A deletion at work.
        Deleting = "deleting",
        /// A deletion that succeeded; shown for some milliseconds before the workspace is gone.
        Deleted = "deleted",
        /// Was asked to stop.
        Canceling = "canceling",
        /// Was stopped.
        Canceled = "canceled",
        /// Ended with an error.
        Failed = "failed",
    }
}

open_enum! {
    /// Why a build was made. Autostop and autostart carry the workspace's owner as initiator, so
    /// this tells more than the initiator.
    BuildReason {
        /// Somebody asked by API without saying from where.
        Initiator = "initiator",
        /// The schedule.
        Autostart = "autostart",
        /// The deadline.
        Autostop = "autostop",
        /// Not used for long.
        Dormancy = "dormancy",
        /// Dormant for long.
        Autodelete = "autodelete",
        /// A person in the web UI.
        Dashboard = "dashboard",
        /// A person with the command line.
        Cli = "cli",
        /// A connection.
        SshConnection = "ssh_connection",
        /// A connection.
        VscodeConnection = "vscode_connection",
        /// A connection.
        JetbrainsConnection = "jetbrains_connection",
    }
}

/// A value for a parameter of the template. `Debug` does not show it: it may be a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Parameter {
    /// The parameter's name. coderd drops values of unknown names without a word.
    pub name: String,
    /// The value as text, whatever its type.
    pub value: String,
}

impl fmt::Debug for Parameter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Parameter")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A build.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Build {
    /// Its id.
    pub id: Uuid,
    /// Counts up from 1 within its workspace.
    pub build_number: i32,
    /// What it does.
    pub transition: Transition,
    /// How far it is.
    pub status: BuildStatus,
    /// Why it was made.
    pub reason: BuildReason,
    /// Who asked for it.
    pub initiator_id: Uuid,
    /// The name of who asked for it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub initiator_name: String,
    /// The template version it runs.
    pub template_version_id: Uuid,
    /// That version's name; empty in the replies to the creation of a build or workspace.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template_version_name: String,
    /// Its Terraform run.
    pub job: Job,
    /// When the workspace is to stop. Only meaningful for a start that succeeded, and none for
    /// some milliseconds after it.
    #[serde(default, deserialize_with = "optional_time")]
    pub deadline: Option<Timestamp>,
    /// What it made.
    #[serde(default, deserialize_with = "null_as_default")]
    pub resources: Vec<Resource>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it last changed, deadline included.
    pub updated_at: Timestamp,
}

impl Build {
    /// All agents of all resources, sub-agents included.
    pub fn agents(&self) -> impl Iterator<Item = &Agent> {
        self.resources.iter().flat_map(|resource| &resource.agents)
    }
}

/// Something that a build made, of which only the agents matter here.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Resource {
    /// The processes inside that connect to coderd.
    #[serde(default, deserialize_with = "null_as_default")]
    pub agents: Vec<Agent>,
}

/// A process inside a workspace that connects to coderd.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Agent {
    /// Its name.
    pub name: String,
    /// Set for a sub-agent: it does not count for the workspace's health.
    #[serde(default, deserialize_with = "optional_id")]
    pub parent_id: Option<Uuid>,
    /// `connecting`, `connected`, `disconnected`, `timeout`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub status: String,
    /// `created`, `starting`, `ready`, `start_error`, `off` and more.
    #[serde(default, deserialize_with = "null_as_default")]
    pub lifecycle_state: String,
}

/// What is asked of a new build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewBuild {
    /// What to do.
    pub transition: Transition,
    /// The version to run; none means that of the build before, not the active one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<Uuid>,
    /// Values to change; others stay as the build before had them, a failed one included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rich_parameter_values: Vec<Parameter>,
}

impl Client {
    /// Begins a build. [`Error::is_conflict`] while another is active or was just begun.
    pub async fn create_build(&self, workspace: Uuid, build: &NewBuild) -> Result<Build, Error> {
        self.json(
            Request::post("/workspaces/{id}/builds")
                .with(&workspace)
                .json(build),
        )
        .await
    }

    /// Reads a build.
    pub async fn build(&self, id: Uuid) -> Result<Build, Error> {
        self.json(Request::get("/workspacebuilds/{id}").with(&id))
            .await
    }

    /// Reads a build of a workspace that is not deleted, by its number.
    pub async fn build_by_number(
        &self,
        owner: &str,
        workspace: &str,
        number: i32,
    ) -> Result<Build, Error> {
        let request = Request::get("/users/{user}/workspace/{name}/builds/{number}")
            .with(owner)
            .with(workspace)
            .with(&number);
        self.json(request).await
    }

    /// Lists the latest builds of a workspace, newest first, `limit` at most.
    pub async fn builds(&self, workspace: Uuid, limit: u32) -> Result<Vec<Build>, Error> {
        let request = Request::get("/workspaces/{id}/builds")
            .with(&workspace)
            .query("limit", &limit);
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads the parameter values of a build, ephemeral ones included. They never change.
    pub async fn build_parameters(&self, id: Uuid) -> Result<Vec<Parameter>, Error> {
        let request = Request::get("/workspacebuilds/{id}/parameters").with(&id);
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads the last `lines` of a build's log, oldest first.
    pub async fn build_log(&self, id: Uuid, lines: usize) -> Result<Vec<LogLine>, Error> {
        self.log_tail(Request::get("/workspacebuilds/{id}/logs").with(&id), lines)
            .await
    }
}
