//! Clients that go on asking, changing and watching, whatever happens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::task::JoinSet;

use super::caller::{Ask, Caller};

/// Some clients that ask without a pause.
pub struct Load {
    stop: Arc<AtomicBool>,
    count: Arc<AtomicUsize>,
    failures: Arc<Mutex<Vec<String>>>,
    clients: JoinSet<()>,
}

impl Load {
    /// As many clients as there are paths, each with a connection of its own.
    pub fn start(caller: &Caller, paths: &[String]) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            count: Arc::default(),
            failures: Arc::default(),
            clients: JoinSet::new(),
        };
        for path in paths {
            let path = path.clone();
            load.client(caller, 200, move |_| Ask::get(&path));
        }
        load
    }

    /// One more client, which writes the number of its request to the label `round` of the object at
    /// `path`. Returns the last number that was answered.
    pub fn change(&mut self, caller: &Caller, path: String) -> Arc<AtomicUsize> {
        self.client(caller, 200, move |number| {
            let patch = json!({ "metadata": { "labels": { "round": number.to_string() } } });
            Ask::new("PATCH", path.as_str()).body("application/merge-patch+json", patch.to_string())
        })
    }

    /// One more client, whose requests are all answered with `status`. Returns how many have been.
    pub fn client(
        &mut self,
        caller: &Caller,
        status: u16,
        ask: impl Fn(usize) -> Ask + Send + 'static,
    ) -> Arc<AtomicUsize> {
        let caller = caller.again();
        let (stop, count) = (Arc::clone(&self.stop), Arc::clone(&self.count));
        let failures = Arc::clone(&self.failures);
        let own: Arc<AtomicUsize> = Arc::default();
        let answered = Arc::clone(&own);
        self.clients.spawn(async move {
            for number in 1.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                let failure = match caller.try_send(ask(number)).await {
                    Ok(reply) if reply.status == status => None,
                    Ok(reply) => Some(format!("{} {}", reply.status, reply.text())),
                    Err(error) => Some(format!("{error:?}")),
                };
                failures.lock().unwrap().extend(failure);
                answered.store(number, Ordering::SeqCst);
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        own
    }

    /// How many requests have been answered.
    pub fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// What went wrong so far.
    pub fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }

    /// Ends it; what went wrong.
    pub async fn end(self) -> Vec<String> {
        self.stop.store(true, Ordering::SeqCst);
        self.clients.join_all().await;
        self.failures.lock().unwrap().clone()
    }
}

/// A client that watches a collection, and goes on where a watch ended.
pub struct Follower {
    seen: Arc<Mutex<Vec<String>>>,
    /// How many watches have been opened.
    watches: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Follower {
    /// Follows what happens to the label `round` of the object `name` from now on.
    pub async fn start(caller: &Caller, collection: &str, name: &str) -> Self {
        let caller = caller.again();
        let list = caller.get(collection).await.expect(200).json();
        let mut version = list["metadata"]["resourceVersion"].clone();
        let (collection, name) = (collection.to_owned(), name.to_owned());
        let (seen, watches) = (Arc::<Mutex<Vec<String>>>::default(), Arc::default());
        let mut task = JoinSet::new();
        let (rounds, opened) = (Arc::clone(&seen), Arc::<AtomicUsize>::clone(&watches));
        task.spawn(async move {
            loop {
                let query = format!("?watch=1&resourceVersion={}", version.as_str().unwrap());
                let mut watch = caller.open(Ask::get(format!("{collection}{query}"))).await;
                opened.fetch_add(1, Ordering::SeqCst);
                if watch.status != 200 {
                    let problem = format!("a watch was answered {}", watch.status);
                    rounds.lock().unwrap().push(problem);
                    return;
                }
                while let Some(event) = watch.event().await {
                    if event["type"] == "ERROR" {
                        rounds.lock().unwrap().push(event.to_string());
                        return;
                    }
                    let object = &event["object"]["metadata"];
                    version = object["resourceVersion"].clone();
                    if object["name"] == name.as_str() {
                        let round = object["labels"]["round"].as_str().unwrap_or_default();
                        rounds.lock().unwrap().push(round.to_owned());
                    }
                }
            }
        });
        Self {
            seen,
            watches,
            _task: task,
        }
    }

    /// The values that it was told, in order; what went wrong is the last.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many watches it has opened.
    pub fn watches(&self) -> usize {
        self.watches.load(Ordering::SeqCst)
    }
}
