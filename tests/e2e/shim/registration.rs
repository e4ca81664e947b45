//! The `APIService`, and who is believed.

use super::{
    server::API_SERVICE,
    stage::{Group, Stage, WORKSPACES, workspace},
};
use crate::e2e::shim::caller::{Ask, Protocol};

#[tokio::test(flavor = "multi_thread")]
async fn case_1_the_api_service_becomes_available() {
    let stage = Stage::new("available").await;
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
    let status = stage.admin.get(path).await.expect(200).json()["status"].clone();
    let condition = &status["conditions"][0];
    assert_eq!(condition["type"], "Available");
    assert_eq!(condition["status"], "True");
    assert_eq!(condition["message"], "all checks passed");

    // The kubelet can tell when it does not live any more.
    let url = format!("http://127.0.0.1:{}/healthz?verbose", stage.server.health);
    let alive = reqwest::get(url).await.unwrap().text().await.unwrap();
    assert!(alive.contains("[+]apiserver ok"), "{alive}");

    let ask = Ask::new("POST", stage.path(Group::Old, WORKSPACES, ""))
        .json(&workspace(Group::Old, "acme.alice.dev"));
    let made = stage.admin.send(ask).await.expect(201).json();
    assert_eq!(made["apiVersion"], "aggregation.coder.com/v1alpha1");
    let path = stage.path(Group::Stored, WORKSPACES, "acme.alice.dev");
    let stored = stage.admin.get(&path).await.expect(200).json();
    assert_eq!(stored["metadata"]["uid"], made["metadata"]["uid"]);
    let listed = stage.server.direct().with_protocol(Protocol::Http1);
    assert_eq!(
        listed
            .get(stage.path(Group::Old, WORKSPACES, ""))
            .await
            .status,
        401
    );
}
