//! The way from the aggregated API to kube-apiserver, watched and broken: a proxy that speaks plain
//! HTTP to the one and TLS to the other, as the one whose token it is given.

use std::{
    convert::Infallible,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full, combinators::UnsyncBoxBody};
use hyper::{
    body::{Body, Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use testbed::Access;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinSet,
};

use super::{
    caller::{Ask, Caller},
    server,
};

/// A request of the aggregated API, as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// With the query.
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// What the proxy does with a request instead of passing it on.
pub enum Instead {
    /// Answers.
    Answer(Response<Bytes>),
    /// Breaks the connection off.
    Drop,
    /// Passes it on, and breaks off before anybody hears of the answer.
    DropAfter,
    /// Passes it on when it is let go, if its sender still waits then.
    Hold(Arc<Semaphore>),
}

type Rule = Box<dyn Fn(&Seen) -> Option<Instead> + Send + Sync>;
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Reply = Response<UnsyncBoxBody<Bytes, Failure>>;

#[derive(Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    rules: Mutex<Vec<Rule>>,
    open: AtomicUsize,
    cut: Notify,
    /// Bytes of an answer about objects that pass; all where it is 0.
    limit: AtomicUsize,
}

/// A running proxy; it belongs to the test's runtime.
pub struct Hop {
    port: u16,
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

/// Dropped on purpose.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose")]
struct Dropped;

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Whether it is about the objects that are served under another name.
    pub fn is_about_objects(&self) -> bool {
        self.path.contains("/coderworkspaces") || self.path.contains("/codertemplates")
    }
}

impl Hop {
    /// Starts one in front of the kube-apiserver of `bed`.
    pub async fn start(bed: &Access) -> Self {
        let upstream = Arc::new(
            // Whoever sends says who it is: the proxy shows no certificate.
            server::administrator(bed).without_certificate(),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&shared), upstream));
        Self {
            port,
            shared,
            _tasks: tasks,
        }
    }

    /// A kubeconfig of the server's account that leads through here.
    pub async fn kubeconfig(&self, bed: &Access) -> PathBuf {
        self.before(bed, &server::kubeconfig(bed).await)
    }

    /// `kubeconfig`, but through here.
    pub fn before(&self, bed: &Access, kubeconfig: &Path) -> PathBuf {
        let text = std::fs::read_to_string(kubeconfig).unwrap();
        let mut config: Value = serde_json::from_str(&text).unwrap();
        let cluster = &mut config["clusters"][0]["cluster"];
        cluster["server"] = format!("http://127.0.0.1:{}", self.port).into();
        let path = bed
            .directory()
            .join("kubeconfigs")
            .join(format!("hop-{}", self.port));
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// Adds a rule; the first one that says something is followed.
    pub fn rule(&self, rule: impl Fn(&Seen) -> Option<Instead> + Send + Sync + 'static) {
        self.shared.rules.lock().unwrap().push(Box::new(rule));
    }

    /// Passes everything on again.
    pub fn heal(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// All requests so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// The requests so far that are about objects of ours.
    pub fn about_objects(&self) -> Vec<Seen> {
        let mut seen = self.seen();
        seen.retain(Seen::is_about_objects);
        seen
    }

    /// The `SubjectAccessReview`s so far.
    pub fn access_reviews(&self) -> Vec<Value> {
        let seen = self.seen();
        let reviews = seen
            .iter()
            .filter(|one| one.path.ends_with("/subjectaccessreviews"));
        reviews.map(|one| one.json()["spec"].clone()).collect()
    }

    /// Forgets what was seen.
    pub fn forget(&self) {
        self.shared.seen.lock().unwrap().clear();
    }

    /// Cuts all connections that there are; new ones are taken.
    pub fn cut(&self) {
        self.shared.cut.notify_waiters();
    }

    /// Breaks answers about objects off after so many bytes.
    pub fn cut_after(&self, bytes: usize) {
        self.shared.limit.store(bytes, Ordering::SeqCst);
    }

    /// How many answers about objects are still on their way.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

/// A `Status` in JSON.
pub fn answer(status: u16, body: &Value) -> Instead {
    let response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body.to_string()));
    Instead::Answer(response.unwrap())
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, upstream: Arc<Caller>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                connections.spawn(serve(stream, Arc::clone(&shared), Arc::clone(&upstream)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>, upstream: Arc<Caller>) {
    stream.set_nodelay(true).ok();
    let cut = Arc::clone(&shared);
    let service =
        service_fn(move |request| handle(Arc::clone(&shared), Arc::clone(&upstream), request));
    let connection = hyper::server::conn::http1::Builder::new();
    // How it ends is its client's affair.
    tokio::select! {
        _ = connection.serve_connection(TokioIo::new(stream), service) => {}
        () = cut.cut.notified() => {}
    }
}

async fn handle(
    shared: Arc<Shared>,
    upstream: Arc<Caller>,
    request: Request<Incoming>,
) -> Result<Reply, Dropped> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let seen = Seen {
        method: head.method.to_string(),
        path: path.to_owned(),
        headers: head.headers,
        body,
    };
    shared.seen.lock().unwrap().push(seen.clone());
    let instead = {
        let rules = shared.rules.lock().unwrap();
        rules.iter().find_map(|rule| rule(&seen))
    };
    let mut is_cut = false;
    match instead {
        Some(Instead::Answer(response)) => return Ok(response.map(whole)),
        Some(Instead::Drop) => return Err(Dropped),
        Some(Instead::Hold(gate)) => gate.acquire().await.map_err(|_| Dropped)?.forget(),
        Some(Instead::DropAfter) => is_cut = true,
        None => {}
    }
    let is_about_objects = seen.is_about_objects();
    let mut headers = seen.headers;
    headers.remove(header::CONNECTION);
    headers.remove(header::HOST);
    let ask = Ask {
        method: head.method,
        path: seen.path,
        headers,
        body: seen.body,
    };
    let Some(answer) = upstream.pass(ask).await else {
        return Err(Dropped);
    };
    if is_cut {
        answer.into_body().0.collect().await.ok();
        return Err(Dropped);
    }
    let counted = is_about_objects.then(|| Counted::new(&shared));
    let limit = shared.limit.load(Ordering::SeqCst);
    let left = (is_about_objects && limit > 0).then_some(limit);
    Ok(answer.map(|(body, line)| {
        Streamed {
            body,
            left,
            _line: line,
            _counted: counted,
        }
        .boxed_unsync()
    }))
}

fn whole(body: Bytes) -> UnsyncBoxBody<Bytes, Failure> {
    Full::new(body)
        .map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

/// An answer on its way; ending it ends the connection to kube-apiserver.
struct Streamed<L> {
    body: Incoming,
    /// How many bytes may pass yet.
    left: Option<usize>,
    _line: L,
    _counted: Option<Counted>,
}

impl<L: Unpin> Body for Streamed<L> {
    type Data = Bytes;
    type Error = Failure;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.left == Some(0) {
            return Poll::Ready(Some(Err(Dropped.into())));
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if let (Some(left), Some(Ok(frame))) = (self.left, &frame) {
            let passed = frame.data_ref().map_or(0, Bytes::len);
            self.left = Some(left.saturating_sub(passed));
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Failure::from)))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.body.size_hint()
    }
}

struct Counted(Arc<Shared>);

impl Counted {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}
