//! Serves connections and applies the rules to each request.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::{Request, Response, body::Incoming, http::request::Parts, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, runtime::Handle, time::Instant};

use super::{
    Answer, Fault, Seen, Stage,
    forward::{self, Reply},
    hold::Verdict,
    record::{MutationId, Records},
    rule::{Action, Rules},
};
use crate::Error;

const PAUSE_AFTER_REFUSED: Duration = Duration::from_millis(10);

/// What the proxy's thread and its handle share.
#[derive(Debug)]
pub(super) struct Shared {
    upstream: String,
    client: reqwest::Client,
    pub(super) rules: Rules,
    pub(super) records: Records,
}

/// The client's connection is dropped.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose or because coderd dropped it")]
pub(super) struct Dropped;

impl Shared {
    pub(super) fn new(upstream: &str) -> Result<Self, Error> {
        let client = crate::http::client()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| Error::Request {
                action: "set up requests",
                source,
            })?;
        Ok(Self {
            upstream: upstream.trim_end_matches('/').to_owned(),
            client,
            rules: Rules::default(),
            records: Records::default(),
        })
    }
}

/// Takes connections for ever.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, mostly: they come back as connections end.
            tokio::time::sleep(PAUSE_AFTER_REFUSED).await;
            continue;
        };
        // Else the body of a reply waits for the client's word that its head has come, 40 ms later.
        stream.set_nodelay(true).ok();
        let shared = Arc::clone(&shared);
        let service = service_fn(move |request| {
            // A task of its own: what is under way goes on when the client dies.
            let handling = Handle::current().spawn(handle(Arc::clone(&shared), request));
            async { handling.await.unwrap_or(Err(Dropped)) }
        });
        // All tasks are owned by the proxy's runtime and end with it; how a single connection
        // ends, on purpose or not, is its client's affair.
        Handle::current().spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Reply, Dropped> {
    let arrived = Instant::now();
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let query = head.uri.query().unwrap_or_default();
    let seen = Seen::new(head.method.as_str(), head.uri.path(), query, &body);
    let kept = shared.records.add(&seen, arrived);
    let action = shared.rules.choose(&seen);
    let exchange = Exchange {
        shared: &shared,
        seen: &seen,
        head: &head,
        body,
        kept,
    };
    let reply = exchange.reply(action).await?;
    let status = reply.status().as_u16();
    shared
        .records
        .update(kept, |mutation| mutation.client_status = Some(status));
    Ok(reply)
}

/// One request on its way.
struct Exchange<'a> {
    shared: &'a Shared,
    seen: &'a Seen,
    head: &'a Parts,
    body: Bytes,
    kept: Option<MutationId>,
}

impl Exchange<'_> {
    async fn reply(self, action: Option<Action>) -> Result<Reply, Dropped> {
        match action {
            None => self.pass().await,
            Some(Action::Hold(stage, gate)) => match stage {
                Stage::BeforeForwarding => match gate.pass(self.seen).await {
                    Verdict::GoOn => self.pass().await,
                    Verdict::Drop => Err(Dropped),
                },
                Stage::BeforeReply => {
                    let reply = self.collect().await?;
                    match gate.pass(self.seen).await {
                        Verdict::GoOn => Ok(forward::whole(reply)),
                        Verdict::Drop => Err(Dropped),
                    }
                }
            },
            Some(Action::Fault(fault)) => self.broken(fault).await,
        }
    }

    async fn broken(self, fault: Fault) -> Result<Reply, Dropped> {
        match fault {
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                self.pass().await
            }
            Fault::DropBefore => Err(Dropped),
            Fault::DropAfter => {
                self.collect().await?;
                Err(Dropped)
            }
            Fault::Answer(answer) => Ok(forward::answer(&answer)),
            Fault::Truncate => Ok(forward::truncated(self.collect().await?)),
            Fault::ReplaceBody(body) => Ok(forward::with_body(self.collect().await?, &body)),
        }
    }

    async fn pass(&self) -> Result<Reply, Dropped> {
        match self.forward().await {
            Ok(reply) => Ok(forward::stream(reply)),
            // As a load balancer in front of a coderd that is down.
            Err(error) if error.is_connect() => {
                let detail = error.to_string();
                Ok(forward::answer(&Answer::new(
                    502,
                    "coderd cannot be reached",
                    &detail,
                )))
            }
            Err(_) => Err(Dropped),
        }
    }

    async fn collect(&self) -> Result<Response<Bytes>, Dropped> {
        let reply = self.forward().await.map_err(|_| Dropped)?;
        forward::collect(reply).await.map_err(|_| Dropped)
    }

    async fn forward(&self) -> Result<Response<reqwest::Body>, reqwest::Error> {
        let Self {
            shared,
            head,
            body,
            kept,
            ..
        } = self;
        shared
            .records
            .update(*kept, |mutation| mutation.forwarded = true);
        let reply = forward::forward(&shared.client, &shared.upstream, head, body.clone()).await?;
        let status = reply.status().as_u16();
        shared
            .records
            .update(*kept, |mutation| mutation.coderd_status = Some(status));
        Ok(reply)
    }
}
