//! One call: attempts within a deadline, each with the current token, observed one by one.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use backon::Retryable;
use bytes::Bytes;
use http::{HeaderName, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};
use tower::{Service, ServiceExt};

use super::{
    client::Client,
    error::Error,
    observation::{RequestOutcome, RequestResult},
    refusal::{Refusal, excerpt},
    reply::{self, Answer, Lookup},
    request::{Call, Prepared, Request},
    retry,
    said::Secrets,
    token::TokenError,
    transport::{Delivery, ReplyLimit, TransportError},
};

const SESSION_TOKEN: HeaderName = HeaderName::from_static("coder-session-token");

/// How much is kept of what is wrong with a reply or a connection, in bytes.
const PROBLEM: usize = 512;

/// A call under way.
struct Attempts<'a> {
    client: &'a Client,
    call: Arc<Call>,
    prepared: Prepared,
    read: bool,
    authenticated: bool,
    reply_limit: usize,
    time: Duration,
    deadline: Instant,
}

impl Client {
    /// Sends a request and reads the body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, request: Request) -> Result<T, Error> {
        let (call, answer) = self.send(request).await?;
        self.decode(call, &answer)
    }

    /// Sends a request and takes coderd's 404 as "not there".
    pub(super) async fn lookup<T>(&self, request: Request) -> Result<Lookup<T>, Error>
    where
        T: DeserializeOwned,
    {
        match self.send(request).await {
            Ok((call, answer)) => {
                let found = self.decode(call, &answer)?;
                Ok(Lookup {
                    found: Some(found),
                    at: answer.at,
                })
            }
            Err(Error::Refused { refusal, .. }) if refusal.is_not_found() => Ok(Lookup {
                found: None,
                at: refusal.at,
            }),
            Err(error) => Err(error),
        }
    }

    /// Sends a request whose body says nothing.
    pub(super) async fn done(&self, request: Request) -> Result<(), Error> {
        self.send(request).await.map(|_| ())
    }

    /// Sends a request and gives the body as it is.
    pub(super) async fn bytes(&self, request: Request) -> Result<Bytes, Error> {
        self.send(request).await.map(|(_, answer)| answer.body)
    }

    async fn send(&self, request: Request) -> Result<(Arc<Call>, Answer), Error> {
        let limits = &self.shared.limits;
        let time = if request.transfer {
            limits.transfer_deadline
        } else {
            limits.deadline
        };
        let (read, authenticated) = (request.is_read(), request.authenticated);
        let reply_limit = request
            .reply_limit
            .unwrap_or(usize::MAX)
            .min(limits.reply_bytes);
        let (call, prepared) = request.prepare(&self.shared.base);
        let call = Arc::new(call);
        let prepared = prepared.map_err(|source| Error::Transport {
            call: Arc::clone(&call),
            source,
        })?;
        let attempts = Attempts {
            client: self,
            call: Arc::clone(&call),
            prepared,
            read,
            authenticated,
            reply_limit,
            time,
            deadline: Instant::now() + time,
        };
        let answer = attempts.run().await?;
        Ok((call, answer))
    }

    /// Takes note of coderd's clock.
    fn dated(&self, at: Option<jiff::Timestamp>) {
        if let Some(at) = at {
            let mut dated = self
                .shared
                .dated
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            *dated = Some((at, Instant::now()));
        }
    }

    fn decode<T: DeserializeOwned>(&self, call: Arc<Call>, answer: &Answer) -> Result<T, Error> {
        serde_json::from_slice(&answer.body).map_err(|problem| {
            let secrets = self.secrets();
            Error::Unreadable {
                call,
                status: answer.status,
                excerpt: excerpt(&answer.body, &secrets),
                problem: secrets.line(&problem.to_string(), PROBLEM),
            }
        })
    }
}

impl Attempts<'_> {
    async fn run(&self) -> Result<Answer, Error> {
        if !self.read {
            return self.once().await;
        }
        (|| self.once())
            .retry(
                self.client
                    .shared
                    .jitter
                    .pauses(self.client.shared.limits.attempts),
            )
            .when(Error::is_transient)
            .adjust(|error, planned| {
                let remaining = self.deadline.saturating_duration_since(Instant::now());
                retry::pause(error, planned, remaining)
            })
            .await
    }

    /// One attempt; after a 401 a second one if the token has changed meanwhile.
    async fn once(&self) -> Result<Answer, Error> {
        if !self.authenticated {
            return self.exchange(None).await;
        }
        let token = &self.client.shared.token;
        let sent = token.current().map_err(|source| self.no_token(source))?;
        match self.exchange(Some(&sent)).await {
            Err(error) if error.is_unauthorized() => {
                // A file that cannot be read now is the next call's error: this one has its own.
                match token.reload() {
                    Ok(fresh) if self.read && fresh.expose_secret() != sent.expose_secret() => {
                        self.exchange(Some(&fresh)).await
                    }
                    _ => Err(error),
                }
            }
            outcome => outcome,
        }
    }

    /// One request on the wire.
    async fn exchange(&self, token: Option<&SecretString>) -> Result<Answer, Error> {
        let mut request = self.prepared.to_http(&self.call.method);
        request
            .extensions_mut()
            .insert(ReplyLimit(self.reply_limit));
        if let Some(token) = token {
            let value = self.client.shared.token.header(token);
            request.headers_mut().insert(
                SESSION_TOKEN,
                value.map_err(|source| self.no_token(source))?,
            );
        }
        let begin = Instant::now();
        let outcome = self.in_time(request).await;
        self.observe(&outcome, begin.elapsed());
        // A call that sends no token may still be told one that the server has from another call.
        let secrets = || {
            let latest = self.client.shared.token.latest();
            let hidden = self.client.hidden.iter().cloned();
            Secrets::of(token.cloned().into_iter().chain(latest).chain(hidden))
        };
        let reply = outcome.map_err(|source| Error::Transport {
            call: Arc::clone(&self.call),
            source: source.retold(|text| secrets().line(text, PROBLEM)),
        })?;
        let (parts, body) = reply.into_parts();
        self.client.dated(reply::date(&parts.headers));
        if parts.status.is_success() {
            let at = reply::date(&parts.headers);
            return Ok(Answer {
                status: parts.status,
                at,
                body,
            });
        }
        let refusal = Refusal::read(parts.status, &parts.headers, &body, &secrets());
        Err(Error::Refused {
            call: Arc::clone(&self.call),
            refusal: Box::new(refusal),
        })
    }

    async fn in_time(
        &self,
        request: http::Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let mut service = self.client.shared.exchange.clone();
        let mut delivery = Delivery::NotSent;
        let reply = timeout_at(self.deadline, async {
            // Ready means that a slot is free; nothing is sent before.
            service.ready().await?;
            delivery = Delivery::Possible;
            service.call(request).await
        })
        .await
        .unwrap_or_else(|_| {
            Err(TransportError::Deadline {
                after: self.time,
                delivery,
            })
        })?;
        if reply.status().is_success() && reply.body().len() > self.reply_limit {
            let (status, limit) = (reply.status(), self.reply_limit);
            return Err(TransportError::TooLarge { status, limit });
        }
        Ok(reply)
    }

    fn observe(&self, outcome: &Result<Response<Bytes>, TransportError>, elapsed: Duration) {
        let result = match outcome {
            Ok(reply) => RequestResult::Status(reply.status()),
            Err(error) => RequestResult::Failed(error.kind()),
        };
        let (method, route) = (&self.call.method, self.call.route);
        match result {
            RequestResult::Status(status) => {
                tracing::debug!(%method, route, status = status.as_u16(), ?elapsed, "coderd");
            }
            RequestResult::Failed(failure) => {
                tracing::debug!(%method, route, failure, ?elapsed, "coderd");
            }
        }
        if let Some(observer) = &self.client.shared.observer {
            observer(&RequestOutcome {
                method: method.clone(),
                route,
                result,
                elapsed,
            });
        }
    }

    fn no_token(&self, source: TokenError) -> Error {
        Error::Token {
            call: Arc::clone(&self.call),
            source,
        }
    }
}
