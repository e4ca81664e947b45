//! Every server can be broken and comes back as it was.

use rustix::process::{Pid, Signal, kill_process};
use testbed::{Bed, Options};

use super::{get, until};

#[tokio::test]
async fn broken_servers_come_back() {
    let bed = Bed::start(Options::default()).await.unwrap();
    coderd_stops_and_starts(&bed).await;
    coderd_is_started_again(&bed).await;
    postgres_hangs_and_goes_on(&bed).await;
    postgres_stops_and_starts(&bed).await;
    kube_apiserver_stops_and_starts(&bed).await;
    let folder = bed.directory().to_owned();
    drop(bed);
    assert!(!folder.exists());
}

async fn me(bed: &Bed) -> Option<u16> {
    get(bed.coder_url(), "users/me", bed.controller_token()).await
}

async fn coderd_stops_and_starts(bed: &Bed) {
    assert_eq!(me(bed).await, Some(200));
    bed.stop_coderd().await.unwrap();
    assert_eq!(me(bed).await, None);
    assert_eq!(bed.coderd_process(), None);
    bed.start_coderd().await.unwrap();
    assert_eq!(me(bed).await, Some(200));
    bed.kill_coderd().await.unwrap();
    assert_eq!(me(bed).await, None);
    bed.start_coderd().await.unwrap();
}

async fn coderd_is_started_again(bed: &Bed) {
    let process = bed.coderd_process().unwrap();
    let number = Pid::from_raw(i32::try_from(process).unwrap()).unwrap();
    kill_process(number, Signal::KILL).unwrap();
    until("another coderd", async || {
        bed.coderd_process().is_some_and(|now| now != process)
    })
    .await;
    bed.coderd_ready().await.unwrap();
    assert_eq!(me(bed).await, Some(200));
}

async fn postgres_hangs_and_goes_on(bed: &Bed) {
    bed.pause_postgres().unwrap();
    // The request runs into the client's own limit.
    assert_eq!(me(bed).await, None);
    bed.resume_postgres().unwrap();
    until("coderd answers after the pause", async || {
        me(bed).await == Some(200)
    })
    .await;
}

async fn postgres_stops_and_starts(bed: &Bed) {
    bed.stop_postgres().await.unwrap();
    assert_ne!(me(bed).await, Some(200));
    bed.start_postgres().await.unwrap();
    until("coderd answers with its database back", async || {
        me(bed).await == Some(200)
    })
    .await;
}

async fn kube_apiserver_stops_and_starts(bed: &Bed) {
    bed.run_kubectl(&["create", "namespace", "kept"])
        .await
        .unwrap();
    bed.stop_kube_apiserver().await.unwrap();
    assert!(
        bed.run_kubectl(&["get", "namespace", "kept"])
            .await
            .is_err()
    );
    bed.start_kube_apiserver().await.unwrap();
    bed.run_kubectl(&["get", "namespace", "kept"])
        .await
        .unwrap();
}
