//! Admission (case 78): it runs for the stored group, and so for writes of the old one.

use serde_json::{Value, json};

use super::{
    caller::Ask,
    server::{NAME, NAMESPACE},
    stage::{Group, Stage, WORKSPACES, workspace},
};

const KINDS: [&str; 2] = [
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicies",
];

/// A policy for the workspaces of one namespace.
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
                    "operations": operations, "resources": ["coderworkspaces"],
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
    let stage = Stage::new("who-may").await;
    let user = format!("anna-{}", stage.namespace);
    for group in [Group::Old, Group::Stored] {
        let resource = format!("{WORKSPACES}.{}", group.name());
        let role = format!("{user}-{}", group.name());
        let (verb, resource) = ("--verb=create", format!("--resource={resource}"));
        stage
            .kubectl(&["create", "role", &role, verb, &resource])
            .await;
        let (role_flag, user_flag) = (format!("--role={role}"), format!("--user={user}"));
        stage
            .kubectl(&["create", "rolebinding", &role, &role_flag, &user_flag])
            .await;
    }
    let allowed = format!("!object.spec.running || request.userInfo.username == '{user}'");
    let tried = running(&stage, Group::Stored);
    let policy = Policy::new(&stage, &["CREATE", "UPDATE"], &allowed, "not you", &tried).await;
    let anna = stage.user(&user);
    anna.send(running(&stage, Group::Stored)).await.expect(201);
    let refused = anna.send(running(&stage, Group::Old)).await.expect(422);
    let refused = refused.json();
    let message = refused["message"].as_str().unwrap();
    assert!(message.ends_with("denied request: not you"), "{message}");
    policy.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_78_a_policy_sees_the_account_of_the_aggregated_api() {
    let stage = Stage::new("seen-as").await;
    let account = format!("system:serviceaccount:{NAMESPACE}:{NAME}");
    let allowed = format!("request.userInfo.username != '{account}'");
    let tried = running(&stage, Group::Old);
    let message = "use coder.com";
    let policy = Policy::new(&stage, &["CREATE"], &allowed, message, &tried).await;
    let stored = running(&stage, Group::Stored);
    stage.admin.send(stored).await.expect(201);
    policy.end().await;
}
