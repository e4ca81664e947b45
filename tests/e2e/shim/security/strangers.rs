//! Those who come past kube-apiserver: they get little, and are in nobody's way.

use std::net::Ipv4Addr;

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

use super::Ground;
use crate::e2e::{
    scene::PATIENCE,
    shim::caller::{Ask, Protocol},
};

/// More than there may be at the same time.
const MANY: usize = 160;

/// Waits until the server has closed `silent`.
async fn until_closed(silent: &mut TcpStream) {
    let mut byte = [0; 1];
    let read = timeout(PATIENCE, silent.read(&mut byte)).await;
    // Broken off or ended: nothing came.
    assert!(!matches!(read.unwrap(), Ok(1..)));
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_kube_apiserver_out() {
    let ground = Ground::new("crowd").await;
    let port = ground.server.port;
    let known = ground.master();
    known.get(ground.path("")).await.expect(200);
    let mut silent = Vec::new();
    for _ in 0..MANY {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
            .await
            .unwrap();
        silent.push(stream);
    }
    // Those who came first had to go, and not because their time was over.
    until_closed(&mut silent[0]).await;
    let had_to_go = || {
        let log = ground.server.program.log_text().unwrap();
        log.contains("others came who are not known either")
    };
    ground
        .server
        .eventually("they had to go", async || had_to_go())
        .await;
    // Whoever is known comes in, and stays.
    ground.master().get(ground.path("")).await.expect(200);
    known.get(ground.path("")).await.expect(200);
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let probe = ground.server.direct().with_protocol(protocol);
        assert_eq!(probe.get("/readyz").await.expect(200).text(), "ok");
    }
    // Nobody stays for long without being known.
    until_closed(silent.last_mut().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_send_little() {
    let ground = Ground::new("little").await;
    let ask = Ask::get(ground.path("")).header("x-test", &"x".repeat(100 * 1024));
    ground.master().send(ask.clone()).await.expect(200);
    ground.hop.forget();
    let what = "headers of more than 64 KiB from others";
    ground.refused(what, &ground.server.direct().send(ask).await);
}
