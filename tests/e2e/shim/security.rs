//! What must not succeed. Each attempt is answered as [`tried`] says, and nothing of it gets to
//! kube-apiserver: every server here stands behind a proxy that sees all that it sends.

mod credentials;
mod paths;
mod strangers;
mod tried;
mod wire;

use self::tried::expected;
use super::{
    caller::{Ask, Caller, Protocol, Reply},
    hop::Hop,
    server::Server,
    stage::{Group, Stage, WORKSPACES, workspace},
};

/// The path of the group version.
const VERSION: &str = "/apis/aggregation.coder.com/v1alpha1";

/// A server that is watched, and a namespace with a workspace to be after.
struct Ground {
    stage: Stage,
    server: Server,
    hop: Hop,
}

impl Ground {
    async fn new(test: &str) -> Self {
        let stage = Stage::new(test).await;
        stage.make_workspaces(&["acme.alice.dev"]).await;
        let (server, hop) = Server::watched(stage.bed).await;
        Self { stage, server, hop }
    }

    /// Somebody who may do everything.
    fn master(&self) -> Caller {
        self.server.proxy_for("root", &["system:masters"])
    }

    fn path(&self, rest: &str) -> String {
        self.stage.path(Group::Old, WORKSPACES, rest)
    }

    /// The answer is the one that is promised, and nothing was passed on.
    #[track_caller]
    fn refused(&self, what: &str, reply: &Reply) {
        let (status, reason) = expected(what);
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        if reason.is_empty() {
            assert!(
                !reply.text().contains("\"apiVersion\""),
                "{what}: {}",
                reply.text()
            );
        } else if !reply.body.is_empty() {
            assert_eq!(reply.json()["reason"], reason, "{what}");
            assert_eq!(reply.json()["code"], status, "{what}");
        }
        self.nothing_passed(what);
    }

    #[track_caller]
    fn nothing_passed(&self, what: &str) {
        let passed = self.hop.seen();
        // What the server asks for itself: whom to trust, who it is, who may, what there is.
        let own = |path: &str| {
            path.starts_with("/api/v1/namespaces/kube-system/configmaps")
                || path.ends_with("/subjectaccessreviews")
                || path == "/apis/coder.com/v1alpha1"
                || path.starts_with("/openapi/v3")
        };
        let passed: Vec<_> = passed.iter().filter(|seen| !own(&seen.path)).collect();
        assert!(passed.is_empty(), "{what}: {passed:?}");
    }

    /// All ways to ask for something, with some right of the cluster's administrators needed for each.
    async fn refused_in_all_ways(&self, what: &str, caller: &Caller) {
        let object = workspace(Group::Old, "acme.alice.new");
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let caller = caller.with_protocol(protocol);
            for ask in [
                Ask::get(self.path("acme.alice.dev")),
                Ask::get(self.path("")),
                Ask::get(self.path("?watch=1")),
                Ask::new("POST", self.path("")).json(&object),
                Ask::new("DELETE", self.path("acme.alice.dev")),
                Ask::get("/metrics"),
            ] {
                self.refused(what, &caller.send(ask).await);
            }
        }
    }
}
