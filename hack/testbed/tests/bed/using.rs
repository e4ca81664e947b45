//! What tests and the demo rely on.

use std::fs;

use testbed::Bed;

use super::{get, until};

const TEMPLATE: &str = r#"
terraform {
  required_providers {
    coder = {
      source = "coder/coder"
    }
  }
}
data "coder_workspace" "me" {}
resource "coder_agent" "main" {
  count = data.coder_workspace.me.start_count
  os    = "linux"
  arch  = "amd64"
}
resource "terraform_data" "main" {
  input = "x"
}
"#;

#[tokio::test]
async fn kubernetes_is_complete() {
    let bed = Bed::shared().unwrap();
    bed.run_kubectl(&["create", "namespace", "whole"])
        .await
        .unwrap();
    until("the default ServiceAccount", async || {
        let arguments = ["get", "serviceaccount", "default", "--namespace=whole"];
        bed.run_kubectl(&arguments).await.is_ok()
    })
    .await;
    let arguments = [
        "get",
        "configmap",
        "extension-apiserver-authentication",
        "-o=yaml",
    ];
    let config = bed
        .run_kubectl(&[&arguments[..], &["--namespace=kube-system"]].concat())
        .await;
    assert!(config.unwrap().contains("requestheader-client-ca-file"));
    bed.run_kubectl(&["delete", "namespace", "whole", "--timeout=60s"])
        .await
        .unwrap();
}

#[tokio::test]
async fn a_service_account_has_its_own_rights_only() {
    let bed = Bed::shared().unwrap();
    let arguments = ["create", "serviceaccount", "plain", "--namespace=default"];
    bed.run_kubectl(&arguments).await.unwrap();
    let config = bed
        .service_account_kubeconfig("default", "plain")
        .await
        .unwrap();
    let flag = format!("--kubeconfig={}", config.display());
    let who = bed
        .run_kubectl(&[&flag, "auth", "whoami", "-o=yaml"])
        .await
        .unwrap();
    assert!(who.contains("system:serviceaccount:default:plain"), "{who}");
    let refusal = bed
        .run_kubectl(&[&flag, "get", "secrets"])
        .await
        .unwrap_err()
        .to_string();
    assert!(refusal.contains("Forbidden"), "{refusal}");
}

#[tokio::test]
async fn the_machine_user_is_no_owner() {
    let bed = Bed::shared().unwrap();
    let token = fs::read_to_string(bed.controller_token_file()).unwrap();
    assert_eq!(token, bed.controller_token());
    let path = format!("organizations/{}/provisionerjobs", bed.organization_id());
    assert_eq!(get(bed.coder_url(), &path, &token).await, Some(200));
    assert_eq!(
        get(bed.coder_url(), "debug/health", &token).await,
        Some(403)
    );
    assert_eq!(get(bed.coder_url(), "users/me", "wrong").await, Some(401));
}

#[tokio::test]
async fn templates_and_workspaces_work_without_a_network() {
    let bed = Bed::shared().unwrap();
    let source = tempfile::tempdir().unwrap();
    fs::write(source.path().join("main.tf"), TEMPLATE).unwrap();
    let coder = async |arguments: &[&str]| {
        let program = testbed::Invocation::new("coder-client", bed.coder())
            .arguments(arguments)
            .variable("CODER_URL", bed.coder_url())
            .variable("CODER_SESSION_TOKEN", bed.coder_token());
        let program = bed.start_program(program).await.unwrap();
        let status = program.wait(super::LIMIT).await.unwrap();
        assert!(status.success(), "{}", program.log_text().unwrap());
    };
    let folder = source.path().to_str().unwrap();
    coder(&[
        "templates",
        "push",
        "offline",
        "--directory",
        folder,
        "--yes",
    ])
    .await;
    coder(&["create", "offline", "--template", "offline", "--yes"]).await;
    coder(&["delete", "offline", "--yes"]).await;
}
