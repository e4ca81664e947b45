//! A server of the bed: kept running, broken on request, and reported when it ends by itself.
//!
//! One task on the owning thread per server; everybody else sends it requests. When the last
//! handle is dropped the task ends and the server with it.

use std::{
    io::Write,
    path::PathBuf,
    process::ExitStatus,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::process::Signal;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep_until},
};

use crate::{
    Error, file,
    run::{Run, Spec},
};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(50);
const REQUESTS: usize = 16;

/// What happens when the server ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenEnded {
    /// It stays down: the bed is broken and tests shall notice.
    StayDown,
    /// It is started again, with growing pauses.
    StartAgain,
}

/// What is known about the server from outside.
#[derive(Debug, Clone, Default)]
struct State {
    process: Option<u32>,
    deaths: u32,
    last: Option<ExitStatus>,
}

enum Request {
    Start(oneshot::Sender<Result<(), Error>>),
    End(Signal, Duration, oneshot::Sender<()>),
}

/// A handle on a server.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    name: String,
    log: PathBuf,
    requests: mpsc::Sender<Request>,
    state: watch::Receiver<State>,
    /// Who waits for it to be ready, and will hear of its death that way.
    waiting: Arc<AtomicUsize>,
}

impl Service {
    /// Makes the server known, without starting it.
    pub(crate) fn new(spec: Spec, when_ended: WhenEnded) -> Result<Self, Error> {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let (publisher, state) = watch::channel(State::default());
        let waiting = Arc::new(AtomicUsize::new(0));
        let service = Self {
            waiting: Arc::clone(&waiting),
            name: spec.name.clone(),
            log: spec.log.clone(),
            requests,
            state,
        };
        let keeper = Keeper {
            spec,
            when_ended,
            inbox,
            publisher,
            run: None,
            again: None,
            waiting,
        };
        crate::thread::handle()?.spawn(keeper.keep());
        Ok(service)
    }

    /// The process number, while it runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.state.borrow().process
    }

    /// Starts the server; nothing happens when it runs.
    pub(crate) async fn start(&self) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.requests
            .send(Request::Start(reply))
            .await
            .map_err(|_| Error::Thread)?;
        answer.await.map_err(|_| Error::Thread)?
    }

    /// Ends the server and keeps it down until the next start. Killed when patience runs out.
    pub(crate) async fn end(&self, signal: Signal, patience: Duration) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        let request = Request::End(signal, patience, reply);
        self.requests
            .send(request)
            .await
            .map_err(|_| Error::Thread)?;
        answer.await.map_err(|_| Error::Thread)
    }

    /// Looks again and again until the probe is content, the server ends, or time is up.
    pub(crate) async fn ready<P, F>(&self, limit: Duration, mut probe: P) -> Result<(), Error>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<(), String>>,
    {
        let _waiting = Waiting::begin(&self.waiting);
        let start = Instant::now();
        let deaths = self.state.borrow().deaths;
        loop {
            let problem = match probe().await {
                Ok(()) => return Ok(()),
                Err(problem) => problem,
            };
            let state = self.state.borrow().clone();
            if state.deaths != deaths {
                return Err(self.died(state.last));
            }
            if start.elapsed() > limit {
                return Err(Error::NotReady {
                    name: self.name.clone(),
                    seconds: limit.as_secs(),
                    problem,
                    log: self.log.clone(),
                    tail: file::tail(&self.log),
                });
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    fn died(&self, status: Option<ExitStatus>) -> Error {
        Error::Died {
            name: self.name.clone(),
            status: status.unwrap_or_default().to_string(),
            log: self.log.clone(),
            tail: file::tail(&self.log),
        }
    }
}

/// The task behind a handle.
struct Keeper {
    spec: Spec,
    when_ended: WhenEnded,
    inbox: mpsc::Receiver<Request>,
    publisher: watch::Sender<State>,
    run: Option<Run>,
    /// When to start again after a death.
    again: Option<Instant>,
    waiting: Arc<AtomicUsize>,
}

/// Counted for as long as it lives.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

enum Event {
    Request(Option<Request>),
    Ended(ExitStatus),
    StartAgain,
}

impl Keeper {
    async fn keep(mut self) {
        let mut pause = FIRST_PAUSE;
        loop {
            match self.next().await {
                Event::Request(None) => return,
                Event::Request(Some(Request::Start(reply))) => {
                    pause = FIRST_PAUSE;
                    // The caller may have given up waiting; the server is started all the same.
                    reply.send(self.start()).ok();
                }
                Event::Request(Some(Request::End(signal, patience, reply))) => {
                    self.end(signal, patience).await;
                    reply.send(()).ok();
                }
                Event::Ended(status) => {
                    self.report(status);
                    if self.when_ended == WhenEnded::StartAgain {
                        self.again = Some(Instant::now() + pause);
                        pause = (pause * 2).min(LONGEST_PAUSE);
                    }
                }
                Event::StartAgain => {
                    if let Err(error) = self.start() {
                        complain(&error.chain());
                    }
                }
            }
        }
    }

    async fn next(&mut self) -> Event {
        let ended = async {
            match &self.run {
                Some(run) => run.ended().await,
                None => std::future::pending().await,
            }
        };
        let again = async {
            match self.again {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            request = self.inbox.recv() => Event::Request(request),
            status = ended => Event::Ended(status),
            () = again => Event::StartAgain,
        }
    }

    fn start(&mut self) -> Result<(), Error> {
        self.again = None;
        if self.run.as_ref().is_some_and(|run| run.status().is_none()) {
            return Ok(());
        }
        let run = Run::start(&self.spec)?;
        self.publisher
            .send_modify(|state| state.process = Some(run.id()));
        self.run = Some(run);
        Ok(())
    }

    async fn end(&mut self, signal: Signal, patience: Duration) {
        self.again = None;
        if let Some(run) = self.run.take() {
            run.end(signal, patience).await;
        }
        self.publisher.send_modify(|state| state.process = None);
    }

    fn report(&mut self, status: ExitStatus) {
        self.run = None;
        self.publisher.send_modify(|state| {
            state.process = None;
            state.deaths += 1;
            state.last = Some(status);
        });
        if self.waiting.load(Ordering::SeqCst) > 0 {
            return;
        }
        let name = &self.spec.name;
        let tail = file::tail(&self.spec.log);
        complain(&format!(
            "{name} ended by itself ({status}); the end of its log:\n{tail}"
        ));
    }
}

/// The only place where the library speaks on its own: nobody called, so nobody gets an error.
pub(crate) fn complain(text: &str) {
    // The reader of a detached bed's messages may be gone.
    writeln!(std::io::stderr(), "testbed: {text}").ok();
}
