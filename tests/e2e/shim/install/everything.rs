//! Everything in one Deployment, as `docs/how-to/several-coders.md` installs it: what it needs, and what it does
//! with the rights that it is given.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use serde_json::{Value, json};
use testbed::Options;

use super::{
    cluster::{Cluster, Pod},
    guide::Guide,
};
use crate::e2e::{
    coder::id,
    object::is_ready,
    shim::caller::Ask,
    template::{manifest, small_source, tar},
};

const TEAM: &str = "/apis/coder.com/v1alpha1/namespaces/team";
const OLD: &str = "/apis/aggregation.coder.com/v1alpha1/namespaces/team";
const ELSEWHERE: &str = "A Coder that something else runs";
const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  users: ['system:serviceaccount:coder-system:coder-k8s']
- level: None
";

/// Verb, resource and group.
type Right = String;

#[tokio::test(flavor = "multi_thread")]
async fn one_deployment_without_flags_finds_a_coder_uses_each_right_and_takes_over_from_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (policy, audit) = (
        folder.path().join("policy.yaml"),
        folder.path().join("audit.log"),
    );
    std::fs::write(&policy, POLICY).unwrap();
    let options = Options {
        kube_apiserver_arguments: vec![
            format!("--audit-policy-file={}", policy.display()),
            format!("--audit-log-path={}", audit.display()),
            "--audit-log-mode=blocking".to_owned(),
        ],
        ..Options::default()
    };
    let cluster = Cluster::with(options).await;
    let mut guide = Guide::read("docs/how-to/several-coders.md");
    guide.run(cluster.bed, "Install").await;
    let first = cluster.start("coder-system", "coder-k8s").await;
    let second = cluster.start("coder-system", "coder-k8s").await;
    cluster.connect(&second).await;
    let waits = "waiting for a CoderControlPlane: there is none yet";
    said(&cluster, &first, waits).await;

    std::fs::write(guide.path("token.txt"), cluster.bed.controller_token()).unwrap();
    guide.write(ELSEWHERE, &["control-plane.yaml", "status.yaml"]);
    guide.run(cluster.bed, ELSEWHERE).await;
    guide.was_run(&[]);
    let here = json!({ "status": { "url": cluster.bed.coder_url() } }).to_string();
    let patch = [
        "-n",
        "team",
        "patch",
        "ccp",
        "coder",
        "--subresource=status",
        "--type=merge",
    ];
    cluster
        .kubectl(&[&patch[..], &["-p", &here]].concat())
        .await;

    let go = cluster.object("go");
    make(&cluster, &go, json!({ "displayName": "Go" })).await;
    let seen = ready(&cluster, &first, &go).await;
    assert_eq!(seen["status"]["controlPlane"], "coder");
    imported_and_gone(&cluster, &first).await;
    drifted(&cluster, &first, &go).await;
    referred(&cluster, &first).await;
    by_the_old_group(&cluster).await;

    // The one that works ends; the other one goes on, and knows where everything is.
    first.program.terminate();
    first.program.wait(Duration::from_secs(60)).await.unwrap();
    let other = cluster.object("other");
    make(&cluster, &other, json!({})).await;
    ready(&cluster, &second, &other).await;
    for pod in [&first, &second] {
        let log = pod.log();
        assert!(!log.contains("panicked"), "{log}");
    }
    let (used, refused) = used(&audit);
    assert_eq!(refused, BTreeSet::new(), "rights that are missing");
    let given = given(&cluster).await;
    let unused: Vec<_> = given.difference(&used).map(String::as_str).collect();
    // The serving certificate is renewed after years.
    assert_eq!(unused, ["update secrets."]);
}

/// What somebody makes in Coder gets an object, which goes with it.
async fn imported_and_gone(cluster: &Cluster, pod: &Pod) {
    let files = tar(&[("main.tf", &small_source("theirs"))]);
    let organization = cluster.bed.organization();
    let person = &cluster.person;
    let template = person.make_template(organization, "theirs", files).await;
    let owner = cluster.bed.owner();
    let workspace = person.make_workspace(owner, "theirs", id(&template)).await;
    let dev = format!("{TEAM}/coderworkspaces/{organization}.{owner}.theirs");
    let theirs = format!("{TEAM}/codertemplates/{organization}.theirs");
    for path in [&dev, &theirs] {
        let is_there = async || cluster.find(path).await.is_some_and(|seen| is_ready(&seen));
        cluster
            .eventually("it is imported", is_there, || pod.log())
            .await;
    }
    person.build(id(&workspace), "delete").await;
    let is_gone = async |path: &str| cluster.find(path).await.is_none();
    cluster
        .eventually(
            "its object goes",
            async || is_gone(&dev).await,
            || pod.log(),
        )
        .await;
    let path = format!("/templates/{}", id(&template));
    person.ask("DELETE", &path, None).await;
    cluster
        .eventually(
            "its object goes",
            async || is_gone(&theirs).await,
            || pod.log(),
        )
        .await;
}

/// What somebody changes twice is put back twice, and told once with a count.
async fn drifted(cluster: &Cluster, pod: &Pod, object: &str) {
    let name = object.rsplit('.').next().unwrap();
    let organization = cluster.bed.organization();
    let twin = cluster.person.template(organization, name).await.unwrap();
    let path = format!("/templates/{}", id(&twin));
    for times in 1..=2 {
        let change = json!({ "display_name": "Theirs" });
        cluster.person.ask("PATCH", &path, Some(change)).await;
        let told = async || {
            let events = "/apis/events.k8s.io/v1/namespaces/team/events";
            let events = cluster.find(events).await.unwrap();
            let events = events["items"].as_array().unwrap().clone();
            let corrected = events
                .iter()
                .find(|event| event["reason"] == "DriftCorrected");
            corrected.is_some_and(|event| times == 1 || event["series"]["count"] == 2)
        };
        cluster
            .eventually("it is put back", told, || pod.log())
            .await;
    }
}

/// A Secret, a ConfigMap and the key of the installation are read.
async fn referred(cluster: &Cluster, pod: &Pod) {
    let files = ["create", "configmap", "files", "-n", "team"];
    let source = format!("--from-literal=main.tf={}", variable_source());
    cluster.kubectl(&[&files[..], &[&source]].concat()).await;
    let secret = ["create", "secret", "generic", "values", "-n", "team"];
    cluster
        .kubectl(&[&secret[..], &["--from-literal=region=eu"]].concat())
        .await;
    let object = cluster.object("referring");
    let spec = json!({
        "source": { "configMapRef": { "name": "files" } },
        "variables": [{
            "name": "region",
            "valueFrom": { "secretKeyRef": { "name": "values", "key": "region" } },
        }],
    });
    let mut made = manifest(&object, "");
    made["spec"] = spec;
    let path = format!("{TEAM}/codertemplates");
    assert_eq!(cluster.post(&path, &made).await.status, 201);
    ready(cluster, pod, &object).await;
}

fn variable_source() -> String {
    format!(
        "variable \"region\" {{\n  type = string\n}}\n{}",
        small_source("")
    )
}

/// Each verb of the old group, on objects and on their status.
async fn by_the_old_group(cluster: &Cluster) {
    for (plural, object) in [
        ("codertemplates", cluster.object("by-hand")),
        (
            "coderworkspaces",
            format!(
                "{}.{}.by-hand",
                cluster.bed.organization(),
                cluster.bed.owner()
            ),
        ),
    ] {
        let kind = if plural == "codertemplates" {
            "CoderTemplate"
        } else {
            "CoderWorkspace"
        };
        let (all, one) = (
            format!("{OLD}/{plural}"),
            format!("{OLD}/{plural}/{object}"),
        );
        let made = json!({
            "apiVersion": "aggregation.coder.com/v1alpha1", "kind": kind,
            "metadata": { "name": object, "annotations": { "coder.com/paused": "true" } },
            "spec": { "organization": cluster.bed.organization(), "deletionPolicy": "Retain" },
        });
        let sent = cluster.post(&all, &made).await;
        assert_eq!(sent.status, 201, "{}", sent.text());
        cluster.admin.get(&all).await.expect(200);
        let watch = format!("{all}?watch=true&timeoutSeconds=1");
        cluster.admin.get(watch).await.expect(200);
        let merge = "application/merge-patch+json";
        let label = json!({ "metadata": { "labels": { "a": "b" } } }).to_string();
        for path in [one.clone(), format!("{one}/status")] {
            let ask = Ask::new("PATCH", path.as_str()).body(merge, label.clone());
            cluster.admin.send(ask).await.expect(200);
            let seen = cluster.admin.get(path.as_str()).await.expect(200).json();
            let ask = Ask::new("PUT", path.as_str()).json(&seen);
            let put = cluster.admin.send(ask).await;
            assert!([200, 409].contains(&put.status), "{}", put.text());
        }
        cluster.admin.send(Ask::new("DELETE", one.as_str())).await;
        let few = format!("{all}?labelSelector=a%3Db");
        cluster.admin.send(Ask::new("DELETE", few.as_str())).await;
    }
}

/// What kube-apiserver was asked by the account, and what it refused.
fn used(audit: &PathBuf) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let (mut used, mut refused) = (BTreeSet::new(), BTreeSet::new());
    for line in std::fs::read_to_string(audit).unwrap().lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let reference = &event["objectRef"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let resource = match reference["subresource"].as_str() {
            Some(part) => format!("{}/{part}", text(&reference["resource"])),
            None => text(&reference["resource"]),
        };
        let (verb, group) = (text(&event["verb"]), text(&reference["apiGroup"]));
        let right = format!("{verb} {resource}.{group}");
        if event["responseStatus"]["code"] == 403 {
            refused.insert(right);
        } else {
            used.insert(right);
        }
    }
    (used, refused)
}

/// What the rules of `deploy/all` give.
async fn given(cluster: &Cluster) -> BTreeSet<Right> {
    let folder = crate::root().join("deploy/all");
    let built = cluster
        .kubectl(&["kustomize", folder.to_str().unwrap()])
        .await;
    let all: Vec<Value> = serde_saphyr::from_multiple(&built).unwrap();
    let mut given = BTreeSet::new();
    let texts = |value: &Value| {
        let all = value.as_array().cloned().unwrap_or_default();
        let all = all.iter().map(|one| one.as_str().unwrap().to_owned());
        all.collect::<Vec<_>>()
    };
    for rule in all
        .iter()
        .flat_map(|object| object["rules"].as_array().cloned().unwrap_or_default())
    {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                for verb in texts(&rule["verbs"]) {
                    given.insert(format!("{verb} {resource}.{group}"));
                }
            }
        }
    }
    given
}

impl Cluster {
    /// The name of the object of a template.
    fn object(&self, template: &str) -> String {
        format!("{}.{template}", self.bed.organization())
    }
}

async fn make(cluster: &Cluster, object: &str, spec: Value) {
    let mut made = manifest(object, &small_source(""));
    for (field, value) in spec.as_object().unwrap() {
        made["spec"][field] = value.clone();
    }
    let path = format!("{TEAM}/codertemplates");
    let sent = cluster.post(&path, &made).await;
    assert_eq!(sent.status, 201, "{}", sent.text());
}

async fn ready(cluster: &Cluster, pod: &Pod, object: &str) -> Value {
    let path = format!("{TEAM}/codertemplates/{object}");
    let is_ready = async || {
        cluster
            .find(&path)
            .await
            .is_some_and(|seen| is_ready(&seen))
    };
    cluster
        .eventually("it is ready", is_ready, || pod.log())
        .await;
    cluster.find(&path).await.unwrap()
}

async fn said(cluster: &Cluster, pod: &Pod, text: &str) {
    let says_so = async || pod.log().contains(text);
    cluster
        .eventually("it says so", says_so, || pod.log())
        .await;
}
