//! Where the session token for coderd comes from.

use std::{fs, io, path::PathBuf};

use secrecy::{ExposeSecret, SecretString};

/// A session token, or the file that holds one. A file may change while the process runs, as a
/// mounted Secret does: read it again when coderd refuses what it held.
#[derive(Clone, Debug)]
pub enum Token {
    /// Given by flag or variable.
    Given(SecretString),
    /// In a file.
    File(PathBuf),
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read --coder-session-token-file {path:?}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is blank.
    #[error("--coder-session-token-file {path:?} is blank")]
    Blank {
        /// The file.
        path: PathBuf,
    },
}

impl Token {
    /// The token as it is now, without the blanks around it.
    pub fn read(&self) -> Result<SecretString, TokenError> {
        let path = match self {
            Self::Given(token) => return Ok(token.clone()),
            Self::File(path) => path.clone(),
        };
        let text: SecretString = match fs::read_to_string(&path) {
            Ok(text) => text.into(),
            Err(source) => return Err(TokenError::Read { path, source }),
        };
        match text.expose_secret().trim() {
            "" => Err(TokenError::Blank { path }),
            token => Ok(token.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    #[test]
    fn a_file_is_read_each_time_and_trimmed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let token = Token::File(path.clone());

        let missing = token.read().unwrap_err();
        assert!(
            missing
                .to_string()
                .starts_with("cannot read --coder-session-token-file")
        );
        assert!(missing.source().is_some());

        fs::write(&path, " \n").unwrap();
        assert!(matches!(token.read(), Err(TokenError::Blank { .. })));

        for content in ["one", "two\n"] {
            fs::write(&path, content).unwrap();
            assert_eq!(token.read().unwrap().expose_secret(), content.trim());
        }
    }

    #[test]
    fn a_given_token_is_itself_and_not_shown() {
        let token = Token::Given("s3cret".into());
        assert_eq!(token.read().unwrap().expose_secret(), "s3cret");
        assert!(!format!("{token:?}").contains("s3cret"));
    }
}
