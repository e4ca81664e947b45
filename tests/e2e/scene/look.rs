//! Looking at both sides, until they are as they should be.

use std::time::Duration;

use http::Request;
use serde_json::Value;
use tokio::time::Instant;

use super::{PATIENCE, Scene};

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(100);

impl Scene {
    /// Reads an object such as `cws/name`, if it is there.
    pub async fn object(&self, object: &str) -> Option<Value> {
        let (kind, name) = object.split_once('/').unwrap();
        let plural = if kind == "cws" {
            "coderworkspaces"
        } else {
            "codertemplates"
        };
        let path = format!(
            "/apis/coder.com/v1alpha1/namespaces/{}/{plural}/{name}",
            self.namespace
        );
        let request = Request::get(path).body(Vec::new()).unwrap();
        self.kube.request::<Value>(request).await.ok()
    }

    /// Waits until the object is as `is_as` says.
    pub async fn until(&self, object: &str, what: &str, is_as: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.object(object).await;
            if let Some(seen) = seen.as_ref().filter(|seen| is_as(seen)) {
                return seen.clone();
            }
            if Instant::now() >= deadline {
                let shown = seen.map(|seen| serde_json::to_string_pretty(&seen).unwrap());
                panic!(
                    "{object} never was: {what}\n{}\n{}",
                    shown.unwrap_or_default(),
                    self.log_tail()
                );
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the object is gone.
    pub async fn until_gone(&self, object: &str) {
        self.eventually(&format!("{object} is gone"), async || {
            self.object(object).await.is_none()
        })
        .await;
    }

    /// Waits until `holds`.
    pub async fn eventually(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds().await {
            assert!(
                Instant::now() < deadline,
                "never: {what}\n{}",
                self.log_tail()
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    /// All objects of both kinds in the namespace.
    pub async fn objects(&self) -> Vec<Value> {
        let mut objects = self.list("coder.com/v1alpha1", "coderworkspaces").await;
        objects.extend(self.list("coder.com/v1alpha1", "codertemplates").await);
        objects
    }

    /// All objects of one kind in the namespace, Events for example.
    pub async fn list(&self, api: &str, plural: &str) -> Vec<Value> {
        let path = format!("/apis/{api}/namespaces/{}/{plural}", self.namespace);
        let request = Request::get(path).body(Vec::new()).unwrap();
        let list = self.kube.request::<Value>(request).await.unwrap();
        list["items"].as_array().cloned().unwrap_or_default()
    }

    /// How many requests the controller has sent to coderd.
    pub fn requests(&self) -> u64 {
        self.proxy.count("*", "").unwrap()
    }

    /// Waits until the controller has sent `count` requests more to coderd, whatever became of them.
    pub async fn requests_more(&self, count: u64) {
        let start = self.requests();
        self.eventually("more requests", async || self.requests() >= start + count)
            .await;
    }

    /// Waits until the controller has swept coderd `count` times more: whatever was to be noticed has
    /// been noticed.
    pub async fn sweeps(&self, count: u64) {
        let swept = || self.proxy.count("GET", "/workspaces$").unwrap();
        let start = swept();
        self.eventually("more sweeps", async || swept() >= start + count)
            .await;
    }

    /// The Events about an object, as `reason: note`.
    pub async fn events(&self, object: &str) -> Vec<String> {
        let name = object.split_once('/').unwrap().1;
        let events = self.list("events.k8s.io/v1", "events").await;
        events
            .iter()
            .filter(|event| event["regarding"]["name"] == name)
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                format!("{}: {}", text("reason"), text("note"))
            })
            .collect()
    }

    /// Waits for an Event about an object that `is_it`.
    pub async fn event(&self, object: &str, what: &str, is_it: impl Fn(&str) -> bool) {
        self.eventually(&format!("an Event: {what}"), async || {
            self.events(object).await.iter().any(|event| is_it(event))
        })
        .await;
    }

    /// Nothing was written to coderd since the proxy forgot what was before.
    pub fn wrote_nothing(&self) {
        assert_eq!(self.proxy.mutations(), []);
    }
}
