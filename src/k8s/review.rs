//! Asks kube-apiserver: who is this (`TokenReview`), and may they (`SubjectAccessReview`).
//!
//! A review creates nothing, so it may be sent again after any failure that may pass.

pub mod cache;
pub mod token;

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use kube::{Client, client::Body};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{sync::Semaphore, time::timeout};

/// How long an answer may take, all attempts and the waiting for a turn included.
const DEADLINE: Duration = Duration::from_secs(10);
/// How many reviews of one kind are under way at a time; the others wait for their turn.
const CONCURRENCY: usize = 100;
/// The pauses of `k8s.io/apiserver`'s webhook client.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const FACTOR: f32 = 1.5;
const RETRIES: usize = 4;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Review {
    /// Whose token this is.
    Token,
    /// Whether a user may do something.
    SubjectAccess,
}

/// Why there is no answer. Holds nothing of the question, which may be a token.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The question is no valid request.
    #[error("cannot build a {0}")]
    Build(Review, #[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing came back, or it broke off.
    #[error("no answer to a {0}")]
    NoAnswer(Review, #[source] Box<kube::Error>),
    /// kube-apiserver did not do it.
    #[error("kube-apiserver answered {code} to a {review}{}", hint(*.review, *.code))]
    Refused {
        /// What was asked.
        review: Review,
        /// The HTTP status.
        code: StatusCode,
    },
    /// The answer is not what it should be.
    #[error("cannot read the answer to a {0}")]
    Unreadable(Review, #[source] serde_json::Error),
    /// The time is over.
    #[error("no answer to a {0} within {limit} s", limit = DEADLINE.as_secs())]
    Late(Review),
}

/// Asks one kind of review; the other kind cannot take its turns away.
pub struct Reviewer {
    client: Client,
    review: Review,
    turns: Semaphore,
    seeds: Mutex<fastrand::Rng>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a, S> {
    api_version: &'static str,
    kind: &'static str,
    spec: &'a S,
}

#[derive(Deserialize)]
struct Answer<A> {
    status: A,
}

impl Reviewer {
    /// Jitters from `seed` on.
    #[must_use]
    pub fn new(client: Client, review: Review, seed: u64) -> Self {
        Self {
            client,
            review,
            turns: Semaphore::new(CONCURRENCY),
            seeds: Mutex::new(fastrand::Rng::with_seed(seed)),
        }
    }

    /// What `work` returns, if it does so in time.
    pub async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, ReviewError>>,
    ) -> Result<T, ReviewError> {
        let result = timeout(DEADLINE, work).await;
        result.unwrap_or(Err(ReviewError::Late(self.review)))
    }

    /// The `status` that kube-apiserver gives to `spec`. The caller limits the time.
    pub async fn ask<S, A>(&self, spec: &S) -> Result<A, ReviewError>
    where
        S: Serialize,
        A: DeserializeOwned,
    {
        let review = self.review;
        let question = Question {
            api_version: review.api_version(),
            kind: review.kind(),
            spec,
        };
        let body = serde_json::to_vec(&question)
            .map_err(|error| ReviewError::Build(review, error.into()))?;
        let body = Bytes::from(body);
        let answer = (|| self.exchange(body.clone()))
            .retry(self.pauses())
            .when(ReviewError::may_pass)
            .notify(|error, _| {
                tracing::debug!(error = error as &dyn std::error::Error, "asking again");
            });
        let answer: Answer<A> = serde_json::from_slice(&answer.await?)
            .map_err(|error| ReviewError::Unreadable(review, error))?;
        Ok(answer.status)
    }

    async fn exchange(&self, body: Bytes) -> Result<Bytes, ReviewError> {
        let review = self.review;
        // The semaphore is never closed; without a turn nothing is limited, but nothing is lost.
        let _turn = self.turns.acquire().await.ok();
        let request = Request::post(review.path())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|error| ReviewError::Build(review, error.into()))?;
        let no_answer = |error| ReviewError::NoAnswer(review, Box::new(error));
        // kube's typed calls would log an answer that they cannot read, and the token in it.
        let response = self.client.send(request).await.map_err(no_answer)?;
        let code = response.status();
        if !code.is_success() {
            return Err(ReviewError::Refused { review, code });
        }
        response
            .into_body()
            .collect_bytes()
            .await
            .map_err(no_answer)
    }

    fn pauses(&self) -> ExponentialBuilder {
        let mut seeds = self.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE)
            .with_factor(FACTOR)
            .with_max_times(RETRIES)
            .with_jitter()
            .with_jitter_seed(seeds.u64(..))
    }
}

impl Review {
    fn kind(self) -> &'static str {
        match self {
            Self::Token => "TokenReview",
            Self::SubjectAccess => "SubjectAccessReview",
        }
    }

    fn api_version(self) -> &'static str {
        match self {
            Self::Token => "authentication.k8s.io/v1",
            Self::SubjectAccess => "authorization.k8s.io/v1",
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Token => "/apis/authentication.k8s.io/v1/tokenreviews",
            Self::SubjectAccess => "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        }
    }
}

impl ReviewError {
    /// Whether the same question may be answered in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::NoAnswer(..) => true,
            Self::Refused { code, .. } => {
                code.is_server_error() || *code == StatusCode::TOO_MANY_REQUESTS
            }
            Self::Build(..) | Self::Unreadable(..) | Self::Late(_) => false,
        }
    }
}

fn hint(review: Review, code: StatusCode) -> String {
    let resource = match review {
        Review::Token => "tokenreviews.authentication.k8s.io",
        Review::SubjectAccess => "subjectaccessreviews.authorization.k8s.io",
    };
    if code == StatusCode::FORBIDDEN {
        format!(": give this ServiceAccount the right to create {resource}")
    } else {
        String::new()
    }
}

impl fmt::Display for Review {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.kind())
    }
}

impl fmt::Debug for Reviewer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Reviewer")
            .field("review", &self.review)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
