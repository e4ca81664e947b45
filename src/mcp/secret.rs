//! The secret that callers share, in a file: whoever knows it has the rights of this process.

use std::{
    convert::Infallible,
    fmt, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::{task::spawn_blocking, time::sleep};

/// Shorter ones can be guessed.
const SHORTEST: usize = 32;
/// How often the file is looked at: a mounted Secret that is changed shall be used without a restart.
const INTERVAL: Duration = Duration::from_secs(5);

/// Why there is no secret. Never says what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("cannot read {}, the file of --mcp-token-file", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It holds something else.
    #[error(
        "{}, the file of --mcp-token-file, must hold one line with a secret of at least {SHORTEST} \
         characters and no blanks, as `openssl rand -hex 32` makes it", .0.display()
    )]
    Unfit(PathBuf),
}

/// The secret, of which only a digest is kept.
pub(super) struct Secret {
    file: PathBuf,
    /// Chosen anew by each process: so nobody can choose what digests look like.
    key: [u8; 32],
    digest: Mutex<[u8; 32]>,
}

impl Secret {
    /// Reads `file`.
    pub(super) async fn load(file: PathBuf, key: [u8; 32]) -> Result<Self, SecretError> {
        let secret = read(&file).await?;
        Ok(Self {
            digest: Mutex::new(digest(&key, secret.expose_secret())),
            file,
            key,
        })
    }

    /// Whether `token` is it. How long that takes tells nothing of the secret: digests are compared.
    pub(super) fn is(&self, token: &str) -> bool {
        let known = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        digest(&self.key, token) == *known
    }

    /// Takes over what is in the file, for ever. A file that is no secret any more changes nothing.
    pub(super) async fn follow(&self) -> Infallible {
        let mut was_told = false;
        loop {
            sleep(INTERVAL).await;
            match read(&self.file).await {
                Ok(secret) => {
                    was_told = false;
                    let new = digest(&self.key, secret.expose_secret());
                    let mut known = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
                    if *known != new {
                        *known = new;
                        tracing::info!("the secret of --mcp-token-file is another one now");
                    }
                }
                Err(error) if !was_told => {
                    was_told = true;
                    tracing::warn!(%error, "the secret from before stays");
                }
                Err(_) => {}
            }
        }
    }
}

async fn read(file: &Path) -> Result<SecretString, SecretError> {
    let path = file.to_owned();
    let text = spawn_blocking(move || std::fs::read_to_string(path).map(SecretString::from)).await;
    let text = text.unwrap_or_else(|panic| Err(io::Error::other(panic)));
    let text = text.map_err(|error| SecretError::Unreadable(file.to_owned(), error))?;
    let secret = text.expose_secret();
    let secret = secret.strip_suffix('\n').unwrap_or(secret);
    let secret = secret.strip_suffix('\r').unwrap_or(secret);
    if secret.len() < SHORTEST || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(SecretError::Unfit(file.to_owned()));
    }
    Ok(secret.into())
}

fn digest(key: &[u8; 32], secret: &str) -> [u8; 32] {
    let digest = Sha256::new_with_prefix(key).chain_update(secret);
    digest.finalize().into()
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Secret")
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "0123456789abcdef0123456789abcdef";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[tokio::test]
    async fn only_one_long_line_is_a_secret() {
        for text in [
            "",
            "short",
            &GOOD[1..],
            &format!(" {GOOD}"),
            &format!("{GOOD}\n{GOOD}\n"),
        ] {
            let error = Secret::load(file(text).path().to_owned(), [1; 32]).await;
            let error = error.unwrap_err();
            assert!(matches!(error, SecretError::Unfit(_)), "{text:?}");
            assert!(text.len() < 5 || !error.to_string().contains(text));
        }
        for text in [GOOD, &format!("{GOOD}\n"), &format!("{GOOD}\r\n")] {
            let secret = Secret::load(file(text).path().to_owned(), [1; 32])
                .await
                .unwrap();
            assert!(secret.is(GOOD), "{text:?}");
            assert!(!secret.is(&GOOD[1..]) && !secret.is("") && !secret.is(&format!("{GOOD}x")));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_secret_takes_the_place_of_the_old_one() {
        let file = file(GOOD);
        let secret = Secret::load(file.path().to_owned(), [1; 32]).await.unwrap();
        let new = GOOD.to_uppercase();
        let changing = async {
            std::fs::write(file.path(), "").unwrap();
            sleep(INTERVAL * 2).await;
            assert!(secret.is(GOOD), "a broken file changes nothing");
            std::fs::write(file.path(), &new).unwrap();
            while !secret.is(&new) {
                sleep(INTERVAL).await;
            }
            assert!(!secret.is(GOOD));
        };
        tokio::select! {
            never = secret.follow() => match never {},
            () = changing => {}
        }
    }
}
