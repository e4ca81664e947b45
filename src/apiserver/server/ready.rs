//! Whether this server can serve at all. Not whether kube-apiserver can be reached: if each replica
//! left its Service because of that, the API would be unavailable and no namespace could be deleted.

use std::{convert::Infallible, fmt::Write as _, sync::Arc};

use http::{Response, StatusCode};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    authentication::trust::Trust,
    body::{Body, full},
};

/// What has to be there, once; and no order to stop. `C` is what is served.
#[derive(Debug)]
pub(in crate::apiserver) struct Ready<C> {
    pub(in crate::apiserver) certificate: watch::Receiver<Option<Arc<CertifiedKey>>>,
    pub(in crate::apiserver) trust: watch::Receiver<Option<Arc<Trust>>>,
    pub(in crate::apiserver) catalog: watch::Receiver<Option<Arc<C>>>,
    pub(in crate::apiserver) stop: CancellationToken,
}

impl<C> Ready<C> {
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
    pub(in crate::apiserver) fn verdict(&self) -> Result<(), String> {
        for (name, verdict) in self.checks() {
            verdict.map_err(|reason| format!("{name}: {reason}"))?;
        }
        Ok(())
    }

    /// `/readyz`, in the form that kube-apiserver uses.
    pub(in crate::apiserver) fn answer(&self, verbose: bool) -> Response<Body> {
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
    pub(in crate::apiserver) async fn announce(
        &self,
        readiness: watch::Sender<Result<(), String>>,
    ) -> Infallible {
        let (mut certificate, mut trust) = (self.certificate.clone(), self.trust.clone());
        let mut catalog = self.catalog.clone();
        loop {
            let verdict = self.verdict();
            readiness.send_if_modified(|said| {
                let changed = *said != verdict;
                *said = verdict;
                changed
            });
            tokio::select! {
                () = changed(&mut certificate) => {}
                () = changed(&mut trust) => {}
                () = changed(&mut catalog) => {}
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
