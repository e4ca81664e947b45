//! A running bed and what can be done to it.

use std::{ops::Deref, path::Path, sync::OnceLock, time::Duration};

use rustix::process::Signal;
use tokio::{sync::oneshot, task::spawn_blocking};

use crate::{
    Access, Error, Options,
    build::Binaries,
    environment,
    foundation::{self, Foundation},
    freeze::{freeze, thaw},
    servers::Servers,
    service::complain,
    thread,
};

/// The first start of all may have to build.
const FIRST_START: Duration = Duration::from_secs(3600);

/// The variable that names the folder of a running bed to share instead of starting one.
pub(crate) const SHARED_VARIABLE: &str = "TESTBED_SHARED";

/// A bed of one's own, free to be broken. Dropping it ends everything and removes its folder.
#[derive(Debug)]
pub struct Bed {
    access: Access,
    /// Present until dropped.
    owned: Option<(Servers, Foundation)>,
}

impl Bed {
    /// Starts a bed in a new folder and returns when everything is ready.
    pub async fn start(options: Options) -> Result<Self, Error> {
        thread::run(start_on_thread(None, options, None)).await
    }

    /// Starts a bed in a given folder, which outlives a kill of this process until the next
    /// start or end there. `cancel` gives up a start that is under way, leaving nothing.
    pub async fn start_in(
        directory: &Path,
        options: Options,
        cancel: oneshot::Receiver<()>,
    ) -> Result<Self, Error> {
        let directory = directory.to_owned();
        thread::run(start_on_thread(Some(directory), options, Some(cancel))).await
    }

    /// The bed that all tests of this process share: started at the first call, gone when the
    /// process is. It cannot be broken.
    ///
    /// Blocks, and needs no runtime. Where the variable `TESTBED_SHARED` names the folder of a
    /// bed that `testbed up` runs, that one is used (for runners with a process per test).
    pub fn shared() -> Result<&'static Access, &'static Error> {
        static SHARED: OnceLock<Result<Shared, Error>> = OnceLock::new();
        let start = || match std::env::var_os(SHARED_VARIABLE) {
            Some(directory) => Access::attach(Path::new(&directory))
                .map(|access| Shared::Foreign(Box::new(access))),
            None => {
                thread::run_blocking(start_on_thread(None, Options::default(), None), FIRST_START)
                    .unwrap_or(Err(Error::Thread))
                    .map(|bed| Shared::Own(Box::new(bed)))
            }
        };
        match SHARED.get_or_init(start) {
            Ok(Shared::Own(bed)) => Ok(&bed.access),
            Ok(Shared::Foreign(access)) => Ok(access),
            Err(error) => Err(error),
        }
    }

    /// Asks coderd to end (SIGTERM) and keeps it down.
    pub async fn stop_coderd(&self) -> Result<(), Error> {
        self.servers()?.end_coderd(Signal::TERM).await
    }

    /// Kills coderd like `kill -9` and keeps it down.
    pub async fn kill_coderd(&self) -> Result<(), Error> {
        self.servers()?.end_coderd(Signal::KILL).await
    }

    /// Starts coderd on its old port and returns when it is ready.
    pub async fn start_coderd(&self) -> Result<(), Error> {
        self.servers()?.start_coderd().await
    }

    /// Waits until coderd answers; for after it ended by itself and is started again.
    pub async fn coderd_ready(&self) -> Result<(), Error> {
        self.servers()?.coderd_ready().await
    }

    /// The process number of coderd, while it runs.
    #[must_use]
    pub fn coderd_process(&self) -> Option<u32> {
        self.servers().ok()?.coderd_process()
    }

    /// Stops PostgreSQL in order, cutting its sessions; the data stays.
    pub async fn stop_postgres(&self) -> Result<(), Error> {
        // Paused processes hear no signal.
        self.resume_postgres()?;
        self.servers()?.stop_postgres().await
    }

    /// Starts PostgreSQL on its old port and data and returns when it takes connections.
    pub async fn start_postgres(&self) -> Result<(), Error> {
        self.servers()?.start_postgres().await
    }

    /// Makes PostgreSQL hang, sessions included: connections stay open, nothing answers.
    pub fn pause_postgres(&self) -> Result<(), Error> {
        if let Some(process) = self.servers()?.postgres_process()? {
            freeze(process);
        }
        Ok(())
    }

    /// Lets PostgreSQL go on after a pause.
    pub fn resume_postgres(&self) -> Result<(), Error> {
        if let Some(process) = self.servers()?.postgres_process()? {
            thaw(process);
        }
        Ok(())
    }

    /// Asks kube-apiserver to end and keeps it down; etcd runs on.
    pub async fn stop_kube_apiserver(&self) -> Result<(), Error> {
        self.servers()?.stop_kube_apiserver().await
    }

    /// Starts kube-apiserver on its old port and data and returns when it is ready.
    pub async fn start_kube_apiserver(&self) -> Result<(), Error> {
        self.servers()?.start_kube_apiserver().await
    }

    /// Kills kube-controller-manager like `kill -9` and keeps it down: nothing is collected, no
    /// namespace ends.
    pub async fn kill_kube_controller_manager(&self) -> Result<(), Error> {
        self.servers()?.kill_kube_controller_manager().await
    }

    /// Starts kube-controller-manager; it takes a moment until it is at work.
    pub async fn start_kube_controller_manager(&self) -> Result<(), Error> {
        self.servers()?.start_kube_controller_manager().await
    }

    fn servers(&self) -> Result<&Servers, Error> {
        self.owned
            .as_ref()
            .map(|(servers, _)| servers)
            .ok_or(Error::Thread)
    }
}

impl Deref for Bed {
    type Target = Access;

    fn deref(&self) -> &Access {
        &self.access
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some((servers, foundation)) = self.owned.take() {
            let end = async move {
                servers.end().await;
                foundation.clear().await;
            };
            thread::run_blocking(end, foundation::END);
        }
    }
}

enum Shared {
    Own(Box<Bed>),
    Foreign(Box<Access>),
}

async fn start_on_thread(
    directory: Option<std::path::PathBuf>,
    options: Options,
    cancel: Option<oneshot::Receiver<()>>,
) -> Result<Bed, Error> {
    let binaries = in_background(|| Binaries::ensure(&|text| complain(text))).await?;
    let mut foundation = in_background(move || Foundation::lay(directory.as_deref())).await?;
    let started = {
        let start = raise(&mut foundation, &binaries, &options);
        let cancelled = async {
            let wish = match cancel {
                Some(cancel) => cancel.await.is_ok(),
                None => false,
            };
            // A dropped sender is no wish to cancel.
            if !wish {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            started = start => started,
            () = cancelled => Err(Error::Cancelled),
        }
    };
    match started {
        Ok((servers, access)) => Ok(Bed {
            access,
            owned: Some((servers, foundation)),
        }),
        Err(error) => {
            foundation.clear().await;
            Err(error)
        }
    }
}

async fn raise(
    foundation: &mut Foundation,
    binaries: &Binaries,
    options: &Options,
) -> Result<(Servers, Access), Error> {
    let layout = foundation.claim()?.layout().clone();
    layout.make_folders()?;
    let (servers, parts) =
        Servers::start(&layout, binaries, options, &mut foundation.ports).await?;
    let access = Access::new(&layout, parts);
    access.publish()?;
    environment::write(&access, binaries)?;
    Ok((servers, access))
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    spawn_blocking(work).await.unwrap_or(Err(Error::Thread))
}
