//! How the process is asked to end: the first signal politely, the second at once.

use std::{io, pin::pin};

use futures::{Stream, StreamExt, stream};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How far the process has been asked to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// Not asked.
    #[default]
    Running,
    /// Asked once: parts finish what they are doing, give back what they hold, and return.
    Stopping,
    /// Asked again: nothing is waited for.
    Ending,
}

impl Stage {
    /// The stage after one more signal.
    #[must_use]
    pub fn after_signal(self) -> Self {
        match self {
            Self::Running => Self::Stopping,
            Self::Stopping | Self::Ending => Self::Ending,
        }
    }
}

/// The name of each SIGTERM and SIGINT to come. From the call on, signals no longer kill the process.
pub fn signals() -> io::Result<impl Stream<Item = &'static str> + Send> {
    let both = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(stream::unfold(
        both,
        |(mut terminate, mut interrupt)| async {
            let name = tokio::select! {
                Some(()) = terminate.recv() => "SIGTERM",
                Some(()) = interrupt.recv() => "SIGINT",
                else => return None,
            };
            Some((name, (terminate, interrupt)))
        },
    ))
}

/// Cancels `stop` on the first of `signals` and returns on the second: the caller then ends the
/// process without waiting for anybody.
pub async fn until_second(signals: impl Stream<Item = &'static str>, stop: CancellationToken) {
    let mut signals = pin!(signals);
    let mut stage = Stage::default();
    while let Some(name) = signals.next().await {
        stage = stage.after_signal();
        match stage {
            Stage::Running => {}
            Stage::Stopping => {
                tracing::info!(signal = name, "stopping; a second signal ends at once");
                stop.cancel();
            }
            Stage::Ending => {
                tracing::error!(signal = name, "second signal: ending at once");
                return;
            }
        }
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use tokio::sync::mpsc;

    use super::*;

    #[test]
    fn signals_only_ever_move_the_stage_on() {
        let stages: Vec<_> =
            std::iter::successors(Some(Stage::default()), |stage| Some(stage.after_signal()))
                .take(4)
                .collect();
        assert_eq!(
            stages,
            [
                Stage::Running,
                Stage::Stopping,
                Stage::Ending,
                Stage::Ending
            ]
        );
    }

    #[tokio::test]
    async fn the_first_signal_cancels_and_the_second_returns() {
        let stop = CancellationToken::new();
        let (send, mut receive) = mpsc::unbounded_channel();
        let received = stream::poll_fn(move |context| receive.poll_recv(context));
        let mut ended = Box::pin(until_second(received, stop.clone()));

        assert_eq!(ended.as_mut().now_or_never(), None);
        assert!(!stop.is_cancelled());

        send.send("SIGTERM").unwrap();
        assert_eq!(ended.as_mut().now_or_never(), None);
        assert!(stop.is_cancelled());

        send.send("SIGINT").unwrap();
        assert_eq!(ended.as_mut().now_or_never(), Some(()));
    }

    #[tokio::test]
    async fn no_more_signals_is_no_order_to_end() {
        let stop = CancellationToken::new();
        let ended = until_second(stream::empty(), stop.clone()).now_or_never();
        assert_eq!(ended, None);
        assert!(!stop.is_cancelled());
    }

    #[tokio::test]
    async fn a_real_signal_is_named() {
        let mut signals = Box::pin(signals().unwrap());
        let own = std::process::id().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-TERM", &own])
            .status()
            .unwrap();
        assert!(sent.success());
        assert_eq!(signals.next().await, Some("SIGTERM"));
    }
}
