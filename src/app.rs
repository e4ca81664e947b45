//! From flags to running parts: what a process of this program consists of.

pub mod args;
pub mod config;
pub mod crds;
pub mod duration;
pub mod health;
pub mod leader;
pub mod listen;
pub mod metrics;
pub mod shutdown;
pub mod supervise;
pub mod telemetry;

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures::Stream;
use tokio::{net::TcpListener, runtime};
use tokio_util::sync::CancellationToken;

use args::{Action, Args};
use config::{ApiserverConfig, Config, ControllerConfig, McpConfig};
use health::Health;
use listen::{Address, ListenError};
use supervise::Supervisor;

use crate::{
    apiserver,
    coderd::{self, BaseUrl, Limits},
    controller::{self, Connect, FixedControlPlane, metrics::Metrics},
    k8s::{self, clock::Clock, config::Places, lease::Fence},
    mcp,
};

/// How long the controller may take to end. A second less than the ten that the process promises.
const PATIENCE: Duration = Duration::from_secs(9);

/// Why the program did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the texts say it")]
pub enum AppError {
    #[error(transparent)]
    Config(#[from] config::ConfigError),
    #[error(transparent)]
    Crds(#[from] crds::CrdsError),
    #[error(transparent)]
    Telemetry(#[from] telemetry::TelemetryError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    CoderUrl(#[from] coderd::UrlError),
    #[error(transparent)]
    Coderd(#[from] coderd::ConnectError),
    #[error(transparent)]
    Kubernetes(#[from] k8s::config::Error),
    #[error(transparent)]
    Apiserver(#[from] apiserver::Error),
    #[error(transparent)]
    Mcp(#[from] mcp::Error),
    #[error(transparent)]
    Failure(#[from] supervise::Failure),
    #[error("cannot start the runtime")]
    Runtime(#[source] io::Error),
    #[error("cannot listen to signals")]
    Signals(#[source] io::Error),
}

/// Does what `args` ask for; returns when it is done or the process was asked to end.
pub fn run(args: Args) -> Result<(), AppError> {
    match &args.action {
        Some(Action::Crds { output_dir }) => {
            match output_dir {
                Some(folder) => crds::write(folder)?,
                None => crds::print(io::stdout().lock())?,
            }
            Ok(())
        }
        None => {
            let config = Config::check(args, |name| std::env::var(name).ok())?;
            telemetry::init(&config.log)?;
            let runtime = runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(AppError::Runtime)?;
            let ended = runtime.block_on(serve(config));
            // A task that hangs has been reported; waiting for it here would be for ever.
            runtime.shutdown_background();
            ended
        }
    }
}

/// Starts everything and waits for its end.
async fn serve(config: Config) -> Result<(), AppError> {
    let stop = CancellationToken::new();
    let mut supervisor = Supervisor::new(stop.clone());
    start_signals(&mut supervisor, &stop)?;

    let patience = patience(&config);
    let started = stop
        .run_until_cancelled(start(&mut supervisor, &stop, config))
        .await;
    started.transpose()?;

    supervisor.run(patience).await?;
    tracing::info!("stopped");
    Ok(())
}

/// How long the parts may take to end.
fn patience(config: &Config) -> Duration {
    let apiserver = config.apiserver.as_ref();
    let apiserver = apiserver.map(|apiserver| apiserver.shutdown_delay + apiserver::DRAIN);
    let mcp = config.mcp.as_ref();
    let mcp = mcp.map(|mcp| mcp.shutdown_delay + mcp::DRAIN);
    apiserver.max(mcp).unwrap_or_default() + PATIENCE
}

/// Starts the parts in the order in which they need each other: who listens first, metrics before
/// anything is measured.
async fn start(
    supervisor: &mut Supervisor,
    stop: &CancellationToken,
    config: Config,
) -> Result<(), AppError> {
    let Config {
        controller,
        apiserver,
        mcp,
        health: health_address,
        metrics: metrics_address,
        log: _,
    } = config;
    let probes = bind(health_address).await?;
    let scrapes = bind(metrics_address).await?;
    let apiserver = match apiserver {
        Some(config) => Some((listen(&config.address).await?, config)),
        None => None,
    };
    let mcp = match mcp {
        Some(config) => Some((listen(&config.address).await?, config)),
        None => None,
    };

    let health = Health::new(stop.clone());
    let mut registry = metrics::registry();
    let controller = controller.map(|config| {
        let readiness = health.readiness("controller");
        let alive = health.heartbeat("controller", controller::BEAT * 12);
        (config, Metrics::register(&mut registry), readiness, alive)
    });
    let apiserver = apiserver.map(|(listener, config)| {
        let readiness = health.readiness("apiserver");
        let alive = health.heartbeat("apiserver", apiserver::BEAT * 12);
        let metrics = apiserver::Metrics::register(&mut registry);
        (listener, config, metrics, readiness, alive)
    });
    let mcp = mcp.map(|(listener, config)| {
        let readiness = health.readiness("mcp");
        let alive = health.heartbeat("mcp", mcp::BEAT * 12);
        let metrics = mcp::Metrics::register(&mut registry);
        (listener, config, metrics, readiness, alive)
    });
    if let Some(listener) = probes {
        supervisor.service("probes", health.serve(listener));
    }
    if let Some(listener) = scrapes {
        supervisor.service("metrics", metrics::serve(Arc::new(registry), listener));
    }
    let kube = k8s::config::load(&Places::from_environment()).await?;
    if let Some((listener, config, metrics, readiness, alive)) = apiserver {
        let settings = apiserver_settings(kube.clone(), listener, config, metrics)?;
        let served = apiserver::run(settings, readiness, alive, stop.clone());
        supervisor.part("apiserver", served);
    }
    if let Some((listener, config, metrics, readiness, alive)) = mcp {
        let settings = mcp_settings(kube.clone(), listener, config, metrics);
        let served = mcp::run(settings, readiness, alive, stop.clone());
        supervisor.part("mcp", served);
    }
    if let Some((config, metrics, readiness, alive)) = controller {
        // What cannot be made at all is said at the start, and not only by a leader.
        let _sound = controller_settings(&kube, &config, &metrics, None)?;
        let controller = leader::Controller {
            kube,
            config,
            metrics,
            readiness,
            alive,
        };
        supervisor.part("controller", controller.run(stop.clone()));
    }
    Ok(())
}

/// From here on, the first signal cancels `stop`, and the second one ends the process.
fn start_signals(supervisor: &mut Supervisor, stop: &CancellationToken) -> Result<(), AppError> {
    let signals = shutdown::signals().map_err(AppError::Signals)?;
    supervisor.service("signals", exit_on_second(signals, stop.clone()));
    Ok(())
}

#[expect(clippy::exit, reason = "the user insists: nobody is waited for")]
async fn exit_on_second(
    signals: impl Stream<Item = &'static str>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    shutdown::until_second(signals, stop).await;
    std::process::exit(1)
}

/// Listens before anything is promised to anybody.
async fn bind(address: Option<Address>) -> Result<Option<TcpListener>, ListenError> {
    let Some(address) = address else {
        return Ok(None);
    };
    Ok(Some(listen(&address).await?))
}

async fn listen(address: &Address) -> Result<TcpListener, ListenError> {
    let listener = address.bind().await?;
    let bound = listener.local_addr().ok().map(tracing::field::display);
    tracing::info!(%address, bound, "listening");
    Ok(listener)
}

/// What the aggregated API runs with.
fn apiserver_settings(
    kube: kube::Config,
    listener: TcpListener,
    config: ApiserverConfig,
    metrics: apiserver::Metrics,
) -> Result<apiserver::Settings, AppError> {
    let ApiserverConfig {
        address: _,
        certificate,
        shutdown_delay,
    } = config;
    Ok(apiserver::Settings {
        client: k8s::config::client(kube.clone())?,
        config: kube,
        listener,
        certificate,
        shutdown_delay,
        clock: system_clock(),
        seed: seed(),
        metrics,
    })
}

/// What the MCP server runs with.
fn mcp_settings(
    kube: kube::Config,
    listener: TcpListener,
    config: McpConfig,
    metrics: mcp::Metrics,
) -> mcp::Settings {
    let McpConfig {
        address: _,
        identification,
        issuer,
        public_url,
        hosts,
        tls,
        shutdown_delay,
    } = config;
    mcp::Settings {
        config: kube,
        listener,
        identification,
        issuer,
        public_url,
        hosts,
        tls,
        shutdown_delay,
        seed: seed(),
        metrics,
    }
}

/// What the controller runs with: the connections to both sides, by which nothing is changed unless `fence`
/// lets it.
fn controller_settings(
    kube: &kube::Config,
    config: &ControllerConfig,
    metrics: &Metrics,
    fence: Option<Fence>,
) -> Result<controller::Settings, AppError> {
    let counted = metrics.clone();
    let seed = seed();
    let limits = Limits {
        deadline: config.request_timeout,
        ..Limits::default()
    };
    let kube = match &fence {
        Some(fence) => k8s::config::fenced_client(kube.clone(), fence.clone())?,
        None => k8s::config::client(kube.clone())?,
    };
    let connect: Connect = Box::new(move |place, base, token| {
        let counted = counted.of(place);
        let coderd = coderd::Client::builder(base, token)
            .limits(limits)
            .seed(seed)
            .observer(move |outcome| counted.requested(outcome));
        match &fence {
            Some(fence) => {
                coderd.connect_through(|exchange| leader::fenced(exchange, fence.clone()))
            }
            None => coderd.connect(),
        }
    });
    let fixed = match &config.fixed {
        Some(fixed) => Some(FixedControlPlane {
            namespace: fixed.namespace.clone(),
            client: connect(
                &FixedControlPlane::place_in(&fixed.namespace),
                BaseUrl::parse(fixed.coder_url.as_str())?,
                fixed.token.clone(),
            )?,
        }),
        None => None,
    };
    Ok(controller::Settings {
        fixed,
        discovers: config.discovers,
        connect,
        namespaces: config.namespaces.clone(),
        kube,
        own_namespace: leader::own_namespace(),
        request_timeout: config.request_timeout,
        sweep_interval: config.sweep_interval,
        imports: config.imports.clone(),
        workers: config.workers,
        max_active_builds: config.max_active_builds,
        build_wait: config.build_wait,
        clock: system_clock(),
        seed,
        instance: std::env::var("HOSTNAME").unwrap_or_default(),
        metrics: metrics.clone(),
    })
}

/// The machine's clock, read nowhere else.
#[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
fn system_clock() -> Clock {
    Clock::new(jiff::Timestamp::now)
}

/// A seed from the machine, taken nowhere else.
fn seed() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}
