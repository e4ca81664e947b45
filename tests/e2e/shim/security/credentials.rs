//! Who asks: nobody gets in as somebody else, or without a good credential.

use serde_json::json;
use testbed::Access;

use super::Ground;
use crate::e2e::shim::{
    caller::Caller,
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
async fn a_good_credential_is_none_past_kube_apiserver() {
    let ground = Ground::new("past").await;
    let Ground { stage, server, .. } = &ground;
    let master = Wanted {
        organizations: &["system:masters"],
        ..PLAIN
    };
    let client = server
        .direct()
        .with_certificate(client_of(stage.bed, master));
    stage.kubectl(&["create", "serviceaccount", "robot"]).await;
    let token = stage.kubectl(&["create", "token", "robot"]).await;
    let bearer = format!("Bearer {}", token.trim());
    let impersonating = client
        .with_header("impersonate-user", "root")
        .with_header("impersonate-group", "system:masters");
    let underscores = client
        .with_header("x_remote_user", "root")
        .with_header("x_remote_group", "system:masters");
    for (what, caller) in [
        ("a good client certificate", client.again()),
        (
            "a good token",
            server.direct().with_header("authorization", &bearer),
        ),
        (
            "a client certificate and a forged X-Remote-User",
            forged(&client),
        ),
        ("a client certificate and Impersonate-User", impersonating),
        ("a client certificate and X_Remote_User", underscores),
    ] {
        ground.refused_in_all_ways(what, &caller).await;
    }
    assert!(ground.hop.access_reviews().is_empty(), "nobody was asked");
    // What kube-apiserver has made of a header, it has taken out.
    let told = server
        .proxy_for("bob", &[])
        .with_header("impersonate-user", "root")
        .with_header("authorization", &bearer);
    told.get(ground.path("")).await.expect(403);
    let reviews = ground.hop.access_reviews();
    assert_eq!(reviews.len(), 1);
    assert_eq!(reviews[0]["user"], "bob");
    assert_eq!(reviews[0]["groups"], json!(["system:authenticated"]));
}
