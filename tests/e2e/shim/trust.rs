//! Whom to trust is what kube-apiserver says, now.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testbed::Access;

use super::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN},
    hop::{Hop, answer},
    server::{self, Server, Settings},
};

const CONFIG_MAP: &str =
    "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication";
const AGGREGATION: &str = "/apis/aggregation.coder.com/v1alpha1";

/// What kube-apiserver says of whom to trust, as a server behind `hop` is told it.
struct Told {
    said: Arc<Mutex<Value>>,
    admin: Caller,
}

impl Told {
    async fn new(bed: &Access, hop: &Hop) -> Self {
        let admin = server::administrator(bed);
        let said = Arc::new(Mutex::new(admin.get(CONFIG_MAP).await.expect(200).json()));
        let told = Arc::clone(&said);
        hop.rule(move |seen| {
            let whole = seen.path.split('?').next() == Some(CONFIG_MAP);
            whole.then(|| answer(200, &told.lock().unwrap()))
        });
        Self { said, admin }
    }

    /// Says `value` for `key`, or nothing.
    fn say(&self, key: &str, value: Option<&str>) {
        let mut said = self.said.lock().unwrap();
        let data = said["data"].as_object_mut().unwrap();
        match value {
            Some(value) => data.insert(key.to_owned(), json!(value)),
            None => data.remove(key),
        };
    }

    fn said(&self, key: &str) -> String {
        self.said.lock().unwrap()["data"][key]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Makes those who watch the real one look again.
    async fn announce(&self) {
        let number = format!("{:?}", tokio::time::Instant::now());
        let patch = json!({ "metadata": { "annotations": { "test": number } } });
        let ask =
            Ask::new("PATCH", CONFIG_MAP).body("application/merge-patch+json", patch.to_string());
        self.admin.send(ask).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_6_8_9_whom_to_trust_is_read_again_without_a_restart() {
    let bed = server::shared().await.bed;
    let hop = Hop::start(bed).await;
    let told = Told::new(bed, &hop).await;
    let authority = told.said("requestheader-client-ca-file");
    told.say("requestheader-client-ca-file", None);
    let server = Server::launch(bed, Settings::through(&hop, bed).await).await;

    // Nobody can be told from anybody else yet.
    let asked = |hop: &Hop| {
        hop.seen()
            .iter()
            .any(|seen| seen.path.starts_with(CONFIG_MAP))
    };
    server
        .eventually("it has asked", async || asked(&hop))
        .await;
    server
        .eventually("it says what is missing", async || {
            server
                .program
                .log_text()
                .unwrap()
                .contains("requestheader-client-ca-file")
        })
        .await;
    assert_eq!(server.probe("/readyz").await, 503);
    let early = server.proxy_for("x", &["system:masters"]);
    early.get(AGGREGATION).await.expect(503);
    told.say("requestheader-client-ca-file", Some(&authority));
    told.announce().await;
    server
        .eventually("ready", async || server.probe("/readyz").await == 200)
        .await;
    server
        .proxy_for("x", &["system:masters"])
        .get(AGGREGATION)
        .await
        .expect(200);

    // Any name is good where none is listed. A connection that lives is judged anew.
    let proxies = Authority::of_bed(bed, "proxy-authority");
    let other_name = server
        .direct()
        .with_certificate(proxies.sign(PLAIN))
        .with_header("x-remote-user", "x")
        .with_header("x-remote-group", "system:masters");
    other_name.get(AGGREGATION).await.expect(401);
    told.say("requestheader-allowed-names", Some("[]"));
    told.announce().await;
    server
        .eventually("another name", async || {
            other_name.get(AGGREGATION).await.status == 200
        })
        .await;

    // Another authority, and other headers.
    let another = Authority::new();
    let front = server.direct().with_certificate(another.sign(PLAIN));
    let user = front
        .with_header("x-forwarded-person", "x")
        .with_header("x-forwarded-id", "u-1")
        .with_header("x-forwarded-team", "system:masters");
    user.get(AGGREGATION).await.expect(401);
    told.say(
        "requestheader-client-ca-file",
        Some(&(authority + &another.certificate)),
    );
    told.say(
        "requestheader-username-headers",
        Some(r#"["X-Forwarded-Person"]"#),
    );
    told.say("requestheader-uid-headers", Some(r#"["X-Forwarded-Id"]"#));
    told.say(
        "requestheader-group-headers",
        Some(r#"["X-Forwarded-Team"]"#),
    );
    told.announce().await;
    server
        .eventually("other headers", async || {
            user.get(AGGREGATION).await.status == 200
        })
        .await;
    let old_headers = front
        .with_header("x-remote-user", "x")
        .with_header("x-remote-group", "system:masters");
    old_headers.get(AGGREGATION).await.expect(401);
    // An id is believed now that its header is listed.
    let other = front
        .with_header("x-forwarded-person", "y")
        .with_header("x-forwarded-id", "u-1");
    other
        .get(AGGREGATION.to_owned() + "/coderworkspaces")
        .await
        .expect(403);
    let review = hop.access_reviews().pop().unwrap();
    assert_eq!(review["uid"], "u-1");
}
