//! Everything in one Deployment, as `docs/how-to/several-coders.md` installs it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    cluster::{Cluster, Pod},
    guide::Guide,
};
use crate::e2e::{
    object::is_ready,
    template::{manifest, small_source},
};

const TEMPLATES: &str = "/apis/coder.com/v1alpha1/namespaces/team/codertemplates";
const OLD: &str = "/apis/aggregation.coder.com/v1alpha1/namespaces/team/codertemplates";
const ELSEWHERE: &str = "A Coder that something else runs";

#[tokio::test(flavor = "multi_thread")]
async fn one_deployment_without_flags_finds_a_coder_and_takes_over_from_itself() {
    let cluster = Cluster::new().await;
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

    let organization = cluster.bed.organization();
    let object = format!("{organization}.go");
    make(&cluster, &object).await;
    let seen = ready(&cluster, &first, &object).await;
    assert_eq!(seen["status"]["controlPlane"], "coder");
    let listed = cluster.admin.get(OLD).await.expect(200).json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);

    // The one that works ends; the other one goes on, and knows where everything is.
    first.program.terminate();
    first.program.wait(Duration::from_secs(60)).await.unwrap();
    let other = format!("{organization}.other");
    make(&cluster, &other).await;
    ready(&cluster, &second, &other).await;
    for pod in [&first, &second] {
        let log = pod.log();
        let refused = log.lines().find(|line| line.contains("forbidden: User"));
        assert_eq!(refused, None, "it was refused a right");
        assert!(!log.contains("panicked"), "{log}");
    }
}

async fn make(cluster: &Cluster, object: &str) {
    let made = cluster
        .post(TEMPLATES, &manifest(object, &small_source("")))
        .await;
    assert_eq!(made.status, 201, "{}", made.text());
}

async fn ready(cluster: &Cluster, pod: &Pod, object: &str) -> Value {
    let path = format!("{TEMPLATES}/{object}");
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
    cluster
        .eventually(
            "it says so",
            async || pod.log().contains(text),
            || pod.log(),
        )
        .await;
}
