//! Whom requests may be addressed to, and which web pages may send them.
//!
//! A page that a person opens can make their browser ask servers on their own machine, by names that it
//! controls (DNS rebinding). So a request has to name a host that is known here, and one that a page's
//! script sent has to come from a page that was named.

use http::{HeaderMap, Uri, header, uri::Authority};

/// The hosts and origins that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// In lower case, with a port or for all ports.
    hosts: Vec<(String, Option<u16>)>,
    origins: Vec<String>,
}

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Stranger {
    /// It names no host, or not one of ours.
    #[error(
        "requests to this host are not answered; whoever runs this server allows it by \
         --mcp-allowed-hosts or --mcp-public-url"
    )]
    Host,
    /// A page sent it that is not known.
    #[error(
        "requests of this web page are not answered; whoever runs this server allows it by \
         --mcp-allowed-origins"
    )]
    Origin,
}

impl Hosts {
    /// This machine, which port forwarding needs too, and a Service by all its DNS names.
    #[must_use]
    pub fn of_service(namespace: &str, name: &str) -> Self {
        let mut hosts = Self::default();
        for host in ["localhost", "127.0.0.1", "[::1]", name] {
            hosts.allow_host(host);
        }
        for rest in ["", ".svc", ".svc.cluster.local"] {
            hosts.allow_host(&format!("{name}.{namespace}{rest}"));
        }
        hosts
    }

    /// Allows `host`: with a port only that port, else all.
    pub fn allow_host(&mut self, host: &str) {
        self.hosts.extend(parts(host));
    }

    /// Allows the pages of `origin`, which has the form that browsers send.
    pub fn allow_origin(&mut self, origin: &str) {
        self.origins.push(origin.to_ascii_lowercase());
    }

    /// Whether requests to `host` are answered. A dot at the end changes nothing.
    #[must_use]
    pub fn allows_host(&self, host: &str) -> bool {
        parts(host).is_some_and(|(name, port)| {
            let is_it = |(known, only): &&(String, Option<u16>)| {
                *known == name && (only.is_none() || *only == port)
            };
            self.hosts.iter().any(|known| is_it(&known))
        })
    }

    /// Whether the scripts of `origin` are answered.
    #[must_use]
    pub fn allows_origin(&self, origin: &str) -> bool {
        self.origins.contains(&origin.to_ascii_lowercase())
    }

    /// The host that a request is addressed to, if it may be sent at all.
    pub(super) fn check<'a>(
        &self,
        uri: &'a Uri,
        headers: &'a HeaderMap,
    ) -> Result<&'a str, Stranger> {
        let mut named = headers.get_all(header::HOST).iter();
        // HTTP/2 has it in the request line.
        let host = match (uri.authority(), named.next()) {
            (Some(authority), _) => Some(authority.as_str()),
            (None, Some(host)) => host.to_str().ok(),
            (None, None) => None,
        };
        let host = host.filter(|host| named.next().is_none() && self.allows_host(host));
        let host = host.ok_or(Stranger::Host)?;
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let is_known = |origin: &http::HeaderValue| {
            origin
                .to_str()
                .is_ok_and(|origin| self.allows_origin(origin))
        };
        if origins.all(is_known) {
            Ok(host)
        } else {
            Err(Stranger::Origin)
        }
    }
}

fn parts(host: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = host.parse().ok()?;
    if host.contains('@') {
        return None;
    }
    let name = authority.host().trim_end_matches('.').to_ascii_lowercase();
    (!name.is_empty()).then(|| (name, authority.port_u16()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(uri: &str, headers: &[(&'static str, &'static str)]) -> Result<String, Stranger> {
        let mut hosts = Hosts::of_service("coder-system", "mcp");
        hosts.allow_origin("https://chat.example.com");
        let headers: HeaderMap = headers
            .iter()
            .map(|&(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect();
        let uri = uri.parse().unwrap();
        hosts.check(&uri, &headers).map(str::to_owned)
    }

    #[test]
    fn only_known_hosts_are_answered() {
        for host in [
            "localhost",
            "LOCALHOST:8090",
            "127.0.0.1:1",
            "[::1]:8090",
            "mcp",
            "mcp.coder-system",
            "mcp.coder-system.svc",
            "mcp.coder-system.svc.cluster.local:80",
            "mcp.coder-system.svc.cluster.local.",
        ] {
            assert_eq!(checked("/mcp", &[("host", host)]).as_deref(), Ok(host));
        }
        for host in [
            "evil.example",
            "mcp.evil",
            "127.0.0.2",
            "x@localhost",
            "",
            "localhost.evil",
        ] {
            assert_eq!(
                checked("/mcp", &[("host", host)]),
                Err(Stranger::Host),
                "{host}"
            );
        }
        assert_eq!(checked("/mcp", &[]), Err(Stranger::Host));
        let twice = [("host", "localhost"), ("host", "evil.example")];
        let headers = HeaderMap::from_iter([]);
        let mut headers: HeaderMap = headers;
        for (name, value) in twice {
            headers.append(name, value.parse().unwrap());
        }
        let hosts = Hosts::of_service("n", "s");
        assert_eq!(
            hosts.check(&"/".parse().unwrap(), &headers),
            Err(Stranger::Host)
        );
        // HTTP/2.
        assert!(checked("https://localhost:8090/mcp", &[]).is_ok());
        assert!(checked("https://evil.example/mcp", &[("host", "localhost")]).is_err());
    }

    #[test]
    fn a_page_has_to_be_known_and_programs_send_none() {
        let host = ("host", "localhost");
        assert!(checked("/mcp", &[host]).is_ok());
        assert!(checked("/mcp", &[host, ("origin", "https://chat.example.com")]).is_ok());
        for origin in [
            "null",
            "https://evil.example",
            "http://chat.example.com",
            "http://localhost",
        ] {
            let refused = checked("/mcp", &[host, ("origin", origin)]);
            assert_eq!(refused, Err(Stranger::Origin), "{origin}");
        }
    }
}
