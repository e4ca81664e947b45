//! The test bed itself, with real servers. The first run of all builds them, for minutes.
#![allow(missing_docs, reason = "tests")]
#![allow(
    clippy::unwrap_used,
    reason = "clippy takes only the test functions for tests"
)]

mod breaking;
mod killing;
mod proxying;
mod using;

use std::time::Duration;

/// Longer than anything here takes on a busy machine of two cores.
const LIMIT: Duration = Duration::from_secs(60);

/// Looks again and again until a condition holds.
async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    assert!(
        tokio::time::timeout(LIMIT, waiting).await.is_ok(),
        "not in time: {what}"
    );
}

/// A client that gives up soon and never reuses a broken connection.
fn client() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(0)
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

/// GET of a path below `/api/v2` with the machine user's token; the status, if there is one.
async fn get(base: &str, path: &str, token: &str) -> Option<u16> {
    let request = client()
        .get(format!("{base}/api/v2/{path}"))
        .header("Coder-Session-Token", token);
    Some(request.send().await.ok()?.status().as_u16())
}
