//! coderd with faults: a reverse proxy that a test puts between the controller and coderd.
//!
//! It counts every request, keeps the mutating ones for assertions, and breaks those that a rule
//! matches. It speaks HTTP/1.1 without WebSockets. It runs on a thread of its own, so it outlives
//! the runtime of the test that started it, and ends when dropped.

mod answer;
mod forward;
mod hold;
mod record;
mod rule;
mod serve;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use regex::Regex;
use tokio::{net::TcpListener, sync::oneshot};

use crate::Error;

pub use answer::Answer;
pub use hold::{Hold, Stage};
pub use record::{Mutation, Seen};
pub use rule::{Fault, Matcher, RuleId};

use serve::Shared;

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Present until dropped.
    end: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Proxy {
    /// Starts a proxy in front of a server, for example [`coder_url`](crate::Access::coder_url).
    ///
    /// Blocks for the moment that it takes to listen.
    pub fn start(upstream: &str) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(upstream)?);
        let failed = |source| Error::Spawn {
            program: "the proxy".to_owned(),
            source,
        };
        let (report, listening) = mpsc::sync_channel(1);
        let (end, ended) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("testbed-proxy".to_owned())
            .spawn(move || run(serving, &report, ended))
            .map_err(failed)?;
        let address = listening
            .recv()
            .map_err(|_| Error::Thread)?
            .map_err(failed)?;
        Ok(Self {
            address,
            shared,
            end: Some((end, thread)),
        })
    }

    /// The URL to give to the program under test.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Installs a rule. Of all rules that match a request, the one installed first applies.
    #[allow(
        clippy::must_use_candidate,
        reason = "most rules stay until the proxy ends"
    )]
    pub fn install(&self, matcher: Matcher, fault: Fault) -> RuleId {
        self.shared.rules.install(matcher, fault.into())
    }

    /// Removes a rule; nothing happens when it is used up.
    pub fn remove(&self, rule: RuleId) {
        self.shared.rules.remove(rule);
    }

    /// Removes all rules; what is held is released.
    pub fn remove_all(&self) {
        self.shared.rules.remove_all();
    }

    /// Holds matching requests until the [`Hold`] says otherwise.
    #[must_use = "dropping it releases the requests"]
    pub fn hold(&self, matcher: Matcher, stage: Stage) -> Hold {
        Hold::install(&self.shared, matcher, stage)
    }

    /// All requests so far by method and route (the path with UUIDs as `{id}`).
    #[must_use]
    pub fn counts(&self) -> BTreeMap<(String, String), u64> {
        self.shared.records.counts()
    }

    /// How many requests so far had the method (`*` for any) and a path that the pattern matches.
    pub fn count(&self, method: &str, route: &str) -> Result<u64, Error> {
        let pattern = pattern(route)?;
        let matching = |(key, count): ((String, String), u64)| {
            let (of_method, of_route) = key;
            let wanted = (method == "*" || of_method == method) && pattern.is_match(&of_route);
            wanted.then_some(count)
        };
        Ok(self.counts().into_iter().filter_map(matching).sum())
    }

    /// The last mutating requests (everything but GET, HEAD and OPTIONS), oldest first.
    #[must_use]
    pub fn mutations(&self) -> Vec<Mutation> {
        self.shared.records.mutations()
    }

    /// Forgets all counts and mutations.
    pub fn forget(&self) {
        self.shared.records.forget();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.remove_all();
        if let Some((end, thread)) = self.end.take() {
            drop(end);
            // A panic in there has been printed.
            thread.join().ok();
        }
    }
}

fn pattern(text: &str) -> Result<Regex, Error> {
    Regex::new(text).map_err(|source| Error::Pattern {
        pattern: text.to_owned(),
        source,
    })
}

fn run(
    shared: Arc<Shared>,
    report: &mpsc::SyncSender<std::io::Result<SocketAddr>>,
    ended: oneshot::Receiver<()>,
) {
    let listen = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        Ok((runtime, listener, address))
    };
    let (runtime, listener) = match listen() {
        Ok((runtime, listener, address)) => {
            report.send(Ok(address)).ok();
            (runtime, listener)
        }
        Err(error) => {
            report.send(Err(error)).ok();
            return;
        }
    };
    // Dropping the runtime at the end drops every connection.
    runtime.block_on(async {
        tokio::select! {
            () = serve::accept(listener, shared) => (),
            _ = ended => (),
        }
    });
}
