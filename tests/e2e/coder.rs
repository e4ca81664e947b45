//! "Someone else": a person who uses coderd's API directly, as its owner.

use std::time::Duration;

use serde_json::{Value, json};

/// A person with a token.
#[derive(Clone, Debug)]
pub struct Person {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Person {
    /// The person to whom `token` belongs.
    pub fn new(url: &str, token: &str) -> Self {
        Self {
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(30))
                .build()
                .unwrap(),
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
        }
    }

    /// Sends a request below `/api/v2`; the status and the JSON of the answer.
    pub async fn send(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let request = self
            .client
            .request(
                method.parse().unwrap(),
                format!("{}/api/v2{path}", self.url),
            )
            .header("Coder-Session-Token", &self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        let reply = request.send().await.unwrap();
        let status = reply.status().as_u16();
        let text = reply.text().await.unwrap();
        (
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    /// Sends a request that has to succeed.
    pub async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let (status, answer) = self.send(method, path, body).await;
        assert!(
            (200..300).contains(&status),
            "{method} {path}: {status} {answer}"
        );
        answer
    }

    /// Reads something.
    pub async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).await
    }

    /// The workspace `name` of `owner`, if it is there.
    pub async fn workspace(&self, owner: &str, name: &str) -> Option<Value> {
        let (status, answer) = self
            .send("GET", &format!("/users/{owner}/workspace/{name}"), None)
            .await;
        (status == 200).then_some(answer)
    }

    /// The template `name` of `organization`, if it is there.
    pub async fn template(&self, organization: &str, name: &str) -> Option<Value> {
        let path = format!("/organizations/{organization}/templates/{name}");
        let (status, answer) = self.send("GET", &path, None).await;
        (status == 200).then_some(answer)
    }

    /// All versions of a template, archived ones included.
    pub async fn versions(&self, template: &str) -> Vec<Value> {
        let path = format!("/templates/{template}/versions?include_archived=true");
        self.get(&path)
            .await
            .as_array()
            .cloned()
            .unwrap_or_default()
    }

    /// All builds of a workspace, newest first.
    pub async fn builds(&self, workspace: &str) -> Vec<Value> {
        let builds = self.get(&format!("/workspaces/{workspace}/builds")).await;
        builds.as_array().cloned().unwrap_or_default()
    }

    /// Starts, stops or deletes a workspace and waits for the end of the build.
    pub async fn build(&self, workspace: &str, transition: &str) -> Value {
        let path = format!("/workspaces/{workspace}/builds");
        let build = self
            .ask("POST", &path, Some(json!({ "transition": transition })))
            .await;
        self.ended(&format!("/workspacebuilds/{}", id(&build)))
            .await
    }

    /// Waits until the job of what `path` shows has ended.
    pub async fn ended(&self, path: &str) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
        loop {
            let seen = self.get(path).await;
            let status = seen["job"]["status"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if matches!(status.as_str(), "succeeded" | "failed" | "canceled") {
                return seen;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{path} is still {status}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Creates a template from `files` without any help of the controller; its row.
    pub async fn make_template(&self, organization: &str, name: &str, tar: Vec<u8>) -> Value {
        let version = self.make_version(organization, None, tar).await;
        let path = format!("/organizations/{organization}/templates");
        let body = json!({ "name": name, "template_version_id": id(&version) });
        self.ask("POST", &path, Some(body)).await
    }

    /// Uploads `tar` as a version and waits for the end of its import.
    pub async fn make_version(
        &self,
        organization: &str,
        template: Option<&str>,
        tar: Vec<u8>,
    ) -> Value {
        let upload = self
            .client
            .post(format!("{}/api/v2/files", self.url))
            .header("Coder-Session-Token", &self.token)
            .header("Content-Type", "application/x-tar")
            .body(tar)
            .send()
            .await
            .unwrap();
        let upload: Value = upload.json().await.unwrap();
        let mut body = json!({
            "storage_method": "file",
            "file_id": upload["hash"],
            "provisioner": "terraform",
        });
        if let Some(template) = template {
            body["template_id"] = json!(template);
        }
        let path = format!("/organizations/{organization}/templateversions");
        let version = self.ask("POST", &path, Some(body)).await;
        self.ended(&format!("/templateversions/{}", id(&version)))
            .await
    }

    /// Creates a workspace and waits for the end of its first build.
    pub async fn make_workspace(&self, owner: &str, name: &str, template: &str) -> Value {
        let path = format!("/users/{owner}/workspaces");
        let body = json!({ "name": name, "template_id": template });
        let workspace = self.ask("POST", &path, Some(body)).await;
        self.ended(&format!(
            "/workspacebuilds/{}",
            id(&workspace["latest_build"])
        ))
        .await;
        self.get(&format!("/workspaces/{}", id(&workspace))).await
    }

    /// Creates a user who is a member of the organization with this id.
    pub async fn make_user(&self, organization_id: &str, name: &str) {
        let body = json!({
            "username": name,
            "email": format!("{name}@example.com"),
            "password": "a Sound passw0rd",
            "login_type": "password",
            "organization_ids": [organization_id],
        });
        self.ask("POST", "/users", Some(body)).await;
    }
}

/// The id of what coderd answered.
pub fn id(answer: &Value) -> &str {
    answer["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {answer}"))
}
