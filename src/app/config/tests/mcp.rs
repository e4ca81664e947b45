//! The flags of the MCP server.

use crate::mcp::Identification;

use super::*;

/// What `--app=mcp-http` and `more` make.
fn mcp(more: &[&str]) -> Result<McpConfig, ConfigError> {
    let config = check_only(&[&["--app=mcp-http"], more].concat())?;
    assert!(config.controller.is_none() && config.apiserver.is_none());
    Ok(config.mcp.unwrap())
}

#[test]
fn without_flags_it_is_served_here_only_to_callers_with_a_token() {
    let config = mcp(&[]).unwrap();
    assert_eq!(config.address.to_string(), "127.0.0.1:8090");
    assert_eq!(
        config.identification,
        Identification::Token { audience: None }
    );
    assert_eq!(config.tls, None);
    assert!(config.hosts.allows_host("127.0.0.1:8090"));
    assert!(
        config
            .hosts
            .allows_host("coder-k8s-mcp.coder-system.svc:8090")
    );
    assert!(!config.hosts.allows_host("mcp.example.com"));
    assert!(!config.hosts.allows_origin("http://localhost"));
}

#[test]
fn everything_runs_it_only_where_an_address_is_given() {
    let all = |more: &[&str]| {
        let all = [&COMPLETE[1..], &["--app=all"], more].concat();
        check_only(&all).map(|config| config.mcp)
    };
    assert!(all(&[]).unwrap().is_none());
    let config = all(&["--mcp-bind-address=:8090"]).unwrap().unwrap();
    assert_eq!(config.address.to_string(), ":8090");
    // The secret would give away the rights of the controller.
    let refused = all(&["--mcp-bind-address=:8090", "--mcp-token-file=/t"]).unwrap_err();
    assert!(
        refused.to_string().contains("only --app=mcp-http takes it"),
        "{refused}"
    );
}

#[test]
fn a_secret_reads_only_unless_writes_are_allowed() {
    for (more, expected) in [
        (&["--mcp-token-file=/t"][..], false),
        (&["--mcp-token-file=/t", "--mcp-allow-writes"], true),
        (&["--mcp-token-file=/t", "--mcp-allow-writes=false"], false),
    ] {
        let found = mcp(more).unwrap().identification;
        let expected = Identification::Secret {
            file: "/t".into(),
            allow_writes: expected,
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn hosts_and_origins_are_those_of_the_flags() {
    let config = mcp(&[
        "--mcp-service=tools/mcp",
        "--mcp-public-url=https://mcp.example.com/mcp",
        "--mcp-allowed-hosts=a.example.com, b.example.com:444",
        "--mcp-allowed-origins=https://chat.example.com",
    ])
    .unwrap();
    for (host, expected) in [
        ("localhost", true),
        ("mcp.tools.svc.cluster.local", true),
        ("mcp.example.com:443", true),
        ("A.example.com", true),
        ("b.example.com:444", true),
        ("b.example.com", false),
        ("coder-k8s-mcp", false),
    ] {
        assert_eq!(config.hosts.allows_host(host), expected, "{host}");
    }
    assert!(config.hosts.allows_origin("https://chat.example.com"));
    assert!(!config.hosts.allows_origin("http://chat.example.com"));
    assert!(!config.hosts.allows_origin("null"));
}

#[test]
fn what_makes_no_sense_is_refused_with_its_flag() {
    for (more, expected) in [
        (&["--mcp-bind-address=0"][..], "--mcp-bind-address"),
        (&["--mcp-bind-address=8090"], "--mcp-bind-address"),
        (&["--mcp-tls-cert-file=/c"], "--mcp-tls-private-key-file"),
        (
            &["--mcp-token-file=/t", "--mcp-audience=a"],
            "--mcp-audience",
        ),
        (&["--mcp-allow-writes=maybe"], "--mcp-allow-writes"),
        (&["--mcp-issuer=login.example.com"], "--mcp-issuer"),
        (&["--mcp-public-url=ftp://a.b"], "--mcp-public-url"),
        (&["--mcp-service=mcp"], "--mcp-service"),
        (
            &["--mcp-allowed-hosts=*.example.com"],
            "--mcp-allowed-hosts",
        ),
        (&["--mcp-allowed-origins=*"], "--mcp-allowed-origins"),
        (&["--mcp-shutdown-delay=1h"], "--mcp-shutdown-delay"),
    ] {
        let text = mcp(more).unwrap_err().to_string();
        assert!(text.contains(expected), "{more:?}: {text}");
    }
}
