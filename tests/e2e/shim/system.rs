//! Namespace deletion and garbage collection (cases 73 and 74) while the aggregated API is up, down and
//! restarting: nothing goes that should stay, and everything goes on without help.

use std::process::Stdio;

use serde_json::{Value, json};
use testbed::{Access, Bed, Options};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use super::{
    caller::Ask,
    clients,
    server::{self, API_SERVICE, Server, Settings},
    stage::{Group, Stage, TEMPLATES, WORKSPACES, template, workspace},
};

const OWNER: &str = "acme.alice.owner";

/// A bed to be broken, and the aggregated API of that bed.
struct Play {
    // Ends before the bed.
    server: Option<Server>,
    /// The same, in a place where stages find it.
    first: &'static Server,
    bed: Bed,
    access: &'static Access,
}

impl Play {
    async fn new() -> Self {
        let bed = Bed::start(Options::default()).await.unwrap();
        let access: &'static Access = Box::leak(Box::new((*bed).clone()));
        server::install(access).await;
        let first = Server::published(access, Settings::default()).await;
        Self {
            server: None,
            first: Box::leak(Box::new(first)),
            bed,
            access,
        }
    }

    async fn kill(&mut self) {
        match self.server.take() {
            Some(server) => server.program.kill().await,
            None => self.first.program.kill().await,
        };
    }

    /// Starts it where it was; nobody is told.
    async fn start(&mut self) {
        let port = Some(self.first.port);
        let settings = Settings {
            port,
            ..Settings::default()
        };
        self.server = Some(Server::start(self.access, settings).await);
    }

    async fn stage(&self, test: &str) -> Stage {
        Stage::of(self.first, test).await
    }
}

/// A namespace with an object of each kind, and what belongs to one of them by either version.
async fn furnished(play: &Play, test: &str) -> Stage {
    let stage = play.stage(test).await;
    stage
        .make_workspaces(&["acme.alice.one", "acme.alice.two"])
        .await;
    stage
        .make(TEMPLATES, &template(Group::Stored, "acme.docker"))
        .await;
    let owner = stage
        .make(WORKSPACES, &workspace(Group::Stored, OWNER))
        .await;
    for (name, group) in [("by-old", Group::Old), ("by-stored", Group::Stored)] {
        belonging(&stage, name, &group.version(), "CoderWorkspace", &owner).await;
    }
    stage
}

/// A `ConfigMap`, with or without owner.
async fn belonging(stage: &Stage, name: &str, version: &str, kind: &str, owner: &Value) -> Value {
    let mut object =
        json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
    if owner.is_object() {
        object["metadata"]["ownerReferences"] = json!([{
            "apiVersion": version, "kind": kind,
            "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        }]);
    }
    let ask = Ask::new("POST", config_maps(stage, "")).json(&object);
    stage.admin.send(ask).await.expect(201).json()
}

fn config_maps(stage: &Stage, name: &str) -> String {
    let path = format!("/api/v1/namespaces/{}/configmaps/{name}", stage.namespace);
    path.trim_end_matches('/').to_owned()
}

/// Everything of ours in the namespace: names and uids.
async fn inventory(stage: &Stage) -> Vec<String> {
    let mut all = Vec::new();
    for path in [
        stage.path(Group::Stored, WORKSPACES, ""),
        stage.path(Group::Stored, TEMPLATES, ""),
        config_maps(stage, ""),
    ] {
        let list = stage.admin.get(path).await.expect(200).json();
        all.extend(list["items"].as_array().unwrap().iter().map(|item| {
            let metadata = &item["metadata"];
            format!(
                "{} {} {}",
                metadata["name"], metadata["uid"], metadata["deletionTimestamp"]
            )
        }));
    }
    all
}

/// What a namespace says of its deletion.
async fn discovery_fails(stage: &Stage) -> bool {
    let path = format!("/api/v1/namespaces/{}", stage.namespace);
    let seen = stage.admin.get(path).await;
    let conditions = seen.json()["status"]["conditions"].clone();
    conditions.as_array().is_some_and(|all| {
        all.iter().any(|one| {
            one["type"] == "NamespaceDeletionDiscoveryFailure" && one["status"] == "True"
        })
    })
}

async fn is_gone(stage: &Stage) -> bool {
    let path = format!("/api/v1/namespaces/{}", stage.namespace);
    stage.admin.get(path).await.status == 404
}

async fn end(stage: &Stage) {
    stage
        .kubectl(&["delete", "namespace", &stage.namespace, "--wait=false"])
        .await;
}

/// The collector is at work: what belongs to nobody any more goes.
async fn collector_works(play: &Play, stage: &Stage) {
    let owner = belonging(stage, "sentinel", "", "", &Value::Null).await;
    belonging(stage, "sentinels", "v1", "ConfigMap", &owner).await;
    stage
        .kubectl(&["delete", "configmap", "sentinel", "--wait=false"])
        .await;
    play.first
        .eventually("the collector is at work", async || {
            stage
                .admin
                .get(config_maps(stage, "sentinels"))
                .await
                .status
                == 404
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn case_49_73_74_while_the_old_group_is_away_nothing_is_lost_and_then_everything_goes_on() {
    let mut play = Play::new().await;
    let keep = furnished(&play, "keep").await;
    let (up, down) = (furnished(&play, "up").await, furnished(&play, "down").await);
    let kept = inventory(&keep).await;

    end(&up).await;
    play.first
        .eventually("a namespace ends", async || is_gone(&up).await)
        .await;

    let heard = play.stage("informer").await;
    let mut informer = clients::command(&heard, "informer").await;
    let informer = informer
        .arg("--breaks")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut informer = informer.spawn().unwrap();
    let mut lines = BufReader::new(informer.stdout.take().unwrap()).lines();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("break"));

    play.kill().await;
    informer
        .stdin
        .as_mut()
        .unwrap()
        .write_all(b"gone\n")
        .await
        .unwrap();
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("mend"));
    play.first
        .eventually("kube-apiserver notices", async || {
            let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
            keep.admin.get(path).await.json()["status"]["conditions"][0]["status"] == "False"
        })
        .await;
    end(&down).await;
    play.first
        .eventually("the namespace says why it stays", async || {
            discovery_fails(&down).await
        })
        .await;

    // A collector that begins without the old group has never seen its objects.
    play.bed.kill_kube_controller_manager().await.unwrap();
    play.bed.start_kube_controller_manager().await.unwrap();
    collector_works(&play, &keep).await;
    assert!(
        !is_gone(&down).await,
        "it ends only when everything in it has been looked at"
    );
    assert_eq!(inventory(&keep).await, kept);

    play.start().await;
    play.first
        .eventually("the namespace ends", async || is_gone(&down).await)
        .await;
    assert_eq!(lines.next_line().await.unwrap().as_deref(), Some("done"));
    assert!(informer.wait().await.unwrap().success());
    assert_eq!(inventory(&keep).await, kept);

    // Restarts while namespaces end.
    let ending = [
        furnished(&play, "first").await,
        furnished(&play, "second").await,
    ];
    for stage in &ending {
        end(stage).await;
        play.kill().await;
        play.start().await;
    }
    for stage in &ending {
        play.first
            .eventually("the namespace ends", async || is_gone(stage).await)
            .await;
    }
    assert_eq!(inventory(&keep).await, kept);

    let owner = Ask::new("DELETE", keep.path(Group::Old, WORKSPACES, OWNER));
    keep.admin.send(owner).await.expect(200);
    for name in ["by-stored", "by-old"] {
        play.first
            .eventually("dependents go with their owner", async || {
                keep.admin.get(config_maps(&keep, name)).await.status == 404
            })
            .await;
    }
    let left = |line: &&String| {
        ![OWNER, "by-stored", "by-old"]
            .iter()
            .any(|gone| line.contains(gone))
    };
    let kept: Vec<_> = kept.iter().filter(left).cloned().collect();
    assert_eq!(inventory(&keep).await, kept);
    play.kill().await;
}
