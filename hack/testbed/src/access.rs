//! How to reach a running bed: where things are, and the tokens to use them.

use std::{
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use serde::{Deserialize, Serialize};

use crate::{
    Error, Program,
    accounts::{self, Accounts},
    claim, file,
    kubeconfig::{self, User},
    layout::{Layout, MARKER},
    program::Invocation,
    run::{Spec, output},
    thread,
};

/// Reads from and writes to a bed, but cannot break it: what tests that share one are given.
#[derive(Clone, Serialize, Deserialize)]
pub struct Access {
    directory: PathBuf,
    kubectl: PathBuf,
    coder: PathBuf,
    kube_apiserver_url: String,
    etcd_url: String,
    coder_url: String,
    postgres_url: String,
    accounts: Accounts,
}

/// What a bed knows once everything is ready.
pub(crate) struct Parts {
    pub(crate) kubectl: PathBuf,
    pub(crate) coder: PathBuf,
    pub(crate) kube_apiserver_url: String,
    pub(crate) etcd_url: String,
    pub(crate) coder_url: String,
    pub(crate) postgres_url: String,
    pub(crate) accounts: Accounts,
}

impl Access {
    pub(crate) fn new(layout: &Layout, parts: Parts) -> Self {
        let Parts {
            kubectl,
            coder,
            kube_apiserver_url,
            etcd_url,
            coder_url,
            postgres_url,
            accounts,
        } = parts;
        let directory = layout.directory.clone();
        Self {
            directory,
            kubectl,
            coder,
            kube_apiserver_url,
            etcd_url,
            coder_url,
            postgres_url,
            accounts,
        }
    }

    /// Finds the bed that `testbed up` runs in a folder.
    pub fn attach(directory: &Path) -> Result<Self, Error> {
        let missing = || Error::NoBed {
            directory: directory.to_owned(),
        };
        let canonical = directory.canonicalize().map_err(|_| missing())?;
        let layout = Layout::new(&canonical);
        claim::living_owner(&layout).ok_or_else(missing)?;
        let text = file::read(&layout.access()).map_err(|_| missing())?;
        serde_json::from_str(&text).map_err(|_| missing())
    }

    /// Whether the bed is that of a process and completely ready.
    #[must_use]
    pub fn owned_by(&self, process: u32) -> bool {
        let layout = self.layout();
        layout.environment().exists()
            && claim::living_owner(&layout).is_some_and(|owner| owner.process == process)
    }

    /// Writes what a later [`attach`](Self::attach) reads.
    pub(crate) fn publish(&self) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        file::publish(&self.layout().access(), &text)
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(&self.directory)
    }

    /// The bed's folder.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The kubeconfig of a cluster administrator.
    #[must_use]
    pub fn kubeconfig(&self) -> PathBuf {
        self.layout().kubeconfig()
    }

    /// The same as text (JSON, which is YAML too).
    pub fn kubeconfig_text(&self) -> Result<String, Error> {
        file::read(&self.kubeconfig())
    }

    /// The URL of kube-apiserver.
    #[must_use]
    pub fn kube_apiserver_url(&self) -> &str {
        &self.kube_apiserver_url
    }

    /// The URL of etcd, which takes requests in JSON too.
    #[must_use]
    pub fn etcd_url(&self) -> &str {
        &self.etcd_url
    }

    /// One of the bed's certificates (PEM): `authority` vouches for kube-apiserver and for clients
    /// such as `administrator`, `proxy-authority` for `proxy-client`, which kube-apiserver shows to
    /// aggregated servers.
    #[must_use]
    pub fn certificate(&self, name: &str) -> PathBuf {
        self.layout().certificate(name)
    }

    /// The key of that certificate (PEM).
    #[must_use]
    pub fn certificate_key(&self, name: &str) -> PathBuf {
        self.layout().key(name)
    }

    /// The `kubectl` that belongs to the bed's kube-apiserver.
    #[must_use]
    pub fn kubectl(&self) -> &Path {
        &self.kubectl
    }

    /// A command for `kubectl` as cluster administrator; its caches stay in the bed.
    #[must_use]
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(&self.kubectl);
        command
            .env("KUBECONFIG", self.kubeconfig())
            .env("HOME", self.directory.join("home"))
            .env(MARKER, &self.directory);
        command
    }

    /// Runs `kubectl` as cluster administrator to its end and gives back what it printed.
    pub async fn run_kubectl(&self, arguments: &[&str]) -> Result<String, Error> {
        let spec = self.kubectl_spec().arguments(arguments.iter().copied());
        thread::run(async move { output(&spec).await }).await
    }

    pub(crate) fn kubectl_spec(&self) -> Spec {
        kubectl_spec(&self.layout(), &self.kubectl)
    }

    /// The `coder` program, which is client and server in one.
    #[must_use]
    pub fn coder(&self) -> &Path {
        &self.coder
    }

    /// The URL of coderd.
    #[must_use]
    pub fn coder_url(&self) -> &str {
        &self.coder_url
    }

    /// A token of coderd's owner. Not for the controller: see
    /// [`controller_token_file`](Self::controller_token_file).
    #[must_use]
    pub fn coder_token(&self) -> &str {
        &self.accounts.owner_token
    }

    /// The name of coderd's owner.
    #[must_use]
    pub fn owner(&self) -> &'static str {
        accounts::OWNER
    }

    /// The password of coderd's owner.
    #[must_use]
    pub fn owner_password(&self) -> &str {
        &self.accounts.owner_password
    }

    /// The name of the machine user that the controller runs as.
    #[must_use]
    pub fn controller_user(&self) -> &'static str {
        accounts::CONTROLLER
    }

    /// The token of the machine user.
    #[must_use]
    pub fn controller_token(&self) -> &str {
        &self.accounts.controller_token
    }

    /// The file with the token of the machine user.
    #[must_use]
    pub fn controller_token_file(&self) -> PathBuf {
        self.layout().token("controller")
    }

    /// The name of coderd's default organization.
    #[must_use]
    pub fn organization(&self) -> &str {
        &self.accounts.organization
    }

    /// The id of coderd's default organization.
    #[must_use]
    pub fn organization_id(&self) -> &str {
        &self.accounts.organization_id
    }

    /// The URL of coderd's database, password included.
    #[must_use]
    pub fn postgres_url(&self) -> &str {
        &self.postgres_url
    }

    /// The log of a server (`etcd`, `kube-apiserver`, `kube-controller-manager`, `postgres`,
    /// `coderd`) or of a [`Program`] by its name.
    #[must_use]
    pub fn log(&self, name: &str) -> PathBuf {
        self.layout().log(name)
    }

    /// Starts any further program, for example the controller, as a child of this process.
    pub async fn start_program(&self, invocation: Invocation) -> Result<Program, Error> {
        Program::start(&self.layout(), invocation).await
    }

    /// Makes a kubeconfig with a fresh token of a `ServiceAccount`, which has to exist.
    pub async fn service_account_kubeconfig(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<PathBuf, Error> {
        let namespace_flag = format!("--namespace={namespace}");
        let arguments = ["create", "token", name, &namespace_flag, "--duration=24h"];
        let token = self.run_kubectl(&arguments).await?;
        let layout = self.layout();
        let path = layout
            .directory
            .join("kubeconfigs")
            .join(format!("{namespace}.{name}"));
        let user = User::Token(token.trim());
        kubeconfig::write(&path, &layout, &self.kube_apiserver_url, &user)?;
        Ok(path)
    }
}

/// `kubectl` as cluster administrator, before there is an [`Access`].
pub(crate) fn kubectl_spec(layout: &Layout, kubectl: &Path) -> Spec {
    Spec::new("kubectl", kubectl.to_owned(), layout).variable("KUBECONFIG", layout.kubeconfig())
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Access")
            .field("directory", &self.directory)
            .field("kube_apiserver_url", &self.kube_apiserver_url)
            .field("coder_url", &self.coder_url)
            .finish_non_exhaustive()
    }
}
