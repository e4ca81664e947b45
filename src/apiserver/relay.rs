//! An answer on its way back: renamed while it streams, and compressed where that is worth it.
//!
//! A watch is passed on event by event and ends cleanly when kube-apiserver ends it or breaks off: the
//! client watches again from where it was. Any other answer that breaks off breaks off for the client
//! too, for half a list must not look like a whole one.

mod gzip;

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::Stream;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Body as _, Frame, Incoming};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tower::BoxError;

use self::gzip::Gzip;
use super::{
    body::{Body, full},
    fault::Fault,
    headers,
    limits::{Limits, Place},
    negotiate::Written,
    rewrite::{self, Options, ResponseFilter},
    sending::keeping,
    upstream::Answer,
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
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) options: Options,
    /// Whether the client takes gzip.
    pub(super) gzip: bool,
    /// None where the answer is no watch.
    pub(super) watch: Option<Watch>,
}

/// What only a watch has.
#[derive(Debug)]
pub(super) struct Watch {
    /// Ends it.
    pub(super) ending: CancellationToken,
    /// Held until it ends.
    pub(super) place: Place,
}

impl Relay {
    /// Passes `answer` on.
    pub(super) async fn pass(
        self,
        answer: Answer,
        limits: &Limits,
    ) -> Result<Response<Body>, Fault> {
        let (head, body) = answer.into_parts();
        let mut headers = headers::response(&head.headers, self.options.foreign);
        let written = Written::of(&head)?;
        let body = match written {
            Written::Json if self.watch.is_some() => {
                let beginning = Beginning::of(self.options);
                self.stream(body, beginning, false)
            }
            Written::Json => self.json(body, &mut headers, limits).await?,
            Written::Plain => full(plain(&whole(body).await?, self.options)),
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
        mut body: Incoming,
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

    fn stream(self, body: Incoming, beginning: Beginning, gzip: bool) -> Body {
        let Beginning { filter, renamed } = beginning;
        let is_watch = self.watch.is_some();
        let (ending, place) = self
            .watch
            .map(|Watch { ending, place }| (Box::pin(ending.cancelled_owned()), place))
            .unzip();
        let stream = Relayed {
            body,
            filter,
            renamed,
            gzip: gzip.then(Gzip::new),
            // A watch may be silent for as long as it likes.
            silence: (!is_watch).then(|| Box::pin(sleep(PAUSE))),
            ending,
            done: false,
            _place: place,
        };
        StreamBody::new(stream).boxed_unsync()
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
    async fn read(&mut self, body: &mut Incoming, most: usize) -> Result<bool, Fault> {
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

/// A small answer, renamed.
pub(super) fn rename(
    body: &Bytes,
    written: Written,
    options: Options,
    headers: &mut HeaderMap,
) -> Bytes {
    if written == Written::Plain {
        return plain(body, options).into();
    }
    let mut renamed = Vec::with_capacity(body.len() + body.len() / 8);
    let mut filter = ResponseFilter::new(options);
    filter.push(body, &mut renamed);
    filter.finish(&mut renamed);
    if !options.yaml {
        return renamed.into();
    }
    let (media, text) = in_yaml(&renamed.into());
    headers.insert(header::CONTENT_TYPE, media);
    text
}

/// JSON in YAML, and its type. What is too deep for that stays as it is.
fn in_yaml(json: &Bytes) -> (HeaderValue, Bytes) {
    match rewrite::to_yaml(json) {
        Some(yaml) => (HeaderValue::from_static("application/yaml"), yaml.into()),
        None => (HeaderValue::from_static("application/json"), json.clone()),
    }
}

fn plain(body: &[u8], options: Options) -> String {
    let text = String::from_utf8_lossy(body);
    rewrite::rename_text(&text, options.foreign).into_owned()
}

/// The whole body of an answer that is known to be small.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, Fault> {
    match timeout(PAUSE, Limited::new(body, OWN_LIMIT).collect()).await {
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
    body: Incoming,
    filter: ResponseFilter,
    /// What has been renamed and not yet been sent.
    renamed: Vec<u8>,
    gzip: Option<Gzip>,
    silence: Option<Pin<Box<Sleep>>>,
    ending: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    done: bool,
    _place: Option<Place>,
}

impl Relayed {
    /// Takes what came and gives what can be sent, which may be nothing.
    fn take(&mut self, data: &[u8]) -> io::Result<Vec<u8>> {
        let mut renamed = std::mem::take(&mut self.renamed);
        renamed.reserve(data.len() + data.len() / 8);
        self.filter.push(data, &mut renamed);
        match &mut self.gzip {
            Some(gzip) => gzip.write(&renamed),
            None => Ok(renamed),
        }
    }

    /// What is left when the last byte came.
    fn rest(&mut self) -> io::Result<Vec<u8>> {
        self.done = true;
        let mut rest = std::mem::take(&mut self.renamed);
        self.filter.finish(&mut rest);
        match self.gzip.take() {
            Some(gzip) => gzip.finish(&rest),
            None => Ok(rest),
        }
    }

    fn is_watch(&self) -> bool {
        self.ending.is_some()
    }
}

impl Stream for Relayed {
    type Item = Result<Frame<Bytes>, BoxError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let relayed = &mut *self;
        loop {
            if relayed.done {
                return Poll::Ready(None);
            }
            if let Some(ending) = &mut relayed.ending
                && ending.as_mut().poll(context).is_ready()
            {
                relayed.done = true;
                return Poll::Ready(None);
            }
            let polled = Pin::new(&mut relayed.body).poll_frame(context);
            let frame = match polled {
                Poll::Ready(frame) => frame,
                Poll::Pending => {
                    if let Some(silence) = &mut relayed.silence {
                        ready!(silence.as_mut().poll(context));
                        relayed.done = true;
                        return Poll::Ready(Some(Err(
                            "kube-apiserver stopped within its answer".into()
                        )));
                    }
                    return Poll::Pending;
                }
            };
            if let Some(silence) = &mut relayed.silence {
                silence.as_mut().reset(Instant::now() + PAUSE);
            }
            let bytes = match frame {
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    relayed.take(&data)
                }
                Some(Err(error)) if relayed.is_watch() => {
                    tracing::debug!(%error, "a watch at kube-apiserver broke off");
                    relayed.done = true;
                    return Poll::Ready(None);
                }
                Some(Err(error)) => {
                    relayed.done = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
                None => relayed.rest(),
            };
            match bytes {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes.into())))),
                Err(error) => {
                    relayed.done = true;
                    return Poll::Ready(Some(Err(error.into())));
                }
            }
        }
    }
}
