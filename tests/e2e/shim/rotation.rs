//! The authority that the server makes for itself is replaced while everybody uses it: the other
//! tests of this cluster too.

use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    caller::{Ask, Caller},
    server::{API_SERVICE, NAMESPACE, SERVER_NAME},
    stage::{Group, Stage, WORKSPACES},
};

const SECRET: &str = "coder-k8s-apiserver-tls";
const END: &str = "-----END CERTIFICATE-----\n";
/// A new authority has to be trusted for a minute before it is used.
const PATIENCE: Duration = Duration::from_secs(240);
const LOOK: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn case_3_its_own_authority_is_replaced_without_a_failed_request() {
    let stage = Stage::new("rotation").await;
    let list = stage.path(Group::Old, WORKSPACES, "");
    let before = authorities(&stage).await;
    let secret = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{SECRET}");
    let delete = Ask::new("DELETE", secret.as_str());
    stage.admin.send(delete).await.expect(200);

    let deadline = Instant::now() + PATIENCE;
    let mut both_were_trusted = false;
    loop {
        stage.admin.get(list.as_str()).await.expect(200);
        let trusted = authorities(&stage).await;
        let newest = trusted[0].clone();
        if newest != before[0] {
            both_were_trusted |= trusted.contains(&before[0]);
            // A connection of somebody who trusts nobody but the new authority.
            let strict = Caller::new(stage.server.port, SERVER_NAME, Some(newest));
            if strict.reaches().await {
                break;
            }
        }
        assert!(Instant::now() < deadline, "{}", stage.server.log_tail());
        sleep(LOOK).await;
    }
    assert!(
        both_were_trusted,
        "there was a moment with the new one only"
    );
    stage.admin.get(list).await.expect(200);
}

/// Whom kube-apiserver trusts, the newest first.
async fn authorities(stage: &Stage) -> Vec<String> {
    let path = format!("/apis/apiregistration.k8s.io/v1/apiservices/{API_SERVICE}");
    let found = stage.admin.get(path).await.expect(200).json();
    let bundle: Value = found["spec"]["caBundle"].clone();
    assert_ne!(bundle, json!(null));
    let ByteString(bytes) = serde_json::from_value(bundle).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let certificates: Vec<_> = text.split_inclusive(END).map(str::to_owned).collect();
    assert!(!certificates.is_empty());
    certificates
}
