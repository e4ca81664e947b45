use std::{collections::HashMap, ffi::OsString};

use clap::error::ErrorKind;
use secrecy::ExposeSecret;

use super::*;

fn read(arguments: &[&str], variables: &[(&str, &str)]) -> Result<Args, clap::Error> {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Args::read(
        ["coder-k8s"].iter().chain(arguments).map(OsString::from),
        |name| variables.get(name).map(OsString::from),
    )
}

/// The value of each flag, by its name.
fn values(args: &Args) -> Vec<(&'static str, &str)> {
    let Args {
        app,
        coder_url,
        coder_session_token,
        coder_session_token_file,
        coder_namespace,
        watch_namespaces,
        coder_request_timeout,
        sweep_interval,
        import,
        workers,
        max_active_builds,
        health_bind_address,
        metrics_bind_address,
        apiserver_bind_address,
        apiserver_tls_cert_file,
        apiserver_tls_private_key_file,
        apiserver_service,
        apiserver_shutdown_delay,
        mcp,
        leader_elect,
        log_level,
        log_format,
        action: _,
    } = args;
    let McpArgs {
        mcp_bind_address,
        mcp_token_file,
        mcp_allow_writes,
        mcp_audience,
        mcp_issuer,
        mcp_public_url,
        mcp_service,
        mcp_allowed_hosts,
        mcp_allowed_origins,
        mcp_tls_cert_file,
        mcp_tls_private_key_file,
        mcp_shutdown_delay,
    } = mcp;
    vec![
        ("app", app),
        ("coder-url", coder_url),
        ("coder-session-token", coder_session_token.expose_secret()),
        ("coder-session-token-file", coder_session_token_file),
        ("coder-namespace", coder_namespace),
        ("watch-namespaces", watch_namespaces),
        ("coder-request-timeout", coder_request_timeout),
        ("sweep-interval", sweep_interval),
        ("import", import),
        ("workers", workers),
        ("max-active-builds", max_active_builds),
        ("health-bind-address", health_bind_address),
        ("metrics-bind-address", metrics_bind_address),
        ("apiserver-bind-address", apiserver_bind_address),
        ("apiserver-tls-cert-file", apiserver_tls_cert_file),
        (
            "apiserver-tls-private-key-file",
            apiserver_tls_private_key_file,
        ),
        ("apiserver-service", apiserver_service),
        ("apiserver-shutdown-delay", apiserver_shutdown_delay),
        ("mcp-bind-address", mcp_bind_address),
        ("mcp-token-file", mcp_token_file),
        ("mcp-allow-writes", mcp_allow_writes),
        ("mcp-audience", mcp_audience),
        ("mcp-issuer", mcp_issuer),
        ("mcp-public-url", mcp_public_url),
        ("mcp-service", mcp_service),
        ("mcp-allowed-hosts", mcp_allowed_hosts),
        ("mcp-allowed-origins", mcp_allowed_origins),
        ("mcp-tls-cert-file", mcp_tls_cert_file),
        ("mcp-tls-private-key-file", mcp_tls_private_key_file),
        ("mcp-shutdown-delay", mcp_shutdown_delay),
        ("leader-elect", leader_elect),
        ("log-level", log_level),
        ("log-format", log_format),
    ]
}

#[test]
fn the_defaults_are_those_of_the_go_project() {
    let args = read(&[], &[]).unwrap();
    assert_eq!(
        values(&args),
        [
            ("app", "all"),
            ("coder-url", ""),
            ("coder-session-token", ""),
            ("coder-session-token-file", ""),
            ("coder-namespace", ""),
            ("watch-namespaces", ""),
            ("coder-request-timeout", "30s"),
            ("sweep-interval", "15s"),
            ("import", "all"),
            ("workers", "8"),
            ("max-active-builds", "20"),
            ("health-bind-address", ":8081"),
            ("metrics-bind-address", ":8080"),
            ("apiserver-bind-address", "0.0.0.0:6443"),
            ("apiserver-tls-cert-file", ""),
            ("apiserver-tls-private-key-file", ""),
            ("apiserver-service", "coder-system/coder-k8s-apiserver"),
            ("apiserver-shutdown-delay", "10s"),
            ("mcp-bind-address", ""),
            ("mcp-token-file", ""),
            ("mcp-allow-writes", "false"),
            ("mcp-audience", ""),
            ("mcp-issuer", ""),
            ("mcp-public-url", ""),
            ("mcp-service", "coder-system/coder-k8s-mcp"),
            ("mcp-allowed-hosts", ""),
            ("mcp-allowed-origins", ""),
            ("mcp-tls-cert-file", ""),
            ("mcp-tls-private-key-file", ""),
            ("mcp-shutdown-delay", "10s"),
            ("leader-elect", "true"),
            ("log-level", "info"),
            ("log-format", "text"),
        ]
    );
    assert_eq!(args.action, None);
}

#[test]
fn every_flag_is_read_from_flag_and_variable_and_the_flag_wins() {
    let names: Vec<_> = values(&read(&[], &[]).unwrap())
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, flags(&Args::command()), "a flag is not tested");
    for name in names {
        let value = |args: &Args| {
            let values = values(args);
            let found = values.iter().find(|(flag, _)| *flag == name);
            found.unwrap().1.to_owned()
        };
        let flag = format!("--{name}=flag");
        let go_flag = format!("-{name}=flag");
        let variable = variable_name(name);
        assert_eq!(value(&read(&[&flag], &[]).unwrap()), "flag");
        assert_eq!(value(&read(&[&go_flag], &[]).unwrap()), "flag");
        assert_eq!(value(&read(&[], &[(&variable, "env")]).unwrap()), "env");
        let both = read(&[&flag], &[(&variable, "env")]).unwrap();
        assert_eq!(value(&both), "flag");
        let blank = read(&[], &[(&variable, " \n")]).unwrap();
        assert_eq!(value(&blank), value(&read(&[], &[]).unwrap()));
        let last = read(&["--import=none", &flag, &format!("--{name}=last")], &[]).unwrap();
        assert_eq!(value(&last), "last");
    }
}

#[test]
fn a_value_may_follow_as_its_own_argument() {
    let args = read(&["-app", "controller", "--coder-namespace", "coder"], &[]).unwrap();
    assert_eq!(args.app, "controller");
    assert_eq!(args.coder_namespace, "coder");
    let negative = read(&["--coder-request-timeout", "-1s"], &[]).unwrap();
    assert_eq!(negative.coder_request_timeout, "-1s");
}

#[test]
fn a_bare_switch_means_true() {
    let args = read(&["--leader-elect", "--app=controller"], &[]).unwrap();
    assert_eq!(args.leader_elect, "true");
    assert_eq!(args.app, "controller");
}

#[test]
fn variables_are_named_after_the_flags() {
    assert_eq!(
        variable_name("coder-session-token-file"),
        "CODER_K8S_CODER_SESSION_TOKEN_FILE"
    );
}

/// Kubernetes sets these in every pod beside a Service named `coder-k8s`.
#[test]
fn no_flag_takes_the_variable_of_a_service() {
    for flag in flags(&Args::command()) {
        let variable = variable_name(&flag);
        assert!(!variable.starts_with("CODER_K8S_SERVICE_"), "{variable}");
        assert!(!variable.starts_with("CODER_K8S_PORT"), "{variable}");
    }
}

#[test]
fn help_and_version_are_not_asked_for_by_variables() {
    let variables = [("CODER_K8S_VERSION", "1.2"), ("CODER_K8S_HELP", "true")];
    assert!(read(&[], &variables).is_ok());
    let kind = |arguments: &[&str]| read(arguments, &[]).unwrap_err().kind();
    assert_eq!(kind(&["--version"]), ErrorKind::DisplayVersion);
    assert_eq!(kind(&["--help"]), ErrorKind::DisplayHelp);
    assert_eq!(kind(&["-h"]), ErrorKind::DisplayHelp);
}

#[test]
fn what_is_not_known_is_refused() {
    let kind = |arguments: &[&str]| read(arguments, &[]).unwrap_err().kind();
    assert_eq!(kind(&["--kubeconfig=x"]), ErrorKind::UnknownArgument);
    assert_eq!(kind(&["serve"]), ErrorKind::InvalidSubcommand);
}

#[test]
fn crds_are_an_action_of_their_own() {
    let variables = [("CODER_K8S_APP", "controller")];
    let args = read(&["crds", "--output-dir=crds"], &variables).unwrap();
    let output_dir = Some(PathBuf::from("crds"));
    assert_eq!(args.action, Some(Action::Crds { output_dir }));
    let args = read(&["crds"], &[]).unwrap();
    assert_eq!(args.action, Some(Action::Crds { output_dir: None }));
}

#[test]
fn a_token_is_never_shown() {
    let args = read(&[], &[("CODER_K8S_CODER_SESSION_TOKEN", "s3cret")]).unwrap();
    assert!(!format!("{args:?}").contains("s3cret"));
    let help = Args::command().render_long_help().to_string();
    assert!(!help.contains("s3cret"));
}

#[test]
fn the_command_is_well_formed() {
    Args::command().debug_assert();
}
