//! One run of one program: a child that dies with us, whose descendants die with it.

use std::{
    ffi::OsString,
    os::fd::OwnedFd,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, pidfd_send_signal};
use tokio::{process::Command, runtime::Handle, sync::watch, time::timeout};

use crate::{
    Error,
    account::Account,
    file,
    layout::{Layout, MARKER},
    tool,
};

/// What to run and how.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: PathBuf,
    pub(crate) account: Option<Account>,
    pub(crate) log: PathBuf,
    pub(crate) layout: Layout,
}

impl Spec {
    pub(crate) fn new(name: &str, program: PathBuf, layout: &Layout) -> Self {
        Self {
            name: name.to_owned(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: layout.directory.clone(),
            account: None,
            log: layout.log(name),
            layout: layout.clone(),
        }
    }

    pub(crate) fn arguments<A: Into<OsString>>(
        mut self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    pub(crate) fn variable(
        mut self,
        name: impl Into<OsString>,
        value: impl Into<OsString>,
    ) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// The command, with an environment of its own: nothing of the caller's but PATH gets in.
    pub(crate) fn command(&self) -> Result<Command, Error> {
        let mut command = Command::new(tool::setpriv()?);
        command
            .args(["--pdeathsig", "KILL"])
            .args(self.account.iter().flat_map(|account| account.arguments()))
            .arg("--")
            .arg(&self.program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.layout.directory.join("home"))
            .env("TMPDIR", self.layout.directory.join("temporary"))
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .env(MARKER, &self.layout.directory)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }
}

/// A running or ended child. Dropping it kills the child without waiting.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    process: Pid,
    handle: OwnedFd,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Run {
    /// Starts the child. Only to be called on the owning thread.
    pub(crate) fn start(spec: &Spec) -> Result<Self, Error> {
        let failed = |source| Error::Spawn {
            program: spec.name.clone(),
            source,
        };
        let log = file::open_log(&spec.log)?;
        let errors = log.try_clone().map_err(failed)?;
        let mut child = spec
            .command()?
            .stdout(log)
            .stderr(errors)
            .spawn()
            .map_err(failed)?;
        let process = child
            .id()
            .and_then(|process| Pid::from_raw(i32::try_from(process).ok()?))
            .ok_or(Error::Thread)?;
        // The child has not been waited for, so the number is certainly its own.
        let handle =
            pidfd_open(process, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
        let (sender, ended) = watch::channel(None);
        Handle::current().spawn(async move {
            let status = child.wait().await;
            // What the child itself started has no business without it.
            kill_process_group(process, Signal::KILL).ok();
            sender.send_replace(Some(status.unwrap_or_default()));
        });
        Ok(Self {
            inner: Arc::new(Inner {
                process,
                handle,
                ended,
            }),
        })
    }

    /// The process number.
    pub(crate) fn id(&self) -> u32 {
        self.inner.process.as_raw_nonzero().get().unsigned_abs()
    }

    /// How it ended, if it has.
    pub(crate) fn status(&self) -> Option<ExitStatus> {
        *self.inner.ended.borrow()
    }

    /// Sends a signal; nothing happens when it has ended.
    pub(crate) fn signal(&self, signal: Signal) {
        self.inner.signal(signal);
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) -> ExitStatus {
        let mut ended = self.inner.ended.clone();
        let status = ended.wait_for(Option::is_some).await.map(|status| *status);
        status.ok().flatten().unwrap_or_default()
    }

    /// Signals, waits, and kills when patience runs out.
    pub(crate) async fn end(&self, signal: Signal, patience: Duration) -> ExitStatus {
        self.signal(signal);
        if let Ok(status) = timeout(patience, self.ended()).await {
            return status;
        }
        self.inner.kill_group();
        self.ended().await
    }
}

impl Inner {
    fn signal(&self, signal: Signal) {
        // Already gone: the caller sees that in the status.
        pidfd_send_signal(&self.handle, signal).ok();
    }

    fn kill_group(&self) {
        if self.ended.borrow().is_none() {
            self.signal(Signal::KILL);
            kill_process_group(self.process, Signal::KILL).ok();
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Runs a short-lived program to its end and gives back what it printed.
pub(crate) async fn output(spec: &Spec) -> Result<String, Error> {
    let output = spec
        .command()?
        .output()
        .await
        .map_err(|source| Error::Spawn {
            program: spec.name.clone(),
            source,
        })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let arguments: Vec<_> = spec
        .arguments
        .iter()
        .map(|text| text.to_string_lossy())
        .collect();
    let printed = [output.stdout, output.stderr].concat();
    Err(Error::Command {
        command: format!("{} {}", spec.name, arguments.join(" ")),
        status: output.status.to_string(),
        output: file::last_lines(&String::from_utf8_lossy(&printed)),
    })
}
