//! Connections: accepted, limited, ended in good order.

use std::{convert::Infallible, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use rustls::ServerConfig;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::gate::Gate;

/// Connections at the same time; further ones wait to be accepted.
const CONNECTIONS: usize = 1024;
/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a connection may wait for the head of a request. Clients keep connections between calls.
const HEAD: Duration = Duration::from_secs(90);
/// What a request may have of headers: some tokens are long.
const HEADERS: usize = 100;
const HEADER_BYTES: u32 = 64 * 1024;
const STREAMS: u32 = 64;
/// A pause after the machine could not accept, such as for want of file handles.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// How long calls may take to end. Longer than any of them takes.
pub const DRAIN: Duration = Duration::from_secs(60);

/// When things end.
#[derive(Clone, Debug)]
pub(super) struct Ends {
    /// The order to stop.
    pub(super) stop: CancellationToken,
    /// How long everything goes on after that: until nobody sends requests here any more.
    delay: Duration,
    /// What would go on for ever, such as a subscription, ends.
    pub(super) ending: CancellationToken,
    /// Whatever still runs is cut off.
    pub(super) over: CancellationToken,
}

impl Ends {
    pub(super) fn new(stop: CancellationToken, delay: Duration) -> Self {
        Self {
            stop,
            delay,
            ending: CancellationToken::new(),
            over: CancellationToken::new(),
        }
    }

    async fn closing(&self) {
        self.stop.cancelled().await;
        sleep(self.delay).await;
    }
}

/// Serves on `listener` until it was asked to stop and everything has ended.
pub(super) async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    gate: Arc<Gate>,
    ends: Ends,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let acceptor = tls.map(TlsAcceptor::from);
    let mut connections = JoinSet::new();
    let mut closing = pin!(ends.closing());
    loop {
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
        let (acceptor, gate, ending) = (acceptor.clone(), Arc::clone(&gate), ends.ending.clone());
        connections.spawn(async move {
            let _place = place;
            match acceptor {
                None => connection(stream, address, gate, ending).await,
                Some(acceptor) => match timeout(HANDSHAKE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => connection(stream, address, gate, ending).await,
                    Ok(Err(error)) => tracing::debug!(%address, %error, "a handshake failed"),
                    Err(_) => tracing::debug!(%address, "a handshake took too long"),
                },
            }
        });
    }
    drop(listener);
    ends.ending.cancel();
    let drained = timeout(DRAIN, async {
        while connections.join_next().await.is_some() {}
    });
    if drained.await.is_err() {
        tracing::warn!(left = connections.len(), "not all calls ended in time");
    }
    ends.over.cancel();
    connections.shutdown().await;
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address, place))
}

/// Serves a connection until it ends, or until `ending` and the end of what was asked for on it.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    address: SocketAddr,
    gate: Arc<Gate>,
    ending: CancellationToken,
) {
    let service = service_fn(move |request| {
        let gate = Arc::clone(&gate);
        async move { Ok::<_, Infallible>(Box::pin(gate.answer(request)).await) }
    });
    let builder = builder();
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut is_ending = false;
    loop {
        tokio::select! {
            closed = &mut connection => {
                if let Err(error) = closed {
                    tracing::debug!(%address, error, "a connection broke");
                }
                return;
            }
            () = ending.cancelled(), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_buf_size(usize::try_from(HEADER_BYTES).unwrap_or(usize::MAX));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(HEADER_BYTES)
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
