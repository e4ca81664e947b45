//! Whether this server can serve at all. Not whether kube-apiserver can be reached: if each replica
//! left its Service because of that, the API would be unavailable and no namespace could be deleted.

use std::{convert::Infallible, fmt::Write as _, sync::Arc};

use http::{Response, StatusCode};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    authn::trust::Trust,
    body::{Body, full},
    catalog::Catalog,
};

/// What has to be there, once; and no order to stop.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    pub(super) certificate: watch::Receiver<Option<Arc<CertifiedKey>>>,
    pub(super) trust: watch::Receiver<Option<Arc<Trust>>>,
    pub(super) catalog: watch::Receiver<Option<Arc<Catalog>>>,
    pub(super) stop: CancellationToken,
}

impl Ready {
    fn checks(&self) -> [(&'static str, Result<(), &'static str>); 4] {
        let present = |is_there: bool, missing| if is_there { Ok(()) } else { Err(missing) };
        [
            (
                "serving-certificate",
                present(self.certificate.borrow().is_some(), "there is none yet"),
            ),
            (
                "extension-apiserver-authentication",
                present(
                    self.trust.borrow().is_some(),
                    "the ConfigMap has not been read, or names no authority for request headers",
                ),
            ),
            (
                "custom-resources",
                present(
                    self.catalog.borrow().is_some(),
                    "the documents of coder.com/v1alpha1 have not been read",
                ),
            ),
            ("process", present(!self.stop.is_cancelled(), "stopping")),
        ]
    }

    /// Ready, or the first reason why not.
    pub(super) fn verdict(&self) -> Result<(), String> {
        for (name, verdict) in self.checks() {
            verdict.map_err(|reason| format!("{name}: {reason}"))?;
        }
        Ok(())
    }

    /// `/readyz`, in the form that kube-apiserver uses.
    pub(super) fn answer(&self, verbose: bool) -> Response<Body> {
        let checks = self.checks();
        let failed = checks.iter().any(|(_, verdict)| verdict.is_err());
        if !failed && !verbose {
            return Response::new(full("ok"));
        }
        let mut text = String::new();
        for (name, verdict) in checks {
            // Writing to a string cannot fail.
            let _ = match verdict {
                Ok(()) => writeln!(text, "[+]{name} ok"),
                Err(reason) => writeln!(text, "[-]{name} failed: {reason}"),
            };
        }
        let _ = writeln!(
            text,
            "readyz check {}",
            if failed { "failed" } else { "passed" }
        );
        let mut response = Response::new(full(text));
        if failed {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }

    /// Tells `readiness` of each change, for ever.
    pub(super) async fn announce(
        mut self,
        readiness: watch::Sender<Result<(), String>>,
    ) -> Infallible {
        loop {
            let verdict = self.verdict();
            readiness.send_if_modified(|said| {
                let changed = *said != verdict;
                *said = verdict;
                changed
            });
            tokio::select! {
                () = changed(&mut self.certificate) => {}
                () = changed(&mut self.trust) => {}
                () = changed(&mut self.catalog) => {}
                () = stopping(&self.stop) => {}
            }
        }
    }
}

async fn changed<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Returns once.
async fn stopping(stop: &CancellationToken) {
    if stop.is_cancelled() {
        std::future::pending::<()>().await;
    }
    stop.cancelled().await;
}
