//! Template versions: a source that was read by Terraform, and at most one of them active.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    client::Client,
    error::Error,
    job::Job,
    log::LogLine,
    reply::Lookup,
    request::Request,
    wire::{null_as_default, optional_id},
};

/// A template version.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// Its id.
    pub id: Uuid,
    /// None for a version that no template was made of yet.
    #[serde(default, deserialize_with = "optional_id")]
    pub template_id: Option<Uuid>,
    /// Unique per template, minding case; not unique without a template.
    pub name: String,
    /// What it changes, in its author's words.
    #[serde(default, deserialize_with = "null_as_default")]
    pub message: String,
    /// When it was created, by coderd's clock.
    pub created_at: Timestamp,
    /// Its import. Only a succeeded one can be promoted.
    pub job: Job,
    /// True if it is hidden: it has to be unarchived before it can be promoted.
    #[serde(default, deserialize_with = "null_as_default")]
    pub archived: bool,
}

/// A value for a variable of the template's source. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Variable {
    /// The variable's name; unknown ones are ignored.
    pub name: String,
    /// The value as text. May be a secret.
    pub value: String,
}

impl fmt::Debug for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Variable")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// A variable of a version's source, as the version has it for good. `Debug` does not show its values.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct VersionVariable {
    /// Its name.
    pub name: String,
    /// The value in effect.
    #[serde(default, deserialize_with = "null_as_default")]
    pub value: String,
    /// The default in the source.
    #[serde(default, deserialize_with = "null_as_default")]
    pub default_value: String,
    /// True if the source has no default.
    #[serde(default, deserialize_with = "null_as_default")]
    pub required: bool,
    /// True if the values are not shown.
    #[serde(default, deserialize_with = "null_as_default")]
    pub sensitive: bool,
}

impl fmt::Debug for VersionVariable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("VersionVariable")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What is asked of a new version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewVersion {
    /// 1–64 letters and digits with single `.`, `_` or `-` between; minds case.
    pub name: String,
    /// Below 1 MiB.
    pub message: Option<String>,
    /// None for the first version of a template that is still to be created.
    pub template_id: Option<Uuid>,
    /// The uploaded source.
    pub file_id: Uuid,
    /// Which provisioners may read and run it.
    pub tags: BTreeMap<String, String>,
    /// Others have the active version's values.
    pub variables: Vec<Variable>,
}

/// [`NewVersion`] as coderd wants it.
#[derive(Serialize)]
struct NewVersionBody<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<Uuid>,
    storage_method: &'static str,
    file_id: Uuid,
    provisioner: &'static str,
    tags: &'a BTreeMap<String, String>,
    user_variable_values: &'a [Variable],
}

/// A parameter that a version asks of its workspaces.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RichParameter {
    /// Its name.
    pub name: String,
    /// `string`, `number`, `bool`, `list(string)`.
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    pub parameter_type: String,
    /// The value of a workspace that gives none, as text.
    #[serde(default, deserialize_with = "null_as_default")]
    pub default_value: String,
    /// False if it cannot be changed after the first build.
    #[serde(default, deserialize_with = "null_as_default")]
    pub mutable: bool,
    /// True if a workspace has to give it.
    #[serde(default, deserialize_with = "null_as_default")]
    pub required: bool,
    /// True if it falls back to the default with the next build.
    #[serde(default, deserialize_with = "null_as_default")]
    pub ephemeral: bool,
}

impl Client {
    /// Creates a version; its import begins, see [`Version::job`]. Terraform's errors show there.
    ///
    /// [`Error::is_conflict`] if the template has a version of this name, a failed or archived one
    /// included; [`Error::is_not_found`] for an unknown file or template (a deleted template is
    /// accepted); [`Error::is_validation`] for a file that is no tar.
    pub async fn create_version(
        &self,
        organization: Uuid,
        version: &NewVersion,
    ) -> Result<Version, Error> {
        let NewVersion {
            name,
            message,
            template_id,
            file_id,
            tags,
            variables,
        } = version;
        let body = NewVersionBody {
            name,
            message: message.as_deref(),
            template_id: *template_id,
            storage_method: "file",
            file_id: *file_id,
            provisioner: "terraform",
            tags,
            user_variable_values: variables,
        };
        let request = Request::post("/organizations/{organization}/templateversions")
            .with(&organization)
            .json(&body);
        self.json(request).await
    }

    /// Reads a version; also after its template was deleted.
    pub async fn version(&self, id: Uuid) -> Result<Version, Error> {
        self.json(Request::get("/templateversions/{id}").with(&id))
            .await
    }

    /// Looks for a version of a template by its name, minding case; archived ones are found too.
    pub async fn version_by_name(
        &self,
        template: Uuid,
        name: &str,
    ) -> Result<Lookup<Version>, Error> {
        self.lookup(
            Request::get("/templates/{id}/versions/{name}")
                .with(&template)
                .with(name),
        )
        .await
    }

    /// Makes a version the active one; harmless if it is.
    ///
    /// [`Error::is_forbidden`] unless its import succeeded, [`Error::is_validation`] for an
    /// archived one and for one of another template.
    pub async fn promote_version(&self, template: Uuid, version: Uuid) -> Result<(), Error> {
        let body = serde_json::json!({ "id": version });
        self.done(
            Request::patch("/templates/{id}/versions")
                .with(&template)
                .json(&body),
        )
        .await
    }

    /// Brings an archived version back. [`Error::is_validation`] if it is not archived.
    pub async fn unarchive_version(&self, id: Uuid) -> Result<(), Error> {
        self.done(Request::post("/templateversions/{id}/unarchive").with(&id))
            .await
    }

    /// Reads the parameters that a version asks for. [`Error::is_importing`] before its import has
    /// ended.
    pub async fn version_parameters(&self, id: Uuid) -> Result<Vec<RichParameter>, Error> {
        let request = Request::get("/templateversions/{id}/rich-parameters").with(&id);
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads the variables of a version. [`Error::is_forbidden`] before its import has ended.
    pub async fn version_variables(&self, id: Uuid) -> Result<Vec<VersionVariable>, Error> {
        let request = Request::get("/templateversions/{id}/variables").with(&id);
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads the last `lines` of an import's log, oldest first.
    pub async fn version_log(&self, id: Uuid, lines: usize) -> Result<Vec<LogLine>, Error> {
        self.log_tail(Request::get("/templateversions/{id}/logs").with(&id), lines)
            .await
    }
}
