//! Who asks: nobody gets in as somebody else, or without a good credential.

use serde_json::json;
use testbed::Access;

use super::Ground;
use crate::e2e::shim::{
    caller::{Ask, Caller},
    certificate::{Authority, PLAIN, Pair, Wanted},
};

fn forged(caller: &Caller) -> Caller {
    caller
        .with_header("x-remote-user", "root")
        .with_header("x-remote-group", "system:masters")
}

fn client_of(bed: &Access, wanted: Wanted<'_>) -> Pair {
    Authority::of_bed(bed, "authority").sign(wanted)
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_nobody_vouches_for_gets_nothing() {
    let ground = Ground::new("vouched").await;
    let bed = ground.stage.bed;
    let nobody = ground.server.direct();
    let front = Wanted {
        common_name: "front-proxy-client",
        ..PLAIN
    };
    let master = Wanted {
        organizations: &["system:masters"],
        ..PLAIN
    };
    let expired = |wanted| Wanted {
        expired: true,
        ..wanted
    };
    let proxies = Authority::of_bed(bed, "proxy-authority");
    let with = |pair: Pair| nobody.with_certificate(pair);
    for (what, caller) in [
        ("no credential", nobody.again()),
        ("X-Remote-User without a certificate", forged(&nobody)),
        (
            "a front-proxy certificate of another authority",
            forged(&with(Authority::new().sign(front))),
        ),
        (
            "an expired front-proxy certificate",
            forged(&with(proxies.sign(expired(front)))),
        ),
        (
            "a front-proxy certificate with another name",
            forged(&with(proxies.sign(PLAIN))),
        ),
        (
            "a client certificate of another authority",
            with(Authority::new().sign(master)),
        ),
        (
            "an expired client certificate",
            with(client_of(bed, expired(master))),
        ),
        (
            "a client certificate of the front-proxy authority",
            with(proxies.sign(Wanted {
                common_name: "root",
                ..master
            })),
        ),
        (
            "a front-proxy certificate without a user",
            with(proxies.sign(front)),
        ),
        (
            "a token of nobody",
            nobody.with_header("authorization", "Bearer nonsense"),
        ),
        (
            "a password",
            nobody.with_header("authorization", "Basic cm9vdDpyb290"),
        ),
    ] {
        ground.refused_in_all_ways(what, &caller).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_known_is_nobody_else() {
    let ground = Ground::new("known").await;
    let bed = ground.stage.bed;
    let client = ground
        .server
        .direct()
        .with_certificate(client_of(bed, PLAIN));
    ground
        .refused_in_all_ways(
            "a client certificate and a forged X-Remote-User",
            &forged(&client),
        )
        .await;
    let impersonating = client
        .with_header("impersonate-user", "root")
        .with_header("impersonate-group", "system:masters");
    ground
        .refused_in_all_ways("Impersonate-User", &impersonating)
        .await;
    let underscores = client
        .with_header("x_remote_user", "root")
        .with_header("x_remote_group", "system:masters");
    ground
        .refused_in_all_ways("X_Remote_User", &underscores)
        .await;
    let reviews = ground.hop.access_reviews();
    assert!(!reviews.is_empty());
    assert!(
        reviews.iter().all(|review| review["user"] == "somebody"),
        "{reviews:?}"
    );
    let groups = json!(["system:authenticated"]);
    assert!(
        reviews.iter().all(|review| review["groups"] == groups),
        "{reviews:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_revoked_is_good_for_ten_seconds_at_most() {
    let ground = Ground::new("token").await;
    let Ground { stage, server, hop } = &ground;
    stage.kubectl(&["create", "serviceaccount", "robot"]).await;
    let user = format!("system:serviceaccount:{}:robot", stage.namespace);
    stage
        .kubectl(&[
            "create",
            "role",
            "robot",
            "--verb=list",
            "--resource=coderworkspaces.aggregation.coder.com",
        ])
        .await;
    stage
        .kubectl(&[
            "create",
            "rolebinding",
            "robot",
            "--role=robot",
            &format!("--user={user}"),
        ])
        .await;
    let token = stage.kubectl(&["create", "token", "robot"]).await;
    let robot = server
        .direct()
        .with_header("authorization", &format!("Bearer {}", token.trim()));
    robot.get(ground.path("")).await.expect(200);
    let review = hop.access_reviews().pop().unwrap();
    assert_eq!(review["user"], user.as_str());
    // What it may do not, it may not.
    robot
        .send(Ask::new("DELETE", ground.path("")))
        .await
        .expect(403);
    // Its token stays here.
    let passed = hop.about_objects();
    let sent = passed[0].headers["authorization"].to_str().unwrap();
    assert!(!sent.contains(token.trim()));

    stage.kubectl(&["delete", "serviceaccount", "robot"]).await;
    let deleted = tokio::time::Instant::now();
    server
        .eventually("it is refused", async || {
            robot.get(ground.path("")).await.status == 401
        })
        .await;
    // kube-apiserver itself remembers a token for ten seconds too.
    assert!(
        deleted.elapsed().as_secs_f64() < 22.0,
        "{:?}",
        deleted.elapsed()
    );
    hop.forget();
    ground.refused("a revoked token", &robot.get(ground.path("")).await);
}
