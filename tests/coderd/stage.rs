//! What the tests stand on: clients of the shared bed, sources, and waiting.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::Bytes;
use coder_k8s::coderd::{
    BaseUrl, Build, Client, NewVersion, NewWorkspace, Template, TokenSource, Version, Workspace,
    types::NewTemplate,
};
use testbed::{Access, Bed};
use uuid::Uuid;

/// A template that asks for two parameters and runs an agent.
pub(super) const SOURCE: &str = r#"
terraform {
  required_providers {
    coder = { source = "coder/coder" }
  }
}
variable "greeting" { default = "hello" }
data "coder_workspace" "me" {}
data "coder_parameter" "size" {
  name    = "size"
  type    = "number"
  default = "1"
  mutable = true
  validation {
    min = 1
    max = 5
  }
}
data "coder_parameter" "region" {
  name    = "region"
  default = "eu"
}
resource "coder_agent" "main" {
  count = data.coder_workspace.me.start_count
  arch  = "amd64"
  os    = "linux"
}
resource "terraform_data" "machine" {
  count = data.coder_workspace.me.start_count
  input = "${var.greeting} ${data.coder_parameter.size.value} ${coder_agent.main[0].token}"
}
"#;

const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn bed() -> &'static Access {
    Bed::shared().unwrap()
}

/// A name that no other test has.
pub(super) fn name(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!(
        "{prefix}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

pub(super) fn base() -> BaseUrl {
    BaseUrl::parse(bed().coder_url()).unwrap()
}

pub(super) fn client_with(token: &str) -> Client {
    Client::builder(base(), TokenSource::Fixed(token.into()))
        .connect()
        .unwrap()
}

/// The client as the controller has it.
pub(super) fn client() -> Client {
    Client::builder(base(), TokenSource::File(bed().controller_token_file()))
        .connect()
        .unwrap()
}

pub(super) async fn organization(client: &Client) -> Uuid {
    client.organization(bed().organization()).await.unwrap().id
}

/// A tar archive with one `main.tf`.
pub(super) fn archive(source: &str) -> Bytes {
    let mut header = tar::Header::new_ustar();
    header.set_size(source.len().try_into().unwrap());
    header.set_mode(0o644);
    let mut archive = tar::Builder::new(Vec::new());
    archive
        .append_data(&mut header, "main.tf", source.as_bytes())
        .unwrap();
    archive.into_inner().unwrap().into()
}

pub(super) fn new_version(name: &str, file_id: Uuid, template_id: Option<Uuid>) -> NewVersion {
    NewVersion {
        name: name.to_owned(),
        message: Some("a message".to_owned()),
        template_id,
        file_id,
        tags: BTreeMap::new(),
        variables: Vec::new(),
    }
}

pub(super) fn new_template(name: &str, version: Uuid) -> NewTemplate {
    NewTemplate {
        name: name.to_owned(),
        template_version_id: version,
        ..NewTemplate::default()
    }
}

pub(super) fn new_workspace(name: &str, template: Uuid) -> NewWorkspace {
    NewWorkspace {
        name: name.to_owned(),
        template_id: Some(template),
        ..NewWorkspace::default()
    }
}

/// Creates a version from a source and waits for the end of its import.
pub(super) async fn import(client: &Client, source: &str, template: Option<Uuid>) -> Version {
    let file = client.upload_tar(archive(source)).await.unwrap();
    let wanted = new_version(&name("v"), file, template);
    let organization = organization(client).await;
    let version = client.create_version(organization, &wanted).await.unwrap();
    imported(client, version.id).await
}

pub(super) async fn imported(client: &Client, version: Uuid) -> Version {
    until(async || {
        let version = client.version(version).await.unwrap();
        version.job.status.is_ended().then_some(version)
    })
    .await
}

/// A template of [`SOURCE`].
pub(super) async fn template(client: &Client) -> Template {
    let version = import(client, SOURCE, None).await;
    assert_eq!(version.job.error, None);
    let wanted = new_template(&name("t"), version.id);
    client
        .create_template(organization(client).await, &wanted)
        .await
        .unwrap()
}

/// A workspace of a template that has been started.
pub(super) async fn workspace(client: &Client, template: Uuid) -> Workspace {
    let wanted = new_workspace(&name("w"), template);
    let workspace = client.create_workspace("me", &wanted).await.unwrap();
    built(client, workspace.latest_build.id).await;
    client.workspace(workspace.id).await.unwrap()
}

pub(super) async fn built(client: &Client, build: Uuid) -> Build {
    until(async || {
        let build = client.build(build).await.unwrap();
        build.job.status.is_ended().then_some(build)
    })
    .await
}

/// Looks again and again until there is something.
pub(super) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looks = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.unwrap()
}

/// A call that the client does not have, made as coderd's owner.
pub(super) async fn as_owner(
    method: reqwest::Method,
    path: &str,
    body: &serde_json::Value,
) -> serde_json::Value {
    // Any client of ours installs what reqwest needs.
    let _client = client();
    let request = reqwest::Client::new()
        .request(method, format!("{}/api/v2{path}", bed().coder_url()))
        .header("Coder-Session-Token", bed().coder_token())
        .header("Content-Type", "application/json")
        .body(body.to_string());
    let reply = request.send().await.unwrap();
    let status = reply.status();
    let text = reply.text().await.unwrap();
    assert!(status.is_success(), "{path}: {status} {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

/// A new user without any role: its name and a token.
pub(super) async fn member() -> (String, String) {
    let user = name("m");
    let organization = bed().organization_id();
    let body = serde_json::json!({
        "email": format!("{user}@example.invalid"), "username": user, "login_type": "password",
        "password": "Aa1-correct-horse", "organization_ids": [organization],
    });
    as_owner(reqwest::Method::POST, "/users", &body).await;
    let path = format!("/users/{user}/keys/tokens");
    let lifetime = 3_600_000_000_000_u64;
    let body = serde_json::json!({ "token_name": "test", "lifetime": lifetime });
    let key = as_owner(reqwest::Method::POST, &path, &body).await;
    let token = key.get("key").and_then(serde_json::Value::as_str).unwrap();
    (user, token.to_owned())
}
