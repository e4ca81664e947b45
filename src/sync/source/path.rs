//! Which paths may name a file of a source.

/// The most characters of a path; the same as in the schema of `spec.files`.
const MAX_CHARACTERS: usize = 512;

/// Why a path cannot name a file of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the texts say it")]
pub enum PathProblem {
    #[error("must name a file")]
    NoName,
    #[error("must be relative")]
    Absolute,
    #[error("must not have a part \"..\"")]
    Parent,
    #[error("must have / between its parts, not a backslash")]
    Backslash,
    #[error("must not have a NUL character")]
    Nul,
    #[error("must be text")]
    NotText,
    #[error("must have at most {MAX_CHARACTERS} characters")]
    TooLong,
}

/// `path` without empty and `.` parts.
pub(super) fn clean(path: &str) -> Result<String, PathProblem> {
    if path.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    if path.contains('\\') {
        return Err(PathProblem::Backslash);
    }
    if path.contains('\0') {
        return Err(PathProblem::Nul);
    }
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.is_empty() {
        return Err(PathProblem::NoName);
    }
    if parts.contains(&"..") {
        return Err(PathProblem::Parent);
    }
    let clean = parts.join("/");
    if clean.chars().count() > MAX_CHARACTERS {
        return Err(PathProblem::TooLong);
    }
    Ok(clean)
}

/// The folders that a clean path lies in, the outermost first.
pub(super) fn folders(clean: &str) -> impl Iterator<Item = &str> {
    clean
        .match_indices('/')
        .filter_map(|(end, _)| clean.get(..end))
}
