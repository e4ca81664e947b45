//! What the process says of its work: structured logs on standard error.

use std::{
    error::Error,
    io::{self, IsTerminal, Write},
    str::FromStr,
};

use tracing::{Level, Metadata, dispatcher};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    filter::{FilterExt, LevelFilter, ParseError, filter_fn},
    fmt,
    layer::{Filter as LayerFilter, SubscriberExt},
    util::{SubscriberInitExt, TryInitError},
};

/// Libraries that tell their own story at info or debug. A directive of the user for the same
/// target wins, and so does a level of theirs for all others.
const DEFAULT: &str = "info,h2=warn,hyper=warn,hyper_util=warn,kube_client=warn,kube_runtime=warn,\
                     reqwest=warn,rustls=warn,tower=warn";

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// What is logged.
    pub filter: Filter,
    /// How a line looks.
    pub format: Format,
}

/// Directives that were found to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// Why a text is no filter.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// A lone word that is no level. The library would take it for the only target to be logged.
    #[error("{0:?} is none of off, error, warn, info, debug and trace")]
    Level(String),
    /// Refused by the library.
    #[error("{0}")]
    Syntax(ParseError),
}

impl Filter {
    /// Reads a level, directives such as `info,coder_k8s::coderd=debug`, or both.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut filter = DEFAULT.to_owned();
        for word in text.split(',').map(str::trim) {
            if !word.contains('=') && !word.contains('[') && !is_level(word) {
                return Err(FilterError::Level(word.to_owned()));
            }
            filter.push(',');
            filter.push_str(word);
        }
        let filter = Self(filter);
        filter.build().map_err(FilterError::Syntax)?;
        Ok(filter)
    }

    fn build(&self) -> Result<impl LayerFilter<Registry> + use<>, ParseError> {
        let asked = EnvFilter::builder().parse(&self.0)?;
        Ok(asked.and(filter_fn(tells_no_contents)))
    }
}

/// Below errors, the MCP library tells what callers send and get: nobody may ask for that.
fn tells_no_contents(metadata: &Metadata<'_>) -> bool {
    let is_library = metadata.target().split("::").next() == Some("rmcp");
    !is_library || *metadata.level() == Level::ERROR
}

fn is_level(word: &str) -> bool {
    !word.is_empty() && LevelFilter::from_str(word).is_ok()
}

/// Why there are no logs.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is bad after all.
    #[error("cannot use the log filter")]
    Filter(#[from] ParseError),
    /// Somebody else logs already.
    #[error("cannot take over logging")]
    Init(#[from] TryInitError),
}

/// From here on, the process logs, panics included.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match config.format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    Registry::default()
        .with(lines.with_filter(config.filter.build()?))
        .try_init()?;
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Ok(())
}

/// Says why the process fails: in the log, or plainly where there is none yet.
pub fn report(error: &(dyn Error + 'static)) {
    let chain = chain(error);
    if dispatcher::has_been_set() {
        tracing::error!("{chain}");
    } else {
        // Where standard error is closed, nobody is there to be told.
        let _ = writeln!(io::stderr(), "coder-k8s: {chain}");
    }
}

/// The error and its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::subscriber::with_default;

    use super::*;

    /// The lines that pass `filter`.
    fn logged(filter: &str, events: impl FnOnce()) -> String {
        #[derive(Clone, Default)]
        struct Buffer(Arc<Mutex<Vec<u8>>>);
        impl Write for Buffer {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.lock().unwrap().write(bytes)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let filter = Filter::parse(filter).unwrap().build().unwrap();
        let lines = fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .with_filter(filter);
        with_default(Registry::default().with(lines), events);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn events() {
        tracing::info!(target: "coder_k8s::app", "own info");
        tracing::debug!(target: "coder_k8s::app", "own debug");
        tracing::info!(target: "kube_client::client", "kube info");
        tracing::debug!(target: "kube_client::client", "kube debug");
        tracing::warn!(target: "kube_client::client", "kube warning");
    }

    #[test]
    fn libraries_are_quiet_at_every_plain_level() {
        let info = logged("info", events);
        assert!(info.contains("own info") && !info.contains("own debug"));
        assert!(info.contains("kube warning") && !info.contains("kube info"));
        let debug = logged("debug", events);
        assert!(debug.contains("own debug") && !debug.contains("kube info"));
    }

    #[test]
    fn who_asks_for_a_library_gets_it() {
        let asked = logged("info,kube_client=debug", events);
        assert!(asked.contains("kube debug") && !asked.contains("own debug"));
        let asked = logged("kube_client=debug", events);
        assert!(asked.contains("kube debug") && asked.contains("own info"));
    }

    #[test]
    fn nobody_gets_the_contents_of_mcp_calls() {
        for filter in [
            "trace",
            "rmcp=trace",
            "rmcp::service=trace",
            "trace,[{x}]=trace",
        ] {
            let told = logged(filter, || {
                tracing::info!(target: "rmcp::service", "arguments");
                tracing::warn!(target: "rmcp::service", "unknown tool: arguments");
                tracing::error!(target: "rmcp::service", "failure");
                tracing::info!(target: "rmcpx", "another");
            });
            assert!(
                !told.contains("arguments") && told.contains("failure"),
                "{told}"
            );
            assert!(filter != "trace" || told.contains("another"), "{told}");
        }
    }

    #[test]
    fn a_word_that_is_no_level_is_refused() {
        for text in ["inof", "info,coder_k8s", "coder_k8s=loud", "", "info,"] {
            assert!(Filter::parse(text).is_err(), "{text:?}");
        }
        for text in [
            "off",
            "INFO",
            "info,coder_k8s::coderd=trace",
            "info, a=warn",
            "info,coder_k8s[reconcile{kind}]=debug",
        ] {
            assert!(Filter::parse(text).is_ok(), "{text:?}");
        }
    }

    #[test]
    fn an_error_is_told_with_its_causes_in_one_line() {
        let missing = Filter::parse("inof").unwrap_err();
        assert!(!chain(&missing).contains('\n'));
        let source = io::Error::other("no route");
        let failure = crate::app::supervise::Failure::Failed {
            name: "controller",
            source: Box::new(source),
        };
        assert_eq!(chain(&failure), "controller failed: no route");
    }
}
