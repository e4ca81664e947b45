//! Templates: what workspaces are made of. Their content is in versions.

use uuid::Uuid;

use super::{
    client::Client,
    error::Error,
    reply::Lookup,
    request::Request,
    types::{NewTemplate, Template, TemplatePatch},
};

impl Client {
    /// Lists all templates that the token may read, without the deprecated ones.
    pub async fn templates(&self) -> Result<Vec<Template>, Error> {
        self.find_templates(None).await
    }

    /// Lists the deprecated templates, which [`Client::templates`] leaves out.
    pub async fn deprecated_templates(&self) -> Result<Vec<Template>, Error> {
        self.find_templates(Some("deprecated:true")).await
    }

    /// Looks for the proof that a template was deleted: its row, marked as such.
    pub async fn deleted_template(&self, id: Uuid) -> Result<Option<Template>, Error> {
        let rows = self
            .find_templates(Some(&format!("deleted:true ids:{id}")))
            .await?;
        Ok(rows.into_iter().find(|row| row.id == id && row.deleted))
    }

    async fn find_templates(&self, query: Option<&str>) -> Result<Vec<Template>, Error> {
        let mut request = Request::get("/templates");
        if let Some(query) = query {
            request = request.query("q", query);
        }
        Ok(self.json::<Option<_>>(request).await?.unwrap_or_default())
    }

    /// Reads a template. [`Error::is_not_found`] also for a deleted one, and for one that the
    /// token may not read: see [`Client::deleted_template`].
    pub async fn template(&self, id: Uuid) -> Result<Template, Error> {
        self.json(Request::get("/templates/{id}").with(&id)).await
    }

    /// Looks for a template by its organization (name or id) and its name, both in any case.
    pub async fn template_by_name(
        &self,
        organization: &str,
        name: &str,
    ) -> Result<Lookup<Template>, Error> {
        let request = Request::get("/organizations/{organization}/templates/{template}")
            .with(organization)
            .with(name);
        self.lookup(request).await
    }

    /// Creates a template. [`Error::is_conflict`] if the organization has one of this name.
    pub async fn create_template(
        &self,
        organization: Uuid,
        template: &NewTemplate,
    ) -> Result<Template, Error> {
        let request = Request::post("/organizations/{organization}/templates")
            .with(&organization)
            .json(template);
        self.json(request).await
    }

    /// Changes a template and gives it as it is then, which shows what took effect.
    ///
    /// One refused field refuses all. Before coderd 2.34 the fields that are not named are reset,
    /// so this must not be used there.
    pub async fn patch_template(&self, id: Uuid, patch: &TemplatePatch) -> Result<Template, Error> {
        self.json(Request::patch("/templates/{id}").with(&id).json(patch))
            .await
    }

    /// Deletes a template. [`Error::is_validation`] while it has workspaces.
    pub async fn delete_template(&self, id: Uuid) -> Result<(), Error> {
        self.done(Request::delete("/templates/{id}").with(&id))
            .await
    }
}
