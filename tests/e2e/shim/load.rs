//! Clients that go on asking, whatever happens.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use tokio::task::JoinSet;

use super::caller::{Ask, Caller};

/// Some clients that read without a pause.
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
            let (caller, path) = (caller.again(), path.clone());
            let (stop, count) = (Arc::clone(&load.stop), Arc::clone(&load.count));
            let failures = Arc::clone(&load.failures);
            load.clients.spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    match caller.try_send(Ask::get(&path)).await {
                        Ok(reply) if reply.status == 200 => {}
                        Ok(reply) => failures.lock().unwrap().push(format!(
                            "{} {}",
                            reply.status,
                            reply.text()
                        )),
                        Err(error) => failures.lock().unwrap().push(format!("{error:?}")),
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        load
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
