//! A candidate of client-go and ours stand for the same Lease.

use testbed::Invocation;

use super::{lease, replica::Replica, stage};
use crate::e2e::{
    scene::{PATIENCE, Scene},
    shim::clients,
};

/// Starts a candidate of client-go.
async fn rival(scene: &Scene, name: &str) -> testbed::Program {
    let kubeconfig = scene.bed.kubeconfig().display().to_string();
    let namespace = scene.namespace.clone();
    let flags = [
        "lease",
        "--kubeconfig",
        &kubeconfig,
        "--namespace",
        &namespace,
    ];
    let arguments = flags.map(str::to_owned);
    let name = format!("rival-{}-{name}", scene.namespace);
    let invocation = Invocation::new(name, clients::program().await).arguments(arguments);
    scene.bed.start_program(invocation).await.unwrap()
}

async fn holder_is(scene: &Scene, holder: &str) {
    scene
        .eventually(holder, async || {
            let lease = lease(scene).await;
            let found = lease["spec"]["holderIdentity"].as_str();
            found.is_some_and(|found| found.starts_with(holder))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn candidates_of_client_go_and_ours_give_way_to_each_other() {
    let scene = stage("rivals").await;
    let go = rival(&scene, "first").await;
    scene
        .eventually("it leads", async || {
            go.log_text().unwrap().contains("leads")
        })
        .await;
    holder_is(&scene, "client-go").await;
    let ours = Replica::start(&scene, "ours").await;
    ours.waits().await;
    let again = rival(&scene, "second").await;

    // Given back by one of client-go, it goes to one of the two that wait.
    go.terminate();
    go.wait(PATIENCE).await.unwrap();
    again.terminate();
    again.wait(PATIENCE).await.unwrap();
    ours.leads().await;
    holder_is(&scene, "ours_").await;

    let go = rival(&scene, "third").await;
    ours.sweeps(&scene, 4).await;
    assert_eq!(go.log_text().unwrap().matches("leads").count(), 0);
    ours.stop().await;
    holder_is(&scene, "client-go").await;
    go.terminate();
    let status = go.wait(PATIENCE).await.unwrap();
    assert!(status.success(), "{}", go.log_text().unwrap());
}
