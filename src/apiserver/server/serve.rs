//! Connections: accepted, limited, ended in good order.

use std::{
    convert::Infallible,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use fastrand::Rng;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    authentication::{Authenticator, Peer},
    body::Body,
    metrics::Metrics,
    sending::{self, Streams},
    strangers::{Stranger, Strangers},
};

/// Connections of kube-apiserver at the same time; there are a few.
const CONNECTIONS: usize = 1024;
/// How long a connection may take until it is known to be kube-apiserver's, the handshake included; and
/// how long it lives where it is not.
const STRANGER: Duration = Duration::from_secs(10);
/// How long the head of a request may take on HTTP/1.1.
const HEAD: Duration = Duration::from_secs(10);

/// What a connection may send.
#[derive(Clone, Copy, Debug)]
struct Limits {
    headers: usize,
    header_bytes: u32,
    streams: u32,
}

/// kube-apiserver hands on identities with hundreds of groups, and all its watches share one connection.
const PROXY: Limits = Limits {
    headers: 2000,
    header_bytes: 1024 * 1024,
    streams: 1000,
};
/// Probes are small. Everything else of others is refused, however it looks.
const OTHERS: Limits = Limits {
    headers: 100,
    header_bytes: 64 * 1024,
    streams: 16,
};

/// What of an answer waits in memory for a client that reads slowly, per stream.
const SEND_BUFFER: usize = 64 * 1024;
/// A peer that does not answer a ping is gone.
const PING: Duration = Duration::from_secs(20);
const PONG: Duration = Duration::from_secs(10);
/// A connection is asked to end after so long, so that replicas share the work.
const AGE: Duration = Duration::from_secs(15 * 60);
/// A pause after the machine could not accept, such as for want of file handles.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Ends of watches are spread over this, so that not all clients come back at once.
const SPREAD: Duration = Duration::from_secs(3);
/// How long requests may take to end.
pub const DRAIN: Duration = Duration::from_secs(60);

/// What answers requests.
pub(in crate::apiserver) trait Answers: Send + Sync + 'static {
    /// Answers one request. What goes wrong is an answer too.
    fn answer(
        &self,
        caller: &Caller,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Where requests of one connection come from.
pub(in crate::apiserver) struct Caller {
    pub(in crate::apiserver) peer: Peer,
    pub(in crate::apiserver) address: IpAddr,
    /// Ends its watches.
    pub(in crate::apiserver) watches: CancellationToken,
}

/// What connections share with the requests that come by them.
#[derive(Clone)]
pub(in crate::apiserver) struct Shared {
    pub(in crate::apiserver) authenticator: Arc<Authenticator>,
    /// What goes on when its caller leaves.
    pub(in crate::apiserver) tasks: TaskTracker,
    pub(in crate::apiserver) metrics: Metrics,
}

/// When connections end.
#[derive(Clone, Debug)]
pub(in crate::apiserver) struct Ends {
    /// The order to stop.
    pub(in crate::apiserver) stop: CancellationToken,
    /// How long everything goes on after that: until nobody sends requests here any more.
    pub(in crate::apiserver) delay: Duration,
}

/// Serves on `listener` until it was asked to stop and everything has ended.
pub(in crate::apiserver) async fn serve<A: Answers>(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    (gateway, shared): (Arc<A>, Shared),
    ends: Ends,
    seed: u64,
) {
    let acceptor = TlsAcceptor::from(tls);
    let strangers = Strangers::default();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut random = Rng::with_seed(seed);
    let mut connections = JoinSet::new();
    let ending = CancellationToken::new();
    let mut closing = pin!(closing(&ends));
    loop {
        let accepted = tokio::select! {
            () = &mut closing => break,
            accepted = accept(&listener) => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection was given up");
                }
                continue;
            }
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let connection = Connection {
            gateway: Arc::clone(&gateway),
            shared: shared.clone(),
            places: Arc::clone(&places),
            ending: ending.clone(),
            watches: CancellationToken::new(),
            spread: SPREAD.mul_f64(random.f64()),
            age: AGE.mul_f64(0.75 + random.f64() / 2.0),
        };
        let (acceptor, stranger) = (acceptor.clone(), strangers.enter());
        connections.spawn(async move {
            let run = connection.run(acceptor, stream, address, stranger);
            if sending::limited(run).await.is_none() {
                tracing::debug!(%address, "a client did not read its answer in time");
            }
        });
    }
    drop(listener);
    ending.cancel();
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
        shared.tasks.close();
        shared.tasks.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            left = connections.len(),
            tasks = shared.tasks.len(),
            "not everything ended in time"
        );
    }
    connections.shutdown().await;
}

async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address))
}

/// Waits for the order to stop and for the delay after it.
async fn closing(ends: &Ends) {
    ends.stop.cancelled().await;
    sleep(ends.delay).await;
}

/// One connection.
struct Connection<A> {
    gateway: Arc<A>,
    shared: Shared,
    /// Of kube-apiserver.
    places: Arc<Semaphore>,
    /// The order to take no further requests.
    ending: CancellationToken,
    /// Ends the watches of this connection.
    watches: CancellationToken,
    /// How long watches go on after that order.
    spread: Duration,
    age: Duration,
}

impl<A: Answers> Connection<A> {
    /// A stranger's, until it shows kube-apiserver's certificate.
    async fn run(
        self,
        acceptor: TlsAcceptor,
        stream: TcpStream,
        address: SocketAddr,
        stranger: Stranger,
    ) {
        let met = tokio::select! {
            met = timeout(STRANGER, self.meet(acceptor, stream, address)) => met,
            () = stranger.turned_out() => {
                tracing::debug!(%address, "others came who are not known either");
                return;
            }
        };
        drop(stranger);
        let Some((stream, caller)) = met.ok().flatten() else {
            return;
        };
        let Ok(_place) = self.places.try_acquire() else {
            tracing::warn!(%address, "too many connections of kube-apiserver");
            return;
        };
        self.serve(stream, caller, PROXY).await;
    }

    /// Shakes hands. Who turns out to be kube-apiserver is returned; everybody else is served, which is
    /// little.
    async fn meet(
        &self,
        acceptor: TlsAcceptor,
        stream: TcpStream,
        address: SocketAddr,
    ) -> Option<(TlsStream<TcpStream>, Arc<Caller>)> {
        let stream = match acceptor.accept(stream).await {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%address, %error, "a handshake failed");
                return None;
            }
        };
        let (_, session) = stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default().to_vec();
        let caller = Arc::new(Caller {
            peer: Peer::new(certificates.into()),
            address: address.ip(),
            watches: self.watches.clone(),
        });
        if self.shared.authenticator.knows(&caller.peer) {
            return Some((stream, caller));
        }
        self.serve(stream, caller, OTHERS).await;
        None
    }

    async fn serve(&self, stream: TlsStream<TcpStream>, caller: Arc<Caller>, limits: Limits) {
        let _counted = self.shared.metrics.connected();
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let address = caller.address;
        let gateway = Arc::clone(&self.gateway);
        let service = service_fn(move |request| {
            let (gateway, caller) = (Arc::clone(&gateway), Arc::clone(&caller));
            async move { Ok::<_, Infallible>(Box::pin(gateway.answer(&caller, request)).await) }
        });
        let streams = Streams(self.shared.tasks.clone());
        let builder = builder(is_http2, limits, streams);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut aged = pin!(sleep(self.age));
        let mut ended = pin!(self.ended());
        let (mut is_old, mut is_over) = (false, false);
        loop {
            tokio::select! {
                closed = &mut connection => {
                    if let Err(error) = closed {
                        tracing::debug!(%address, %error, "a connection broke");
                    }
                    return;
                }
                () = &mut aged, if !is_old => {
                    is_old = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.ending.cancelled(), if !is_over => {
                    is_over = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = &mut ended, if !self.watches.is_cancelled() => self.watches.cancel(),
            }
        }
    }

    /// Returns when watches have to end: some time after new requests go elsewhere, else clients would
    /// come back here at once.
    async fn ended(&self) {
        self.ending.cancelled().await;
        sleep(self.spread).await;
    }
}

fn builder(is_http2: bool, limits: Limits, streams: Streams) -> auto::Builder<Streams> {
    let mut builder = auto::Builder::new(streams);
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(limits.headers)
        .max_buf_size(usize::try_from(limits.header_bytes).unwrap_or(usize::MAX));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(limits.header_bytes)
        .max_concurrent_streams(limits.streams)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    // What was agreed on in the handshake; the first bytes are not guessed at.
    if is_http2 {
        builder.http2_only()
    } else {
        builder.http1_only()
    }
}

#[cfg(test)]
mod tests;
