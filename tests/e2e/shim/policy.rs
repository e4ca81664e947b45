//! Admission (case 78): it runs for the stored group, and so for writes of the old one.

use serde_json::json;

use super::{
    caller::Ask,
    stage::{Group, Stage, WORKSPACES, workspace},
};

#[tokio::test(flavor = "multi_thread")]
async fn case_78_a_policy_for_the_stored_group_holds_for_the_old_one() {
    let stage = Stage::new("policy").await;
    let name = format!("{}.coder.com", stage.namespace);
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": { "name": name },
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": { "resourceRules": [{
                "apiGroups": ["coder.com"], "apiVersions": ["v1alpha1"],
                "operations": ["CREATE", "UPDATE"], "resources": ["coderworkspaces"],
            }] },
            "validations": [{ "expression": "!object.spec.running", "message": "nothing runs here" }],
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
    let collection = |plural: &str| format!("/apis/admissionregistration.k8s.io/v1/{plural}");
    for (plural, object) in [
        ("validatingadmissionpolicies", &policy),
        ("validatingadmissionpolicybindings", &binding),
    ] {
        stage
            .admin
            .send(Ask::new("POST", collection(plural)).json(object))
            .await
            .expect(201);
    }
    let mut running = workspace(Group::Old, "acme.alice.dev");
    running["spec"]["running"] = json!(true);
    let collection_of_old = stage.path(Group::Old, WORKSPACES, "?dryRun=All");
    let post =
        |object: &serde_json::Value| Ask::new("POST", collection_of_old.as_str()).json(object);
    stage
        .server
        .eventually("the policy holds", async || {
            stage.admin.send(post(&running)).await.status == 422
        })
        .await;
    let refused = stage.admin.send(post(&running)).await.expect(422).json();
    let message = refused["message"].as_str().unwrap();
    // The name of the policy ends like the group, and is none of it.
    let denied = format!(
        "coderworkspaces.aggregation.coder.com \"acme.alice.dev\" is forbidden: ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: nothing runs here"
    );
    assert_eq!(message, denied);
    assert_eq!(refused["details"]["group"], "aggregation.coder.com");
    running["spec"]["running"] = json!(false);
    stage.admin.send(post(&running)).await.expect(201);
    for plural in [
        "validatingadmissionpolicybindings",
        "validatingadmissionpolicies",
    ] {
        let path = format!("{}/{name}", collection(plural));
        stage.admin.send(Ask::new("DELETE", path)).await.expect(200);
    }
}
