//! An answer on its way back: renamed while it streams, and compressed where that is worth it.
//!
//! A watch is passed on event by event and ends cleanly when kube-apiserver ends it or breaks off: the
//! client watches again from where it was. Any other answer that breaks off breaks off for the client
//! too, for half a list must not look like a whole one.

use std::{
    io::{self, Write as _},
    mem::take,
    time::Duration,
};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures::{FutureExt, stream};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::Frame;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tower::BoxError;

use super::{
    headers,
    negotiate::Written,
    rewrite::{Options, ResponseFilter, rename_text, to_yaml},
};
use crate::apiserver::server::{
    body::{Body, full},
    fault::Fault,
    limits::Limits,
    sending::keeping,
};

/// Up to here an answer is sent as a whole, with its length. Beyond, it streams, and is compressed for
/// those who take that: kube-apiserver does so from the same size on.
const WHOLE: usize = 128 * 1024;
/// The largest answer that is written in YAML, which is done as a whole.
const YAML_LIMIT: usize = 8 * 1024 * 1024;
/// The largest answer that this server reads for itself: more than an object can be.
const OWN_LIMIT: usize = 4 * 1024 * 1024;
/// How long kube-apiserver may pause within an answer.
const PAUSE: Duration = Duration::from_secs(30);

/// How an answer is to be passed on.
#[derive(Debug, Default)]
pub(super) struct Relay {
    pub(super) options: Options,
    /// Whether the client takes gzip.
    pub(super) gzip: bool,
    /// Ends it, where it is a watch.
    pub(super) ending: Option<CancellationToken>,
}

impl Relay {
    /// Passes `answer` on.
    pub(super) async fn pass(
        self,
        answer: Response<Body>,
        limits: &Limits,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = answer.into_parts();
        let mut headers = headers::response(&head.headers, self.options.foreign);
        let body = match Written::of(&head)? {
            Written::Json if self.ending.is_some() => {
                let beginning = Beginning::of(self.options);
                self.stream(body, beginning, false)
            }
            Written::Json => self.json(body, &mut headers, limits).await?,
            Written::Plain => {
                let text = whole(body).await?;
                let text = String::from_utf8_lossy(&text);
                full(rename_text(&text, self.options.foreign).into_owned())
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = head.status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// An answer in one piece, or where it is long in many. YAML is written in one piece; where that
    /// would take more room than there is, the answer stays JSON: what was asked for may be done.
    async fn json(
        self,
        mut body: Body,
        headers: &mut HeaderMap,
        limits: &Limits,
    ) -> Result<Body, Fault> {
        let mut beginning = Beginning::of(self.options);
        let mut is_whole = beginning.read(&mut body, WHOLE).await?;
        let is_long_yaml = self.options.yaml && !is_whole;
        // Once as JSON and once as YAML.
        let room = is_long_yaml.then(|| limits.room(2 * YAML_LIMIT).ok());
        let room = room.flatten();
        if room.is_some() {
            is_whole = beginning.read(&mut body, YAML_LIMIT).await?;
        }
        if is_whole && self.options.yaml {
            let renamed = beginning.renamed.into();
            let (media, text) = limits.compute(renamed, in_yaml).await?;
            headers.insert(header::CONTENT_TYPE, media);
            Ok(keeping(full(text), room))
        } else if is_whole {
            Ok(full(beginning.renamed))
        } else {
            let gzip = self.gzip;
            if gzip {
                announce_gzip(headers);
            }
            Ok(self.stream(body, beginning, gzip))
        }
    }

    fn stream(self, body: Body, beginning: Beginning, gzip: bool) -> Body {
        let Beginning { filter, renamed } = beginning;
        let relayed = Relayed {
            body,
            filter,
            renamed,
            gzip: gzip.then(|| GzEncoder::new(Vec::new(), Compression::fast())),
            ending: self.ending,
        };
        StreamBody::new(stream::try_unfold(Some(relayed), Relayed::next)).boxed_unsync()
    }
}

/// The first bytes of an answer, renamed.
struct Beginning {
    filter: ResponseFilter,
    renamed: Vec<u8>,
}

impl Beginning {
    fn of(options: Options) -> Self {
        Self {
            filter: ResponseFilter::new(options),
            renamed: Vec::new(),
        }
    }

    /// Reads on until there is more than `most`; whether that was all.
    async fn read(&mut self, body: &mut Body, most: usize) -> Result<bool, Fault> {
        while self.renamed.len() <= most {
            let frame = timeout(PAUSE, body.frame()).await.map_err(|_| lost())?;
            let Some(frame) = frame else {
                self.filter.finish(&mut self.renamed);
                return Ok(true);
            };
            if let Ok(data) = frame.map_err(|_| lost())?.into_data() {
                self.filter.push(&data, &mut self.renamed);
            }
        }
        Ok(false)
    }
}

/// JSON in YAML, and its type. What is too deep for that stays as it is.
fn in_yaml(json: &Bytes) -> (HeaderValue, Bytes) {
    match to_yaml(json) {
        Some(yaml) => (HeaderValue::from_static("application/yaml"), yaml.into()),
        None => (HeaderValue::from_static("application/json"), json.clone()),
    }
}

/// The whole body of an answer that is known to be small.
pub(super) async fn whole(body: Body) -> Result<Bytes, Fault> {
    let read = Limited::new(body, OWN_LIMIT).collect().boxed();
    match timeout(PAUSE, read).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) | Err(_) => Err(lost()),
    }
}

fn lost() -> Fault {
    Fault::Timeout(
        "the connection to kube-apiserver was lost within its answer: if this was a write, look \
         whether it was carried out"
            .to_owned(),
    )
}

fn announce_gzip(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    headers.append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
}

/// The frames of a body, each renamed as it comes.
struct Relayed {
    body: Body,
    filter: ResponseFilter,
    /// What has been renamed and not yet been sent.
    renamed: Vec<u8>,
    /// At the level that kube-apiserver uses.
    gzip: Option<GzEncoder<Vec<u8>>>,
    /// Of a watch.
    ending: Option<CancellationToken>,
}

impl Relayed {
    /// The next part, and what comes after it.
    async fn next(relayed: Option<Self>) -> Result<Option<(Frame<Bytes>, Option<Self>)>, BoxError> {
        let Some(mut relayed) = relayed else {
            return Ok(None);
        };
        loop {
            let Some(frame) = relayed.frame().await? else {
                let rest = relayed.rest()?;
                return Ok(rest.map(|rest| (rest, None)));
            };
            if let Ok(data) = frame.into_data()
                && let Some(part) = relayed.part(&data)?
            {
                return Ok(Some((part, Some(relayed))));
            }
        }
    }

    /// What comes next; none at the end. A watch may be silent for as long as it likes.
    async fn frame(&mut self) -> Result<Option<Frame<Bytes>>, BoxError> {
        let Some(ending) = &self.ending else {
            let frame = timeout(PAUSE, self.body.frame()).await;
            let frame = frame.map_err(|_| "kube-apiserver stopped within its answer")?;
            return frame.transpose();
        };
        let frame = ending.run_until_cancelled(self.body.frame()).await;
        Ok(frame.flatten().and_then(|frame| {
            frame
                .inspect_err(|error| tracing::debug!(%error, "a watch at kube-apiserver broke off"))
                .ok()
        }))
    }

    /// What can be sent of what came.
    fn part(&mut self, data: &[u8]) -> io::Result<Option<Frame<Bytes>>> {
        let mut renamed = take(&mut self.renamed);
        renamed.reserve(data.len() + data.len() / 8);
        self.filter.push(data, &mut renamed);
        if let Some(gzip) = &mut self.gzip {
            gzip.write_all(&renamed)?;
            renamed = take(gzip.get_mut());
        }
        Ok(sent(renamed))
    }

    /// What is left when the last byte came.
    fn rest(mut self) -> io::Result<Option<Frame<Bytes>>> {
        self.filter.finish(&mut self.renamed);
        let Some(mut gzip) = self.gzip else {
            return Ok(sent(self.renamed));
        };
        gzip.write_all(&self.renamed)?;
        Ok(sent(gzip.finish()?))
    }
}

fn sent(bytes: Vec<u8>) -> Option<Frame<Bytes>> {
    (!bytes.is_empty()).then(|| Frame::data(bytes.into()))
}
