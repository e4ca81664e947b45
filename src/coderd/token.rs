//! The session token: where it comes from, and how a new one is noticed without a restart.
//!
//! The text is a `secrecy` value from the moment it is read; only the header of a request exposes
//! it, marked as sensitive.

use std::{
    fs::{File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

/// Far above any token: a wrong path shall not fill the memory.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where the session token comes from.
#[derive(Debug, Clone)]
pub enum TokenSource {
    /// A file, read again whenever it changes. Blanks around the token are ignored.
    File(PathBuf),
    /// A token that never changes.
    Fixed(SecretString),
    /// A token that somebody keeps as it is now, or why there is none, for people.
    Kept(watch::Receiver<Result<SecretString, String>>),
}

/// Why there is no token to send. Never names the token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The file is missing or unreadable.
    #[error("cannot read the session token from {path}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The file, or the given text, holds nothing but blanks.
    #[error("{origin} holds no session token")]
    Empty {
        /// The file's path, or words for a fixed token.
        origin: String,
    },
    /// There is none now.
    #[error("{0}")]
    None(String),
    /// It cannot be a token: it does not fit into a header.
    #[error("{origin} holds characters that no session token has")]
    Characters {
        /// The file's path, or words for a fixed token.
        origin: String,
    },
}

/// The token of one client, shared by its clones.
#[derive(Debug)]
pub(super) struct Token {
    source: TokenSource,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    stamp: Stamp,
    token: SecretString,
}

/// What changes when a file is replaced or written: Kubernetes swaps a link, so the inode does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Token {
    pub(super) fn new(source: TokenSource) -> Self {
        Self {
            source,
            known: Mutex::new(None),
        }
    }

    /// The token as it is now; reads the file only if it looks changed.
    pub(super) fn current(&self) -> Result<SecretString, TokenError> {
        self.load(false)
    }

    /// A key that only those have who have the token, for one `purpose`.
    pub(super) fn derived_key(&self, purpose: &str) -> Result<[u8; 32], TokenError> {
        let token = self.current()?;
        let key = Sha256::digest(token.expose_secret());
        let mut block = [0; 64];
        for (place, byte) in block.iter_mut().zip(key) {
            *place = byte;
        }
        let mac = Hmac::<Sha256>::new(&block.into());
        Ok(mac.chain_update(purpose).finalize().into_bytes().into())
    }

    /// The token as it was last read, which is what somebody may repeat.
    pub(super) fn latest(&self) -> Option<SecretString> {
        let known = || {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.as_ref().map(|known| known.token.clone())
        };
        self.current().ok().or_else(known)
    }

    /// The token as it is now, without trusting the file's stamp: for use after a 401.
    pub(super) fn reload(&self) -> Result<SecretString, TokenError> {
        self.load(true)
    }

    fn load(&self, always: bool) -> Result<SecretString, TokenError> {
        let path = match &self.source {
            TokenSource::Fixed(token) => return trimmed(token.expose_secret(), &self.origin()),
            TokenSource::Kept(kept) => {
                let kept = kept.borrow().clone().map_err(TokenError::None)?;
                return trimmed(kept.expose_secret(), &self.origin());
            }
            TokenSource::File(path) => path,
        };
        let unreadable = |source| TokenError::Read {
            path: path.clone(),
            source,
        };
        // The stamp is taken first: a file that is replaced meanwhile looks changed next time.
        let stamp = Stamp::of(&std::fs::metadata(path).map_err(unreadable)?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref()
            && known.stamp == stamp
            && !always
        {
            return Ok(known.token.clone());
        }
        let text = read(path).map_err(unreadable)?;
        let token = trimmed(text.expose_secret(), &self.origin())?;
        *known = Some(Known {
            stamp,
            token: token.clone(),
        });
        Ok(token)
    }

    /// The header's value.
    pub(super) fn header(&self, token: &SecretString) -> Result<HeaderValue, TokenError> {
        let mut value =
            HeaderValue::from_str(token.expose_secret()).map_err(|_| TokenError::Characters {
                origin: self.origin(),
            })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn origin(&self) -> String {
        match &self.source {
            TokenSource::File(path) => path.display().to_string(),
            TokenSource::Fixed(_) => "the configuration".to_owned(),
            TokenSource::Kept(_) => "its Secret".to_owned(),
        }
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            seconds: metadata.mtime(),
            nanoseconds: metadata.mtime_nsec(),
        }
    }
}

fn read(path: &Path) -> std::io::Result<SecretString> {
    let mut text = String::new();
    File::open(path)?
        .take(MAX_FILE_BYTES)
        .read_to_string(&mut text)?;
    Ok(text.into())
}

fn trimmed(text: &str, origin: &str) -> Result<SecretString, TokenError> {
    match text.trim() {
        "" => Err(TokenError::Empty {
            origin: origin.to_owned(),
        }),
        token => Ok(token.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exposed(token: &Token) -> String {
        token.current().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, " first\n").unwrap();
        let token = Token::new(TokenSource::File(path.clone()));
        assert_eq!(exposed(&token), "first");
        std::fs::write(&path, "second token").unwrap();
        assert_eq!(exposed(&token), "second token");
        // As Kubernetes does it: another file under the same name, here with an equal length.
        let other = folder.path().join("other");
        std::fs::write(&other, "third token!").unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_eq!(exposed(&token), "third token!");
    }

    #[test]
    fn a_change_that_the_stamp_hides_is_seen_by_reload() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "first").unwrap();
        let token = Token::new(TokenSource::File(path.clone()));
        assert_eq!(exposed(&token), "first");
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        std::fs::write(&path, "other").unwrap();
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_modified(time)
            .unwrap();
        assert_eq!(exposed(&token), "first");
        assert_eq!(token.reload().unwrap().expose_secret(), "other");
        assert_eq!(exposed(&token), "other");
    }

    #[test]
    fn what_cannot_be_a_token_is_named_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::new(TokenSource::File(path.clone()));
        let missing = token.current().unwrap_err();
        assert_eq!(
            missing.to_string(),
            format!("cannot read the session token from {}", path.display())
        );
        std::fs::write(&path, " \n").unwrap();
        let empty = token.current().unwrap_err();
        assert_eq!(
            empty.to_string(),
            format!("{} holds no session token", path.display())
        );
        std::fs::write(&path, "two\nlines").unwrap();
        let lines = token.header(&token.current().unwrap()).unwrap_err();
        assert!(!lines.to_string().contains("lines"), "{lines}");
        let fixed = Token::new(TokenSource::Fixed("".into()));
        assert!(matches!(fixed.current(), Err(TokenError::Empty { .. })));
    }

    #[test]
    fn a_derived_key_depends_on_token_and_purpose_alone() {
        let derived = |token: &str, purpose: &str| {
            let token = Token::new(TokenSource::Fixed(token.into()));
            token.derived_key(purpose).unwrap()
        };
        assert_eq!(derived("one", "a"), derived(" one\n", "a"));
        assert_ne!(derived("one", "a"), derived("two", "a"));
        assert_ne!(derived("one", "a"), derived("one", "b"));
        assert_ne!(derived("one", "a"), <[u8; 32]>::from(Sha256::digest("one")));
        let none = Token::new(TokenSource::Fixed("".into()));
        assert!(none.derived_key("a").is_err());
    }

    #[test]
    fn a_kept_token_is_the_present_one() {
        let (keep, kept) = watch::channel(Ok("first".into()));
        let token = Token::new(TokenSource::Kept(kept));
        assert_eq!(exposed(&token), "first");
        let _before = keep.send_replace(Ok(" second\n".into()));
        assert_eq!(exposed(&token), "second");
        let _before = keep.send_replace(Err("no Secret team/token".to_owned()));
        let none = token.current().unwrap_err().to_string();
        assert_eq!(none, "no Secret team/token");
    }

    #[test]
    fn a_token_is_never_printed() {
        let (_keep, kept) = watch::channel(Ok("canary".into()));
        for source in [TokenSource::Fixed("canary".into()), TokenSource::Kept(kept)] {
            let token = Token::new(source);
            let header = token.header(&token.current().unwrap()).unwrap();
            assert!(!format!("{token:?} {header:?}").contains("canary"));
        }
    }
}
