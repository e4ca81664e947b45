//! The addresses that the process serves on, written as the Go project writes them.

use std::{fmt, io, net::Ipv6Addr};

use tokio::net::TcpListener;

/// Where to listen: `:8081` is every address of the machine, `127.0.0.1:8081` one of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    flag: &'static str,
    host: Option<String>,
    port: u16,
}

/// An address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on --{flag} {address:?}", flag = .address.flag, address = .address.to_string())]
pub struct ListenError {
    address: Address,
    source: io::Error,
}

impl Address {
    /// Reads the value of `flag`; none where it is `0`, which means: do not listen.
    pub fn parse(flag: &'static str, value: &str) -> Result<Option<Self>, &'static str> {
        if value == "0" {
            return Ok(None);
        }
        let (host, port) = value
            .rsplit_once(':')
            .ok_or("must be host:port, :port or 0 for none")?;
        let port = port
            .parse()
            .map_err(|_| "the port must be a number up to 65535")?;
        let bare = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        match bare {
            Some(bare) if bare.parse::<Ipv6Addr>().is_err() => {
                return Err("only an IPv6 address stands in brackets");
            }
            None if host.contains([':', '[', ']']) => {
                return Err("an IPv6 address must stand in brackets");
            }
            Some(_) | None => {}
        }
        Ok(Some(Self {
            flag,
            host: (!host.is_empty()).then(|| host.to_owned()),
            port,
        }))
    }

    /// Listens there.
    pub async fn bind(&self) -> Result<TcpListener, ListenError> {
        let bound = match &self.host {
            Some(host) => TcpListener::bind(format!("{host}:{}", self.port)).await,
            None => bind_everywhere(self.port).await,
        };
        bound.map_err(|source| ListenError {
            address: self.clone(),
            source,
        })
    }
}

/// IPv6 and with it IPv4; only IPv4 where the machine has no IPv6.
async fn bind_everywhere(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind(("::", port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind(("0.0.0.0", port)).await
        }
        bound => bound,
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{}:{}",
            self.host.as_deref().unwrap_or_default(),
            self.port
        )
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use proptest::prelude::*;
    use tokio::net::TcpStream;

    use super::*;

    fn parse(value: &str) -> Result<Option<Address>, &'static str> {
        Address::parse("health-bind-address", value)
    }

    #[test]
    fn zero_is_off() {
        assert_eq!(parse("0"), Ok(None));
    }

    #[test]
    fn what_names_no_port_is_refused() {
        for value in [
            "8081",
            ":",
            ":http",
            ":65536",
            ":-1",
            "localhost",
            "::1:80",
            "[::1",
            "[a]:80",
        ] {
            assert!(parse(value).is_err(), "{value}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_as_it_was_written(
            host in prop_oneof!["", "127\\.0\\.0\\.1", "[a-z]{1,8}", "\\[::1\\]"],
            port: u16,
        ) {
            let written = format!("{host}:{port}");
            let read = parse(&written).unwrap().unwrap();
            prop_assert_eq!(read.to_string(), written);
        }

        #[test]
        fn no_text_makes_reading_panic(value in ".{0,20}") {
            let _ = parse(&value);
        }
    }

    #[tokio::test]
    async fn an_address_without_host_is_reached_over_loopback() {
        let listener = parse(":0").unwrap().unwrap().bind().await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    }

    #[tokio::test]
    async fn a_taken_port_is_reported_with_its_flag() {
        let listener = parse("127.0.0.1:0").unwrap().unwrap().bind().await.unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        let error = parse(&taken).unwrap().unwrap().bind().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on --health-bind-address {taken:?}")
        );
        assert!(error.source().is_some());
    }
}
