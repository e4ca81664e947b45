//! Organizations: what holds templates and workspaces.

use serde::Deserialize;
use uuid::Uuid;

use super::{client::Client, error::Error, request::Request, wire::null_as_default};

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Organization {
    /// Stays the same when the organization is renamed.
    pub id: Uuid,
    /// The unique name, in the case it was given.
    pub name: String,
    /// True for the one that is also reached by the name `default`.
    #[serde(default, deserialize_with = "null_as_default")]
    pub is_default: bool,
}

impl Client {
    /// Lists the organizations that the token may read.
    pub async fn organizations(&self) -> Result<Vec<Organization>, Error> {
        let request = Request::get("/organizations");
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads an organization by name (in any case), by id, or `default`.
    ///
    /// [`Error::is_not_found`] also for organizations that the token may not read.
    pub async fn organization(&self, name: &str) -> Result<Organization, Error> {
        self.json(Request::get("/organizations/{organization}").with(name))
            .await
    }
}
