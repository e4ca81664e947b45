//! Requests exactly as they are written: no path is tidied, no header added.
//! A [`Caller`] speaks to one server with one certificate; connections are used again. They belong to
//! the test's runtime, so each test makes its own callers.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::CertificateDer};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::certificate::{Pair, client_config};
use crate::e2e::scene::PATIENCE;

/// Which HTTP is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http1,
    Http2,
}

/// Someone who asks one server.
pub struct Caller {
    port: u16,
    /// Whom the server's certificate has to be for.
    server_name: String,
    roots: Option<String>,
    pair: Option<Pair>,
    protocol: Protocol,
    headers: HeaderMap,
    idle: Mutex<Vec<Line>>,
    connections: Mutex<JoinSet<()>>,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// An answer that is still coming. Dropping it breaks the connection off.
pub struct Coming {
    pub status: u16,
    pub headers: HeaderMap,
    body: Incoming,
    read: Vec<u8>,
    _line: Line,
}

enum Line {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Ask {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self {
            method: method.parse().unwrap(),
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    /// Adds a header; the same name may come more than once.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.headers.append(name, value);
        self
    }

    #[must_use]
    pub fn accept(self, value: &str) -> Self {
        self.header("accept", value)
    }

    #[must_use]
    pub fn body(mut self, media: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("content-type", media)
    }

    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }
}

impl Reply {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    /// A header as text, `""` where there is none.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// This very reply, if it has that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

impl Coming {
    /// The next line, which in a watch is an event; none at the end.
    pub async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.read.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            match self.body.frame().await {
                None => return None,
                Some(frame) => {
                    let data = frame.unwrap().into_data();
                    self.read.extend(data.unwrap_or_default());
                }
            }
        }
    }

    /// Reads on to the end: how much that is, or that it broke off.
    pub async fn rest(self) -> Result<usize, hyper::Error> {
        let rest = self.body.collect().await?.to_bytes();
        Ok(self.read.len() + rest.len())
    }

    /// The next event of a watch; none at the end.
    pub async fn event(&mut self) -> Option<Value> {
        let line = self.line().await?;
        Some(serde_json::from_str(&line).unwrap())
    }
}

impl Caller {
    /// Asks `127.0.0.1:port`, whose certificate has to be for `server_name` and of `roots` (PEM);
    /// any certificate is good without them.
    pub fn new(port: u16, server_name: &str, roots: Option<String>) -> Self {
        Self {
            port,
            server_name: server_name.to_owned(),
            roots,
            pair: None,
            protocol: Protocol::Http2,
            headers: HeaderMap::new(),
            idle: Mutex::default(),
            connections: Mutex::default(),
        }
    }

    /// The same, without its connections.
    #[must_use]
    pub fn again(&self) -> Self {
        Self {
            pair: self.pair.clone(),
            protocol: self.protocol,
            headers: self.headers.clone(),
            ..Self::new(self.port, &self.server_name, self.roots.clone())
        }
    }

    /// With a certificate to show.
    #[must_use]
    pub fn with_certificate(&self, pair: Pair) -> Self {
        Self {
            pair: Some(pair),
            ..self.again()
        }
    }

    #[must_use]
    pub fn without_certificate(&self) -> Self {
        Self {
            pair: None,
            ..self.again()
        }
    }

    #[must_use]
    pub fn with_protocol(&self, protocol: Protocol) -> Self {
        Self {
            protocol,
            ..self.again()
        }
    }

    /// With a header on each request that does not have it.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut changed = self.again();
        let name: HeaderName = name.parse().unwrap();
        changed.headers.append(name, value.parse().unwrap());
        changed
    }

    /// Sends `ask` and reads the whole answer.
    pub async fn send(&self, ask: Ask) -> Reply {
        self.try_send(ask).await.unwrap()
    }

    /// Sends `ask` and reads the whole answer, or says that the connection broke.
    pub async fn try_send(&self, ask: Ask) -> Result<Reply, hyper::Error> {
        let (response, line) = self.begin(ask).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        if let Line::Http1(_) = line {
            self.idle.lock().unwrap().push(line);
        }
        Ok(Reply {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
        })
    }

    pub async fn get(&self, path: impl Into<String>) -> Reply {
        self.send(Ask::get(path)).await
    }

    /// Sends `ask` and returns as soon as the head of the answer is here.
    pub async fn open(&self, ask: Ask) -> Coming {
        let (response, line) = self.begin(ask).await.unwrap();
        let (head, body) = response.into_parts();
        Coming {
            status: head.status.as_u16(),
            headers: head.headers,
            body,
            read: Vec::new(),
            _line: line,
        }
    }

    /// Sends `ask` as it is; the answer's body with the connection that it comes by. None where
    /// nobody listens or the connection breaks.
    pub(super) async fn pass(
        &self,
        ask: Ask,
    ) -> Option<Response<(Incoming, impl Unpin + Send + use<>)>> {
        TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))
            .await
            .ok()?;
        let (response, line) = self.begin(ask).await.ok()?;
        Some(response.map(|body| (body, line)))
    }

    /// Writes `bytes` as they are, as far as they are taken, and reads until the server closes.
    pub async fn raw(&self, bytes: &[u8]) -> String {
        let stream = self.with_protocol(Protocol::Http1).tls().await;
        let (mut reading, mut writing) = tokio::io::split(stream);
        let write = async {
            writing.write_all(bytes).await?;
            writing.flush().await
        };
        let mut read = Vec::new();
        // Who has answered need not take the rest, and may break off then: what came counts.
        let exchange = async { tokio::join!(write, reading.read_to_end(&mut read)) };
        let ended = timeout(PATIENCE, exchange).await;
        assert!(ended.is_ok(), "the server does not close");
        String::from_utf8_lossy(&read).into_owned()
    }

    async fn begin(&self, ask: Ask) -> Result<(Response<Incoming>, Line), hyper::Error> {
        let mut line = self.line().await;
        let mut request = Request::new(Full::new(ask.body));
        *request.method_mut() = ask.method;
        let headers = request.headers_mut();
        *headers = ask.headers;
        for (name, value) in &self.headers {
            headers.append(name, value.clone());
        }
        let authority = format!("{}:{}", self.server_name, self.port);
        let response = match &mut line {
            Line::Http1(line) => {
                let host = authority.parse().unwrap();
                request.headers_mut().entry(header::HOST).or_insert(host);
                *request.uri_mut() = ask.path.parse().unwrap();
                line.send_request(request).await?
            }
            Line::Http2(line) => {
                let uri = format!("https://{authority}{}", ask.path);
                *request.uri_mut() = uri.parse().unwrap();
                line.send_request(request).await?
            }
        };
        Ok((response, line))
    }

    /// A connection that takes a request now. On HTTP/2 there is one for all requests.
    async fn line(&self) -> Line {
        loop {
            let idle = self.idle.lock().unwrap().pop();
            match idle {
                None => {
                    let line = self.connect().await;
                    self.keep(&line);
                    return line;
                }
                Some(Line::Http1(mut line)) => {
                    if line.ready().await.is_ok() {
                        return Line::Http1(line);
                    }
                }
                Some(Line::Http2(mut line)) => {
                    if line.ready().await.is_ok() {
                        let line = Line::Http2(line);
                        self.keep(&line);
                        return line;
                    }
                }
            }
        }
    }

    /// Keeps what others may use at the same time.
    fn keep(&self, line: &Line) {
        if let Line::Http2(line) = line {
            self.idle.lock().unwrap().push(Line::Http2(line.clone()));
        }
    }

    /// Whether a connection can be made: somebody listens, and shows a certificate that is trusted.
    pub async fn reaches(&self) -> bool {
        self.try_tls().await.is_ok()
    }

    /// The certificate that is shown; none where a connection cannot be made.
    pub async fn shown(&self) -> Option<CertificateDer<'static>> {
        let stream = self.try_tls().await.ok()?;
        let (_, connection) = stream.get_ref();
        Some(connection.peer_certificates()?.first()?.clone())
    }

    async fn connect(&self) -> Line {
        let stream = TokioIo::new(self.tls().await);
        match self.protocol {
            Protocol::Http1 => {
                let builder = http1::Builder::new();
                let (line, connection) = builder.handshake(stream).await.unwrap();
                self.drive(async { drop(connection.await) });
                Line::Http1(line)
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                builder.max_header_list_size(1024 * 1024);
                let (line, connection) = builder.handshake(stream).await.unwrap();
                self.drive(async { drop(connection.await) });
                Line::Http2(line)
            }
        }
    }

    fn drive(&self, connection: impl Future<Output = ()> + Send + 'static) {
        self.connections.lock().unwrap().spawn(connection);
    }

    async fn tls(&self) -> TlsStream<TcpStream> {
        self.try_tls().await.unwrap()
    }

    async fn try_tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config: ClientConfig = client_config(self.roots.as_deref(), self.pair.as_ref());
        config.alpn_protocols = vec![match self.protocol {
            Protocol::Http1 => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await?;
        stream.set_nodelay(true)?;
        let name = self.server_name.clone().try_into().unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    }
}
