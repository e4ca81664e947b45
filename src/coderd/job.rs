//! Provisioner jobs: the Terraform runs behind builds and template versions.

use jiff::Timestamp;
use serde::Deserialize;
use uuid::Uuid;

use super::{
    client::Client,
    error::Error,
    request::Request,
    said::Said,
    wire::{null_as_default, open_enum, optional_id, optional_text, optional_time},
};

open_enum! {
    /// Where a job is. A cancelled *running* job mostly ends as failed: see [`Job::canceled_at`].
    JobStatus {
        /// Waits for a provisioner.
        Pending = "pending",
        /// Is worked on.
        Running = "running",
        /// Done.
        Succeeded = "succeeded",
        /// Was asked to stop.
        Canceling = "canceling",
        /// Was stopped.
        Canceled = "canceled",
        /// Ended with an error.
        Failed = "failed",
    }
}

impl JobStatus {
    /// True once nothing will change any more. A status that is not known counts as not ended.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        match self {
            Self::Succeeded | Self::Canceled | Self::Failed => true,
            Self::Pending | Self::Running | Self::Canceling | Self::Unknown(_) => false,
        }
    }
}

open_enum! {
    /// What a job is for.
    JobType {
        /// A template version is read and checked.
        VersionImport = "template_version_import",
        /// A template version is tried without effect.
        VersionDryRun = "template_version_dry_run",
        /// A workspace is started, stopped or deleted.
        WorkspaceBuild = "workspace_build",
    }
}

/// A job, as it stands in builds, template versions and the list of an organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When a provisioner took it.
    #[serde(default, deserialize_with = "optional_time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, deserialize_with = "optional_time")]
    pub completed_at: Option<Timestamp>,
    /// When somebody asked to cancel it, however it ended.
    #[serde(default, deserialize_with = "optional_time")]
    pub canceled_at: Option<Timestamp>,
    /// Why it failed, in one line; the telling lines are in the log.
    #[serde(default, deserialize_with = "optional_text")]
    pub error: Option<Said>,
    /// Like `REQUIRED_TEMPLATE_VARIABLES`; mostly absent.
    #[serde(default, deserialize_with = "optional_text")]
    pub error_code: Option<String>,
    /// Where it is.
    pub status: JobStatus,
    /// The source it works on.
    #[serde(default, deserialize_with = "optional_id")]
    pub file_id: Option<Uuid>,
    /// Its place among the waiting ones, from 1; 0 when it does not wait or no provisioner fits.
    #[serde(default)]
    pub queue_position: i64,
    /// How many wait.
    #[serde(default)]
    pub queue_size: i64,
    /// Whose request it was.
    #[serde(default, deserialize_with = "optional_id")]
    pub initiator_id: Option<Uuid>,
    /// What it is for.
    #[serde(rename = "type", default)]
    pub job_type: JobType,
    /// What it works on.
    #[serde(default, deserialize_with = "null_as_default")]
    pub input: JobInput,
    /// Names of what it works on; filled in the list of an organization only.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata: JobMetadata,
}

impl Default for JobType {
    fn default() -> Self {
        Self::Unknown(String::new())
    }
}

/// What a job works on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct JobInput {
    /// Of an import.
    #[serde(default, deserialize_with = "optional_id")]
    pub template_version_id: Option<Uuid>,
    /// Of a build.
    #[serde(default, deserialize_with = "optional_id")]
    pub workspace_build_id: Option<Uuid>,
}

/// Names of what a job works on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct JobMetadata {
    /// The version's name.
    #[serde(default, deserialize_with = "null_as_default")]
    pub template_version_name: String,
    /// None as long as the version has no template.
    #[serde(default, deserialize_with = "optional_id")]
    pub template_id: Option<Uuid>,
    /// The workspace of a build.
    #[serde(default, deserialize_with = "optional_id")]
    pub workspace_id: Option<Uuid>,
}

impl Client {
    /// Lists the latest jobs of an organization, newest first, `limit` at most.
    ///
    /// This is the only way to find a version that has no template yet by its name. Needs the
    /// right to read jobs (organization-admin, organization-template-admin or Owner); without it
    /// coderd says [`Error::is_not_found`].
    pub async fn provisioner_jobs(
        &self,
        organization: Uuid,
        limit: u32,
    ) -> Result<Vec<Job>, Error> {
        let request = Request::get("/organizations/{organization}/provisionerjobs")
            .with(&organization)
            .query("limit", &limit);
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }
}
