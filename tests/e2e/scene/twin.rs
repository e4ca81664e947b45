//! What is in coderd, as the person of the scene sees and makes it there.

use serde_json::Value;

use super::Scene;
use crate::e2e::{
    coder::id,
    template::{small_source, tar},
};

impl Scene {
    /// The workspace `name` of the bed's owner, if it is there.
    pub async fn find_workspace(&self, name: &str) -> Option<Value> {
        self.person.workspace(self.bed.owner(), name).await
    }

    /// The workspace `name` of the bed's owner.
    pub async fn workspace(&self, name: &str) -> Value {
        let found = self.find_workspace(name).await;
        found.unwrap_or_else(|| panic!("no workspace {name}"))
    }

    /// The template `name`, if it is there.
    pub async fn find_template(&self, name: &str) -> Option<Value> {
        self.person.template(self.bed.organization(), name).await
    }

    /// The template `name`.
    pub async fn template(&self, name: &str) -> Value {
        let found = self.find_template(name).await;
        found.unwrap_or_else(|| panic!("no template {name}"))
    }

    /// A template that someone else makes: its name and its row.
    pub async fn foreign_template(&self, part: &str) -> (String, Value) {
        let name = self.name(part);
        let files = tar(&[("main.tf", &small_source("theirs"))]);
        let organization = self.bed.organization();
        let row = self.person.make_template(organization, &name, files).await;
        (name, row)
    }

    /// A workspace that someone else makes for the bed's owner: its name and its row.
    pub async fn foreign_workspace(&self, part: &str, template: &Value) -> (String, Value) {
        let name = self.name(part);
        let owner = self.bed.owner();
        let row = self.person.make_workspace(owner, &name, id(template)).await;
        (name, row)
    }

    /// The HTTP status that coderd answers for workspace `id`: 410 once it is deleted.
    pub async fn workspace_status(&self, id: &str) -> u16 {
        let path = format!("/workspaces/{id}");
        self.person.send("GET", &path, None).await.0
    }

    /// The HTTP status that coderd answers for template `id`: 404 once it is deleted.
    pub async fn template_status(&self, id: &str) -> u16 {
        let path = format!("/templates/{id}");
        self.person.send("GET", &path, None).await.0
    }
}
