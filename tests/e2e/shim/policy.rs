//! Admission (case 78): it runs for the stored group, and so for writes of the old one.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    install::guide::Guide,
    own::own,
    server::{Server, Settings},
    stage::{Group, Stage, TEMPLATES, WORKSPACES, workspace},
};

/// Where users read of policies.
const GUIDE: &str = "docs/how-to/aggregated-api.md";

const KINDS: [&str; 2] = [
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicies",
];

/// A policy for the objects of one namespace.
pub struct Policy<'a> {
    stage: &'a Stage,
    pub name: String,
}

fn path(plural: &str, name: &str) -> String {
    let path = format!("/apis/admissionregistration.k8s.io/v1/{plural}/{name}");
    path.trim_end_matches('/').to_owned()
}

impl<'a> Policy<'a> {
    /// Denies `operations` for which `allowed` (CEL) is false, with `message`; `tried` is a request that
    /// would change nothing, and is refused from when on it holds.
    pub async fn new(
        stage: &'a Stage,
        operations: &[&str],
        allowed: &str,
        message: &str,
        tried: &Ask,
    ) -> Self {
        let name = format!("{}.coder.com", stage.namespace);
        let policy = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": { "name": name },
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": { "resourceRules": [{
                    "apiGroups": ["coder.com"], "apiVersions": ["v1alpha1"],
                    "operations": operations, "resources": [WORKSPACES, TEMPLATES],
                }] },
                "validations": [{ "expression": allowed, "message": message }],
            },
        });
        let binding = json!({
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": { "name": name },
            "spec": {
                "policyName": name,
                "validationActions": ["Deny"],
                "matchResources": { "namespaceSelector": { "matchLabels": {
                    "kubernetes.io/metadata.name": stage.namespace,
                } } },
            },
        });
        for (plural, object) in KINDS.iter().zip([&binding, &policy]) {
            let ask = Ask::new("POST", path(plural, "")).json(object);
            stage.admin.send(ask).await.expect(201);
        }
        stage
            .server
            .eventually("the policy holds", async || {
                stage.admin.send(tried.clone()).await.status == 422
            })
            .await;
        Self { stage, name }
    }

    pub async fn end(self) {
        for plural in KINDS {
            let ask = Ask::new("DELETE", path(plural, &self.name));
            self.stage.admin.send(ask).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn case_78_a_policy_for_the_stored_group_holds_for_the_old_one() {
    let stage = Stage::new("policy").await;
    let mut running = workspace(Group::Old, "acme.alice.dev");
    running["spec"]["running"] = json!(true);
    let collection_of_old = stage.path(Group::Old, WORKSPACES, "?dryRun=All");
    let post = |object: &Value| Ask::new("POST", collection_of_old.as_str()).json(object);
    let policy = Policy::new(
        &stage,
        &["CREATE", "UPDATE"],
        "!object.spec.running",
        "nothing runs here",
        &post(&running),
    )
    .await;
    let refused = stage.admin.send(post(&running)).await.expect(422).json();
    let message = refused["message"].as_str().unwrap();
    let name = &policy.name;
    // The name of the policy ends like the group, and is none of it.
    let denied = format!(
        "coderworkspaces.aggregation.coder.com \"acme.alice.dev\" is forbidden: ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: nothing runs here"
    );
    assert_eq!(message, denied);
    assert_eq!(refused["details"]["group"], "aggregation.coder.com");
    running["spec"]["running"] = json!(false);
    stage.admin.send(post(&running)).await.expect(201);
    policy.end().await;
}

/// A workspace that runs, made by way of `group`, and not kept.
fn running(stage: &Stage, group: Group) -> Ask {
    let mut object = workspace(group, "acme.alice.dev");
    object["spec"]["running"] = json!(true);
    Ask::new("POST", stage.path(group, WORKSPACES, "?dryRun=All")).json(&object)
}

#[tokio::test(flavor = "multi_thread")]
async fn case_78_a_policy_that_lists_who_may_holds_by_the_old_group_for_everybody() {
    // The one of the guide is for all namespaces.
    let mut own = own().await;
    let server = Server::published(own.bed, Settings::default()).await;
    let stage = own.stage(server, "who-may").await;
    let guide = Guide::read(GUIDE);
    guide.write("Admission policies", &["policy.yaml"]);
    let policy = guide.path("policy.yaml");
    let (anna, resource) = ("anna", |group: Group| {
        format!("{WORKSPACES}.{}", group.name())
    });
    for (group, verb) in [(Group::Old, "create"), (Group::Stored, "create,get")] {
        stage.allow(anna, verb, &resource(group)).await;
    }
    stage.kubectl(&["apply", "-f", &policy]).await;
    stage
        .server
        .eventually("the policy holds", async || {
            let tried = stage.admin.send(running(&stage, Group::Stored)).await;
            tried.status == 422
        })
        .await;
    let anna = stage.user(anna);
    let by_stored = anna.send(running(&stage, Group::Stored)).await;
    let by_old = anna.send(running(&stage, Group::Old)).await;
    stage.kubectl(&["delete", "-f", &policy]).await;
    by_stored.expect(201);
    let refused = by_old.expect(422).json();
    let message = refused["message"].as_str().unwrap();
    let told = "denied request: only anna starts workspaces, and by coder.com";
    assert!(message.ends_with(told), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_78_a_policy_sees_the_account_of_the_aggregated_api() {
    let stage = Stage::new("seen-as").await;
    let guide = std::fs::read_to_string(crate::root().join(GUIDE)).unwrap();
    let mut code = guide.split('`').map(str::trim);
    let allowed = code.find(|part| part.starts_with("request.userInfo.username != "));
    let tried = running(&stage, Group::Old);
    let message = "use coder.com";
    let policy = Policy::new(&stage, &["CREATE"], allowed.unwrap(), message, &tried).await;
    let stored = running(&stage, Group::Stored);
    stage.admin.send(stored).await.expect(201);
    policy.end().await;
}
