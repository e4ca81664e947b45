//! Who calls, and with which rights.

use std::{convert::Infallible, path::PathBuf, time::Duration};

use fastrand::Rng;
use http::{HeaderMap, HeaderValue, header};
use kube::config::AuthInfo;
use tokio::{sync::Semaphore, time::sleep};

use super::{Error, access::Access, secret::Secret};
use crate::k8s::{
    self,
    review::{
        ReviewError,
        token::{Tokens, bearer},
    },
};

/// How many callers may wait until they are known. kube-apiserver is asked for fewer at a time.
const WAITING: usize = 1024;
/// How long somebody with a token that is not valid waits for the answer: so guessing and flooding take
/// their time, and few of the places.
const REFUSAL: Duration = Duration::from_secs(1);
/// The name of everybody who knows the secret, in the log.
const SHARED: &str = "shared-secret";

/// How callers are known, and what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identification {
    /// By a token of Kubernetes, which gives the rights too.
    Token {
        /// What the token has to be meant for, besides kube-apiserver.
        audience: Option<String>,
    },
    /// By one secret for all. They have the rights of this process.
    Secret {
        /// Where the secret is.
        file: PathBuf,
        /// Whether they may change anything.
        allow_writes: bool,
    },
}

impl Identification {
    /// Whether there is anything that changes an object.
    pub(super) fn allows_writes(&self) -> bool {
        match self {
            Self::Token { .. } => true,
            Self::Secret { allow_writes, .. } => *allow_writes,
        }
    }
}

/// Somebody who is known.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    /// The user's name in Kubernetes.
    pub(super) name: String,
    /// The way to kube-apiserver with their rights.
    pub(super) access: Access,
}

/// Why somebody is not known.
#[derive(Debug, thiserror::Error)]
pub(super) enum Denied {
    #[error("a bearer token is needed")]
    Missing,
    #[error("the bearer token is not valid")]
    Invalid,
    #[error("too many callers who are not known yet")]
    Crowded,
    #[error("cannot find out whose token this is")]
    Unknown(#[source] ReviewError),
}

/// Knows callers.
#[derive(Debug)]
pub(super) enum Doorman {
    /// By Kubernetes.
    Token {
        tokens: Box<Tokens>,
        /// The way without any rights.
        access: Access,
        places: Semaphore,
    },
    /// By the secret.
    Secret {
        secret: Box<Secret>,
        /// The way with the rights of this process.
        access: Access,
    },
}

impl Doorman {
    /// Knows callers as `identification` says, at the API server of `config`.
    pub(super) async fn new(
        config: kube::Config,
        identification: Identification,
        random: &mut Rng,
    ) -> Result<Self, Error> {
        let mut key = [0; 32];
        random.fill(&mut key);
        match identification {
            Identification::Token { audience } => {
                let own = k8s::config::client(config.clone())?;
                let tokens = Tokens::new(own, key, random.u64(..));
                let mut nobody = config;
                nobody.auth_info = AuthInfo::default();
                Ok(Self::Token {
                    tokens: Box::new(tokens.for_audience(audience)),
                    access: Access::new(k8s::config::client(nobody)?),
                    places: Semaphore::new(WAITING),
                })
            }
            Identification::Secret { file, .. } => Ok(Self::Secret {
                secret: Box::new(Secret::load(file, key).await?),
                access: Access::new(k8s::config::client(config)?),
            }),
        }
    }

    /// Who sent these headers.
    pub(super) async fn identify(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        let known = self.known(headers).await;
        if matches!(known, Err(Denied::Invalid)) {
            sleep(REFUSAL).await;
        }
        known
    }

    async fn known(&self, headers: &HeaderMap) -> Result<Caller, Denied> {
        let token = bearer(headers).map_err(|_| Denied::Invalid)?;
        let token = token.ok_or(Denied::Missing)?;
        match self {
            Self::Token {
                tokens,
                access,
                places,
            } => {
                let _place = places.try_acquire().map_err(|_| Denied::Crowded)?;
                let owner = tokens.owner(token).await.map_err(Denied::Unknown)?;
                let owner = owner.ok_or(Denied::Invalid)?;
                let authorization = HeaderValue::try_from(format!("Bearer {token}"));
                let mut authorization = authorization.map_err(|_| Denied::Invalid)?;
                // So that nothing prints it.
                authorization.set_sensitive(true);
                Ok(Caller {
                    name: owner.name,
                    access: access.with(authorization),
                })
            }
            Self::Secret { secret, access } if secret.is(token) => Ok(Caller {
                name: SHARED.to_owned(),
                access: access.clone(),
            }),
            Self::Secret { .. } => Err(Denied::Invalid),
        }
    }

    /// Whether callers can be known now, or why not.
    pub(super) async fn works(&self) -> Result<(), String> {
        match self {
            Self::Token { tokens, .. } => {
                // Nobody's: what counts is that there is an answer.
                let asked = tokens.owner("readiness").await;
                asked.map(drop).map_err(|error| {
                    format!(
                        "cannot ask whose a token is: {}",
                        crate::api::text::chain(&error)
                    )
                })
            }
            Self::Secret { access, .. } => access
                .version()
                .await
                .map(drop)
                .map_err(|error| error.to_string()),
        }
    }

    /// Keeps what it knows callers by up to date.
    pub(super) async fn follow(&self) -> Infallible {
        match self {
            Self::Token { .. } => std::future::pending().await,
            Self::Secret { secret, .. } => secret.follow().await,
        }
    }
}

/// Takes the token out of `headers`: from here on nobody needs it.
pub(super) fn forget_token(headers: &mut HeaderMap) {
    headers.remove(header::AUTHORIZATION);
}
