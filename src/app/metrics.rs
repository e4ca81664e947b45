//! `/metrics`: the registry that the parts fill before they start, and its server.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::get,
};
use prometheus_client::{encoding::text::encode, metrics::info::Info, registry::Registry};
use tokio::net::TcpListener;

const CONTENT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A registry that puts `coder_k8s_` before every name and already tells the version.
#[must_use]
pub fn registry() -> Registry {
    let mut registry = Registry::with_prefix("coder_k8s");
    registry.register(
        "build",
        "The program that runs",
        Info::new([("version", env!("CARGO_PKG_VERSION"))]),
    );
    registry
}

/// Answers scrapes on `listener` for ever.
pub async fn serve(registry: Arc<Registry>, listener: TcpListener) -> std::io::Result<()> {
    axum::serve(listener, router(registry)).await
}

fn router(registry: Arc<Registry>) -> Router {
    Router::new()
        .route("/metrics", get(scrape))
        .with_state(registry)
}

async fn scrape(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, CONTENT)], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "cannot encode the metrics");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::metrics::counter::Counter;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

    use super::*;

    #[tokio::test]
    async fn registered_metrics_are_scraped_over_a_real_port() {
        let mut registry = registry();
        let sweeps: Counter = Counter::default();
        registry.register("sweeps", "Sweeps of coderd", sweeps.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        // After the server has the registry: values are read at each scrape.
        let server = serve(Arc::new(registry), listener);
        sweeps.inc_by(3);

        let client = async {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request = b"GET /metrics HTTP/1.1\r\nHost: scrape\r\nConnection: close\r\n\r\n";
            stream.write_all(request).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let answer = tokio::select! {
            ended = server => panic!("the server ended: {ended:?}"),
            answer = client => answer,
        };
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains(&format!("content-type: {CONTENT}")),
            "{answer}"
        );
        assert!(answer.contains("coder_k8s_sweeps_total 3\n"), "{answer}");
        let version = format!(
            "coder_k8s_build_info{{version=\"{}\"}} 1\n",
            env!("CARGO_PKG_VERSION")
        );
        assert!(answer.contains(&version), "{answer}");
        assert!(answer.trim_end().ends_with("# EOF"), "{answer}");
    }
}
