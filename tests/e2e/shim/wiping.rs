//! What no client of the old group does by accident: a collection or a namespace that is deleted takes
//! nothing away in coderd that was only shown here, and who declares `Retain` keeps it.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    examples::{Old, rights},
    policy::Policy,
    stage::{Group, TEMPLATES, WORKSPACES},
};
use crate::e2e::{
    coder::id,
    template::{small_source, tar},
};

/// What is in coderd, and nobody has touched since.
struct Twins {
    template: Value,
    workspace: Value,
}

impl Old {
    /// A template and a workspace that were made in coderd, and imported.
    async fn imported(&self) -> Twins {
        let bed = self.stage.bed;
        let files = tar(&[("main.tf", &small_source(""))]);
        let organization = bed.organization();
        let template = self
            .person
            .make_template(organization, "scratch", files)
            .await;
        let workspace = self
            .person
            .make_workspace(bed.owner(), "dev", id(&template))
            .await;
        let twins = Twins {
            template,
            workspace,
        };
        self.until_shown(&twins).await;
        twins
    }

    /// Waits until objects show both: the controller has looked at everything since they were gone.
    async fn until_shown(&self, twins: &Twins) {
        for (plural, name, twin) in [
            (TEMPLATES, self.template_object("scratch"), &twins.template),
            (WORKSPACES, self.workspace_object("dev"), &twins.workspace),
        ] {
            self.until(plural, &name, "it is imported", |seen| {
                seen["status"]["id"] == twin["id"]
                    && seen["metadata"]["deletionTimestamp"].is_null()
            })
            .await;
        }
    }

    /// Both are there as they were made: one build, one version.
    async fn unharmed(&self, twins: &Twins) {
        let template = self.template("scratch").await.unwrap();
        assert_eq!(id(&template), id(&twins.template));
        assert_eq!(self.person.versions(id(&template)).await.len(), 1);
        let workspace = self.workspace("dev").await.unwrap();
        assert_eq!(id(&workspace), id(&twins.workspace));
        assert_eq!(self.person.builds(id(&workspace)).await.len(), 1);
    }

    async fn uid(&self, plural: &str, name: &str) -> Value {
        let path = self.stage.path(Group::Old, plural, name);
        self.stage.admin.get(path).await.json()["metadata"]["uid"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_collection_or_the_namespace_wipes_nothing_in_coder() {
    let old = Old::new().await;
    let twins = old.imported().await;
    for (plural, name) in [
        (WORKSPACES, old.workspace_object("dev")),
        (TEMPLATES, old.template_object("scratch")),
    ] {
        let before = old.uid(plural, &name).await;
        let collection = old.stage.path(Group::Old, plural, "");
        old.stage
            .admin
            .send(Ask::new("DELETE", collection))
            .await
            .expect(200);
        old.until(plural, &name, "another object shows it", |seen| {
            !seen["metadata"]["uid"].is_null() && seen["metadata"]["uid"] != before
        })
        .await;
        old.until_shown(&twins).await;
        old.unharmed(&twins).await;
    }

    // The namespace controller goes through both groups in no order: here it finds the objects by the old
    // one, for by the other it may not delete any.
    let bed = old.stage.bed;
    let controller = "system:serviceaccount:kube-system:namespace-controller";
    let workspace = old.workspace_object("dev") + "?dryRun=All";
    let tried = Ask::new(
        "DELETE",
        old.stage.path(Group::Stored, WORKSPACES, &workspace),
    )
    .header("impersonate-user", controller);
    let allowed = format!("oldObject == null || request.userInfo.username != '{controller}'");
    let policy = Policy::new(
        &old.stage,
        &["DELETE"],
        &allowed,
        "by the old group",
        &tried,
    )
    .await;
    let delete = ["delete", "namespace", "coder", "--timeout=80s"];
    bed.run_kubectl(&delete).await.unwrap();
    policy.end().await;
    old.unharmed(&twins).await;
    let binding = ["delete", "clusterrolebinding", "coder-k8s-crds"];
    bed.run_kubectl(&binding).await.unwrap();
    rights(bed).await;
    old.until_shown(&twins).await;
    old.unharmed(&twins).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declared_retain_wins_over_a_delete_by_name() {
    let old = Old::new().await;
    let twins = old.imported().await;
    for (plural, name) in [
        (WORKSPACES, old.workspace_object("dev")),
        (TEMPLATES, old.template_object("scratch")),
    ] {
        let path = old.stage.path(Group::Old, plural, &name);
        let patch = json!({ "spec": { "deletionPolicy": "Retain" } }).to_string();
        let declare = Ask::new("PATCH", path.as_str()).body("application/merge-patch+json", patch);
        let before = old.stage.admin.send(declare).await.expect(200).json();
        let named = format!("{plural}.aggregation.coder.com/{name}");
        old.stage
            .kubectl(&["delete", &named, "--timeout=80s"])
            .await;
        old.until(plural, &name, "another object shows it", |seen| {
            let uid = &seen["metadata"]["uid"];
            !uid.is_null() && *uid != before["metadata"]["uid"]
        })
        .await;
        old.until_shown(&twins).await;
        old.unharmed(&twins).await;
    }
    // Without it, the same DELETE does delete.
    let name = old.workspace_object("dev");
    let named = format!("{WORKSPACES}.aggregation.coder.com/{name}");
    old.stage.kubectl(&["delete", &named, "--wait=false"]).await;
    old.until_gone(WORKSPACES, &name).await;
    assert_eq!(old.workspace("dev").await, None);
}
