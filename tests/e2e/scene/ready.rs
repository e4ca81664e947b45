//! What many tests begin with: a template or a workspace, made by way of the controller and ready.

use serde_json::Value;

use super::Scene;
use crate::e2e::{template, workspace};

/// A template that is ready.
pub struct Template {
    /// Its name in coderd.
    pub name: String,
    /// Its object, as `kubectl` takes it.
    pub ctpl: String,
    /// What was applied.
    pub applied: Value,
    /// Its row in coderd.
    pub twin: Value,
}

/// A workspace that is ready.
pub struct Workspace {
    /// Its name in coderd.
    pub name: String,
    /// Its object, as `kubectl` takes it.
    pub cws: String,
    /// What was applied.
    pub applied: Value,
    /// Its row in coderd.
    pub twin: Value,
}

impl Scene {
    /// Makes the template `t` with one file.
    pub async fn ready_template(&self, source: &str) -> Template {
        let name = self.name("t");
        let object = self.template_object(&name);
        let applied = template::manifest(&object, source);
        let ctpl = format!("ctpl/{object}");
        self.apply(&applied).await;
        self.wait(&ctpl, "Ready").await;
        let twin = self.template(&name).await;
        Template {
            name,
            ctpl,
            applied,
            twin,
        }
    }

    /// Makes the workspace `w` of a template.
    pub async fn ready_workspace(&self, template: &str, spec: &Value) -> Workspace {
        let name = self.name("w");
        let object = self.workspace_object(&name);
        let applied = workspace::manifest(&object, template, spec);
        let cws = format!("cws/{object}");
        self.apply(&applied).await;
        self.wait(&cws, "Ready").await;
        let twin = self.workspace(&name).await;
        Workspace {
            name,
            cws,
            applied,
            twin,
        }
    }
}
