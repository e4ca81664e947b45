//! The servers of one bed: started together, broken one by one, ended together.

pub(crate) mod coderd;
pub(crate) mod etcd;
pub(crate) mod kube_apiserver;
pub(crate) mod kube_controller_manager;
pub(crate) mod postgres;

use std::{env, path::Path, time::Duration};

use rustix::process::Signal;

use crate::{
    Error, Options,
    access::{Parts, kubectl_spec},
    accounts::{self, Accounts},
    build::Binaries,
    certificates,
    kubeconfig::{self, User},
    layout::Layout,
    ports::Ports,
    run::Spec,
    service::{Service, WhenEnded},
    tool,
};

/// The variable that replaces PostgreSQL.
pub(crate) const POSTGRES_VARIABLE: &str = "TESTBED_POSTGRES_URL";

pub(crate) const READY: Duration = Duration::from_secs(120);
const PATIENCE: Duration = Duration::from_secs(15);

/// Handles on all servers of a bed.
#[derive(Debug, Clone)]
pub(crate) struct Servers {
    layout: Layout,
    client: reqwest::Client,
    kubectl: Spec,
    kube_apiserver_port: u16,
    coder_url: String,
    coderd: Service,
    /// Absent when the user brought one.
    postgres: Option<Service>,
    etcd: Service,
    kube_apiserver: Service,
    kube_controller_manager: Service,
}

/// The half of a bed that coderd needs.
struct CoderSide {
    coderd: Service,
    postgres: Option<Service>,
    postgres_url: String,
    accounts: Accounts,
}

/// The half of a bed that Kubernetes needs.
struct KubernetesSide {
    etcd: Service,
    kube_apiserver: Service,
    kube_controller_manager: Service,
}

/// Numbers of the ports, fixed before anything starts.
#[derive(Clone, Copy)]
struct Numbers {
    postgres: u16,
    coderd: u16,
    etcd: u16,
    etcd_peer: u16,
    kube_apiserver: u16,
}

impl Servers {
    /// Starts everything and returns when everything is ready.
    pub(crate) async fn start(
        layout: &Layout,
        binaries: &Binaries,
        options: &Options,
        ports: &mut Ports,
    ) -> Result<(Self, Parts), Error> {
        let numbers = Numbers {
            postgres: ports.take()?,
            coderd: ports.take()?,
            etcd: ports.take()?,
            etcd_peer: ports.take()?,
            kube_apiserver: ports.take()?,
        };
        let client = crate::http::client()
            .no_proxy()
            .build()
            .map_err(|source| Error::Request {
                action: "set up requests",
                source,
            })?;
        let coder_url = coderd::url(numbers.coderd);
        let kube_apiserver_url = format!("https://127.0.0.1:{}", numbers.kube_apiserver);
        certificates::write_all(layout)?;
        let administrator = User::Certificate(certificates::ADMINISTRATOR);
        kubeconfig::write(
            &layout.kubeconfig(),
            layout,
            &kube_apiserver_url,
            &administrator,
        )?;
        let kubectl = kubectl_spec(layout, &binaries.kubectl);
        let (coder_side, kubernetes_side) = tokio::try_join!(
            CoderSide::start(layout, binaries, options, numbers, &client),
            KubernetesSide::start(layout, binaries, options, numbers, &kubectl),
        )?;
        let CoderSide {
            coderd,
            postgres,
            postgres_url,
            accounts,
        } = coder_side;
        let KubernetesSide {
            etcd,
            kube_apiserver,
            kube_controller_manager,
        } = kubernetes_side;
        let reached = Parts {
            kubectl: binaries.kubectl.clone(),
            coder: binaries.coder.clone(),
            kube_apiserver_url,
            etcd_url: format!("http://127.0.0.1:{}", numbers.etcd),
            coder_url: coder_url.clone(),
            postgres_url,
            accounts,
        };
        let servers = Self {
            layout: layout.clone(),
            client,
            kubectl,
            kube_apiserver_port: numbers.kube_apiserver,
            coder_url,
            coderd,
            postgres,
            etcd,
            kube_apiserver,
            kube_controller_manager,
        };
        Ok((servers, reached))
    }

    /// Ends everything at once; nothing of it is kept, so only PostgreSQL is asked kindly.
    pub(crate) async fn end(&self) {
        let postgres = async {
            if let Some(postgres) = &self.postgres {
                postgres
                    .end(Signal::QUIT, Duration::from_secs(3))
                    .await
                    .ok();
            }
        };
        // A server that cannot be reached has ended already.
        let _all = tokio::join!(
            self.coderd.end(Signal::KILL, PATIENCE),
            self.kube_controller_manager.end(Signal::KILL, PATIENCE),
            self.kube_apiserver.end(Signal::KILL, PATIENCE),
            self.etcd.end(Signal::KILL, PATIENCE),
            postgres,
        );
    }

    pub(crate) async fn start_coderd(&self) -> Result<(), Error> {
        self.coderd.start().await?;
        self.coderd_ready().await
    }

    pub(crate) async fn coderd_ready(&self) -> Result<(), Error> {
        let probe = || coderd::probe(self.client.clone(), self.coder_url.clone());
        self.coderd.ready(READY, probe).await
    }

    pub(crate) async fn end_coderd(&self, signal: Signal) -> Result<(), Error> {
        self.coderd.end(signal, PATIENCE).await
    }

    pub(crate) fn coderd_process(&self) -> Option<u32> {
        self.coderd.process()
    }

    pub(crate) async fn start_kube_apiserver(&self) -> Result<(), Error> {
        start_kube_apiserver(
            &self.kube_apiserver,
            &self.kubectl,
            self.kube_apiserver_port,
        )
        .await
    }

    pub(crate) async fn stop_kube_apiserver(&self) -> Result<(), Error> {
        self.kube_apiserver.end(Signal::TERM, PATIENCE).await
    }

    pub(crate) async fn start_kube_controller_manager(&self) -> Result<(), Error> {
        self.kube_controller_manager.start().await
    }

    pub(crate) async fn kill_kube_controller_manager(&self) -> Result<(), Error> {
        self.kube_controller_manager
            .end(Signal::KILL, PATIENCE)
            .await
    }

    pub(crate) async fn start_postgres(&self) -> Result<(), Error> {
        start_postgres(&self.layout, self.postgres()?).await
    }

    pub(crate) async fn stop_postgres(&self) -> Result<(), Error> {
        // A fast shutdown: sessions are cut, data is kept.
        self.postgres()?.end(Signal::INT, PATIENCE).await
    }

    pub(crate) fn postgres_process(&self) -> Result<Option<u32>, Error> {
        Ok(self.postgres()?.process())
    }

    fn postgres(&self) -> Result<&Service, Error> {
        let missing = Error::NotOurs {
            name: "postgres",
            variable: POSTGRES_VARIABLE,
        };
        self.postgres.as_ref().ok_or(missing)
    }
}

impl CoderSide {
    async fn start(
        layout: &Layout,
        binaries: &Binaries,
        options: &Options,
        numbers: Numbers,
        client: &reqwest::Client,
    ) -> Result<Self, Error> {
        tool::terraform()?;
        let (postgres, postgres_url) = match env::var(POSTGRES_VARIABLE) {
            Ok(url) if !url.is_empty() => (None, url),
            _ => {
                let programs = tool::postgres_folder()?;
                let prepared = postgres::prepare(layout, &programs, numbers.postgres).await?;
                let service = Service::new(prepared.spec, WhenEnded::StayDown)?;
                start_postgres(layout, &service).await?;
                (Some(service), prepared.url)
            }
        };
        let spec = coderd::spec(
            layout,
            binaries,
            "coderd",
            numbers.coderd,
            &postgres_url,
            options,
        )?;
        let url = coderd::url(numbers.coderd);
        let coderd = Service::new(spec, WhenEnded::StartAgain)?;
        coderd.start().await?;
        coderd
            .ready(READY, || coderd::probe(client.clone(), url.clone()))
            .await?;
        let accounts = accounts::make(client, &url).await?;
        Ok(Self {
            coderd,
            postgres,
            postgres_url,
            accounts,
        })
    }
}

impl KubernetesSide {
    async fn start(
        layout: &Layout,
        binaries: &Binaries,
        options: &Options,
        numbers: Numbers,
        kubectl: &Spec,
    ) -> Result<Self, Error> {
        let spec = etcd::spec(layout, binaries, numbers.etcd, numbers.etcd_peer);
        let etcd = Service::new(spec, WhenEnded::StayDown)?;
        etcd.start().await?;
        let further = &options.kube_apiserver_arguments;
        let port = numbers.kube_apiserver;
        let spec = kube_apiserver::spec(layout, binaries, port, numbers.etcd, further);
        let kube_apiserver = Service::new(spec, WhenEnded::StayDown)?;
        start_kube_apiserver(&kube_apiserver, kubectl, port).await?;
        let kubeconfig = controller_manager_kubeconfig(layout, port)?;
        let spec = kube_controller_manager::spec(layout, binaries, &kubeconfig);
        let kube_controller_manager = Service::new(spec, WhenEnded::StartAgain)?;
        kube_controller_manager.start().await?;
        let probe = || kube_controller_manager::probe(kubectl.clone());
        kube_controller_manager.ready(READY, probe).await?;
        Ok(Self {
            etcd,
            kube_apiserver,
            kube_controller_manager,
        })
    }
}

fn controller_manager_kubeconfig(layout: &Layout, port: u16) -> Result<std::path::PathBuf, Error> {
    let path = layout
        .directory
        .join("kubernetes")
        .join("controller-manager.kubeconfig");
    let user = User::Certificate(certificates::CONTROLLER_MANAGER);
    let url = format!("https://127.0.0.1:{port}");
    kubeconfig::write(Path::new(&path), layout, &url, &user)?;
    Ok(path)
}

async fn start_postgres(layout: &Layout, postgres: &Service) -> Result<(), Error> {
    postgres.start().await?;
    postgres
        .ready(READY, || {
            std::future::ready(postgres::probe(layout, postgres.process()))
        })
        .await
}

async fn start_kube_apiserver(server: &Service, kubectl: &Spec, port: u16) -> Result<(), Error> {
    server.start().await?;
    server
        .ready(READY, || kube_apiserver::probe(kubectl.clone(), port))
        .await
}
