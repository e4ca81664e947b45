//! Connections: accepted, limited, ended in good order.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    authn::Peer,
    gateway::{Caller, Gateway},
};

/// Connections at the same time. Behind the aggregation layer there are a few; the rest is for direct
/// callers, and a bound for what nobody should do.
const CONNECTIONS: usize = 1024;
/// How long a connection may be open without a request of somebody who is known.
const STRANGER: Duration = Duration::from_secs(10);
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long the head of a request may take on HTTP/1.1.
const HEAD: Duration = Duration::from_secs(10);
/// kube-apiserver hands on identities with hundreds of groups.
const HEADERS: usize = 2000;
const HEADERS_BYTES: usize = 1024 * 1024;
/// All watches of one kube-apiserver share one connection.
const STREAMS: u32 = 1000;
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

/// When connections end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The order to stop.
    pub(super) stop: CancellationToken,
    /// How long everything goes on after that: until nobody sends requests here any more.
    pub(super) delay: Duration,
}

/// Serves on `listener` until it was asked to stop and everything has ended.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    gateway: Arc<Gateway>,
    ends: Ends,
    seed: u64,
) {
    let acceptor = TlsAcceptor::from(tls);
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut random = Rng::with_seed(seed);
    let mut connections = JoinSet::new();
    let ending = CancellationToken::new();
    let mut closing = pin!(closing(&ends));
    loop {
        // A connection beyond the limit waits in the kernel's queue.
        let accepted = tokio::select! {
            () = &mut closing => break,
            accepted = accept(&listener, &places) => accepted,
            Some(ended) = connections.join_next() => {
                if let Err(error) = ended {
                    tracing::error!(%error, "a connection was given up");
                }
                continue;
            }
        };
        let (stream, address, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        let connection = Connection {
            gateway: Arc::clone(&gateway),
            ending: ending.clone(),
            watches: CancellationToken::new(),
            spread: SPREAD.mul_f64(random.f64()),
            age: AGE.mul_f64(0.75 + random.f64() / 2.0),
        };
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            connection.run(acceptor, stream, address).await;
            drop(place);
        });
    }
    drop(listener);
    ending.cancel();
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
        gateway.tasks.close();
        gateway.tasks.wait().await;
    });
    if drained.await.is_err() {
        tracing::warn!(
            left = connections.len(),
            tasks = gateway.tasks.len(),
            "not everything ended in time"
        );
    }
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address, place))
}

/// Waits for the order to stop and for the delay after it.
async fn closing(ends: &Ends) {
    ends.stop.cancelled().await;
    sleep(ends.delay).await;
}

/// One connection.
struct Connection {
    gateway: Arc<Gateway>,
    /// The order to take no further requests.
    ending: CancellationToken,
    /// Ends the watches of this connection.
    watches: CancellationToken,
    /// How long watches go on after that order.
    spread: Duration,
    age: Duration,
}

impl Connection {
    async fn run(self, acceptor: TlsAcceptor, stream: TcpStream, address: SocketAddr) {
        let stream = match timeout(HANDSHAKE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(%address, %error, "a handshake failed");
                return;
            }
            Err(_) => {
                tracing::debug!(%address, "a handshake took too long");
                return;
            }
        };
        let _counted = self.gateway.metrics.connected();
        let (_, session) = stream.get_ref();
        let certificates = session.peer_certificates().unwrap_or_default().to_vec();
        let is_http2 = session.alpn_protocol() == Some(b"h2");
        let caller = Arc::new(Caller {
            peer: Peer::new(certificates.into()),
            address: address.ip(),
            watches: self.watches.clone(),
            is_known: AtomicBool::new(false),
        });
        let known = Arc::clone(&caller);
        let gateway = Arc::clone(&self.gateway);
        let service = service_fn(move |request| {
            let (gateway, caller) = (Arc::clone(&gateway), Arc::clone(&caller));
            async move { Ok::<_, Infallible>(Box::pin(gateway.answer(&caller, request)).await) }
        });
        let builder = builder(is_http2);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut aged = pin!(sleep(self.age));
        let mut stranger = pin!(sleep(STRANGER));
        let mut is_judged = false;
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
                () = &mut stranger, if !is_judged => {
                    is_judged = true;
                    if !known.is_known.load(Ordering::Relaxed) {
                        connection.as_mut().graceful_shutdown();
                    }
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

fn builder(is_http2: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_buf_size(HEADERS_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(HEADERS_BYTES).unwrap_or(u32::MAX))
        .max_concurrent_streams(STREAMS)
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
