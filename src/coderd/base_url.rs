//! The address of a deployment, checked once so that no request has to.

use url::Url;

/// Why a text is not the address of a coderd. The text itself is the caller's to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UrlError {
    /// Not a URL at all.
    #[error("not a URL")]
    Syntax(#[source] url::ParseError),
    /// `coder.example.com` or `http://`.
    #[error("missing scheme or host")]
    MissingSchemeOrHost,
    /// `ftp://…`, and `localhost:3000`, whose scheme is `localhost`.
    #[error("scheme must be http or https")]
    Scheme,
    /// `https://me:secret@…`: it would be shown in logs and status.
    #[error("user and password do not belong into the URL")]
    Credentials,
}

/// Where a coderd is: scheme, host, port and an optional path prefix.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BaseUrl(Url);

/// The full address of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    /// Where it is sent.
    pub(super) url: Url,
    /// The part below `/api/v2`, percent-encoded, without the query.
    pub(super) path: String,
}

impl BaseUrl {
    /// Checks a URL. A trailing slash, a query and a fragment have no meaning and are dropped.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let mut url = Url::parse(text.trim()).map_err(|error| {
            let missing = [
                url::ParseError::RelativeUrlWithoutBase,
                url::ParseError::EmptyHost,
            ];
            if missing.contains(&error) {
                UrlError::MissingSchemeOrHost
            } else {
                UrlError::Syntax(error)
            }
        })?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlError::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(UrlError::Credentials);
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self(url))
    }

    /// True for `https`.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// The address of an API path, given by its segments, which are percent-encoded here.
    ///
    /// None for an empty segment, `.` and `..`: they would reach another route.
    pub(super) fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Option<Address> {
        let mut url = self.0.clone();
        url.path_segments_mut()
            .ok()?
            .pop_if_empty()
            .extend(["api", "v2"]);
        let root = url.path().len();
        for segment in segments {
            if matches!(segment, "" | "." | "..") {
                return None;
            }
            url.path_segments_mut().ok()?.push(segment);
        }
        let path = url.path().get(root..)?.to_owned();
        Some(Address { url, path })
    }
}

impl std::fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_and_a_trailing_slash_are_kept_apart_from_the_path() {
        for (base, url) in [
            ("http://coder", "http://coder/api/v2/workspaces/x"),
            (
                "HTTPS://Coder:8443/",
                "https://coder:8443/api/v2/workspaces/x",
            ),
            (
                "http://[::1]:7/proxy/coder",
                "http://[::1]:7/proxy/coder/api/v2/workspaces/x",
            ),
            (
                " http://coder/a/?x=1#y ",
                "http://coder/a/api/v2/workspaces/x",
            ),
        ] {
            let base = BaseUrl::parse(base).unwrap();
            let address = base.join(["workspaces", "x"]).unwrap();
            assert_eq!(
                (address.url.as_str(), address.path.as_str()),
                (url, "/workspaces/x")
            );
        }
    }

    #[test]
    fn names_cannot_leave_their_segment() {
        let base = BaseUrl::parse("http://coder").unwrap();
        let address = base.join(["users", "a/b?c#d%2F ü"]).unwrap();
        assert_eq!(address.path, "/users/a%2Fb%3Fc%23d%252F%20%C3%BC");
        for name in ["", ".", ".."] {
            assert_eq!(base.join(["users", name, "x"]), None, "{name:?}");
        }
    }

    #[test]
    fn only_http_addresses_without_credentials_are_accepted() {
        for (text, wanted) in [
            ("", UrlError::MissingSchemeOrHost),
            ("coder.example.com", UrlError::MissingSchemeOrHost),
            ("http://", UrlError::MissingSchemeOrHost),
            ("localhost:3000", UrlError::Scheme),
            ("ftp://coder", UrlError::Scheme),
            ("https://me:secret@coder", UrlError::Credentials),
            (
                "http://co der",
                UrlError::Syntax(url::ParseError::IdnaError),
            ),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(wanted), "{text}");
        }
    }
}
