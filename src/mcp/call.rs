//! One call of a tool: whose it is, and how it ends before its time.

use std::time::Duration;

use rmcp::{
    RoleServer,
    model::{ProgressNotificationParam, ProgressToken},
    service::Peer,
};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{access::Access, failure::Failure, running::Entry};

/// What a tool works with.
#[derive(Debug)]
pub(super) struct Call {
    /// The way to kube-apiserver with the caller's rights.
    pub(super) access: Access,
    /// Fires when the client has gone away, or cancelled within a session.
    pub(super) gone: CancellationToken,
    /// Fires when the client cancelled without a session.
    pub(super) entry: Entry,
    /// Whom to tell of progress, and what of; none where the client does not want to know.
    pub(super) progress: Option<(Peer<RoleServer>, ProgressToken)>,
}

impl Call {
    /// What `work` returns, unless the client does not want it any more or `limit` is over. Then it is
    /// dropped: so only what changes nothing goes through here.
    pub(super) async fn within<T>(
        &self,
        limit: Duration,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            () = self.ended() => Err(Failure::Cancelled),
            done = timeout(limit, work) => done.unwrap_or(Err(Failure::Late(limit.as_secs()))),
        }
    }

    /// Whether the client still wants it.
    pub(super) fn is_wanted(&self) -> Result<(), Failure> {
        if self.gone.is_cancelled() || self.entry.cancelled().is_cancelled() {
            return Err(Failure::Cancelled);
        }
        Ok(())
    }

    /// Tells the client how far it is, if it wants to know. Also keeps the connection alive.
    pub(super) async fn tell(&self, progress: f64, message: String) {
        let Some((peer, token)) = &self.progress else {
            return;
        };
        let mut note = ProgressNotificationParam::new(token.clone(), progress);
        note.message = Some(message);
        // Who does not hear it any more is gone, which is looked at elsewhere.
        let _ = peer.notify_progress(note).await;
    }

    async fn ended(&self) {
        tokio::select! {
            () = self.gone.cancelled() => {}
            () = self.entry.cancelled().cancelled() => {}
        }
    }
}
