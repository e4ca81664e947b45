use std::ffi::OsString;

use proptest::prelude::*;

use super::*;

mod mcp;

const COMPLETE: [&str; 4] = [
    "--app=controller",
    "--coder-url=https://coder.example.com",
    "--coder-session-token-file=/run/token",
    "--coder-namespace=coder",
];

/// What a complete command line and `more` make.
fn check(more: &[&str]) -> Result<Config, ConfigError> {
    check_only(&[&COMPLETE, more].concat())
}

fn check_only(arguments: &[&str]) -> Result<Config, ConfigError> {
    let arguments = ["coder-k8s"].iter().chain(arguments).map(OsString::from);
    Config::check(Args::read(arguments, |_| None).unwrap(), |_| None)
}

fn refusal(more: &[&str]) -> String {
    check(more).unwrap_err().to_string()
}

#[test]
fn a_complete_command_line_makes_a_configuration() {
    let Config {
        controller,
        apiserver,
        mcp,
        health,
        metrics,
        log,
    } = check(&[]).unwrap();
    assert!(apiserver.is_none() && mcp.is_none());
    let controller = controller.unwrap();
    let fixed = controller.fixed.unwrap();
    assert_eq!(fixed.coder_url.as_str(), "https://coder.example.com/");
    assert!(matches!(fixed.token, TokenSource::File(path) if path.as_os_str() == "/run/token"));
    assert_eq!(fixed.namespace, "coder");
    assert_eq!(controller.request_timeout, Duration::from_secs(30));
    assert_eq!(controller.sweep_interval, Duration::from_secs(15));
    assert_eq!(controller.imports, Imports::All);
    assert_eq!(controller.workers, 8);
    assert_eq!(controller.max_active_builds, 20);
    assert_eq!(health.unwrap().to_string(), ":8081");
    assert_eq!(metrics.unwrap().to_string(), ":8080");
    assert_eq!(log, value::log("info", "text").unwrap());
}

#[test]
fn blank_values_are_the_defaults() {
    let blank = check(&[
        "--coder-session-token= ",
        "--coder-request-timeout=",
        "--sweep-interval= ",
        "--import=",
        "--workers=",
        "--health-bind-address= ",
        "--metrics-bind-address=",
        "--leader-elect=",
        "--log-level=",
        "--log-format=",
    ]);
    let spelled = format!("{:?}", blank.unwrap());
    assert_eq!(spelled, format!("{:?}", check(&[]).unwrap()));
}

#[test]
fn blanks_around_values_do_not_count() {
    let config = check(&["--coder-url= http://a.b/c ", "--coder-namespace=\tns\n"]).unwrap();
    let fixed = config.controller.unwrap().fixed.unwrap();
    assert_eq!(fixed.coder_url.as_str(), "http://a.b/c");
    assert_eq!(fixed.namespace, "ns");
}

#[test]
fn an_unknown_mode_is_refused_as_in_go() {
    assert_eq!(
        refusal(&["--app=operator"]),
        "assertion failed: unsupported --app value \"operator\"; must be one of: all, controller, \
         aggregated-apiserver, mcp-http"
    );
}

#[test]
fn each_mode_runs_its_parts() {
    let parts = |arguments: &[&str]| {
        let config = check_only(arguments)?;
        Ok::<_, ConfigError>((config.controller.is_some(), config.apiserver.is_some()))
    };
    let [_, url, token, namespace] = COMPLETE;
    let with = |mode| parts(&[mode, url, token, namespace]);
    assert_eq!(with("--app=controller"), Ok((true, false)));
    assert_eq!(with("--app=aggregated-apiserver"), Ok((true, true)));
    assert_eq!(with("--app=all"), Ok((true, true)));
    assert_eq!(parts(&["--app=aggregated-apiserver"]), Ok((false, true)));
    assert_eq!(parts(&[]), Ok((true, true)));
    assert_eq!(parts(&["--app=controller"]), Ok((true, false)));
    // Half a control plane is a mistake, not none.
    let half = parts(&["--app=aggregated-apiserver", url]).unwrap_err();
    assert!(
        half.to_string().contains("--coder-session-token-file"),
        "{half}"
    );
}

#[test]
fn the_aggregated_api_has_defaults_and_bounds() {
    let apiserver = |more: &[&str]| {
        check_only(&[&["--app=aggregated-apiserver"], more].concat())
            .map(|config| config.apiserver.unwrap())
    };
    let default = apiserver(&[]).unwrap();
    assert_eq!(default.address.to_string(), "0.0.0.0:6443");
    assert_eq!(default.shutdown_delay, Duration::from_secs(10));
    let Certificate::Made(service) = default.certificate else {
        panic!("{:?}", default.certificate)
    };
    assert_eq!(
        (service.namespace.as_str(), service.name.as_str()),
        ("coder-system", "coder-k8s-apiserver")
    );
    let files = [
        "--apiserver-tls-cert-file=/c",
        "--apiserver-tls-private-key-file=/k",
    ];
    let Certificate::Files(named) = apiserver(&files).unwrap().certificate else {
        panic!("they are not taken");
    };
    assert_eq!((named.certificate, named.key), ("/c".into(), "/k".into()));
    assert_eq!(
        apiserver(&files[..1]).unwrap_err(),
        ConfigError::HalfCertificate
    );
    assert_eq!(
        apiserver(&files[1..]).unwrap_err(),
        ConfigError::HalfCertificate
    );
    for argument in [
        "--apiserver-bind-address=0",
        "--apiserver-bind-address=6443",
        "--apiserver-service=coder-k8s-apiserver",
        "--apiserver-service=a/b/c",
        "--apiserver-service=A/b",
        "--apiserver-service=/",
        "--apiserver-shutdown-delay=-1s",
        "--apiserver-shutdown-delay=1h",
        "--apiserver-shutdown-delay=soon",
    ] {
        let (flag, value) = argument.split_once('=').unwrap();
        let text = apiserver(&[argument]).unwrap_err().to_string();
        let expected = format!("invalid {flag} {value:?}: ");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn the_url_is_checked_in_every_mode() {
    for mode in ["all", "controller", "aggregated-apiserver", "mcp-http", "x"] {
        let arguments = [&format!("--app={mode}"), "--coder-url=ftp://a.b"];
        assert_eq!(
            check_only(&arguments).unwrap_err().to_string(),
            "assertion failed: invalid --coder-url \"ftp://a.b\": scheme must be http or https"
        );
    }
}

#[test]
fn a_url_needs_scheme_and_host() {
    for url in [
        "coder.example.com",
        "coder.example.com:8080",
        "localhost:3000",
        "//coder.example.com",
        "://coder.example.com",
        "https:coder.example.com",
        "https://",
        "https:///coder",
        "https://?a",
    ] {
        let expected = format!(
            "assertion failed: invalid --coder-url {url:?}: must include scheme and host (for \
             example, https://coder.example.com)"
        );
        assert_eq!(refusal(&[&format!("--coder-url={url}")]), expected);
    }
    let port = refusal(&["--coder-url=https://a.b:x"]);
    let expected = "assertion failed: invalid --coder-url \"https://a.b:x\": ";
    assert!(port.starts_with(expected), "{port}");
    assert!(check(&["--coder-url=HTTPS://Coder.example.com"]).is_ok());
}

#[test]
fn a_password_in_the_url_is_refused_without_showing_it() {
    for url in ["https://me:s3cret@a.b", "https://s3cret@a.b:x/"] {
        let text = refusal(&[&format!("--coder-url={url}")]);
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn all_that_is_missing_is_named_at_once() {
    let namespace = ["--app=controller", "--coder-namespace=a"];
    let text = check_only(&namespace).unwrap_err().to_string();
    let expected = "--app=controller needs --coder-url, --coder-session-token-file too: ";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(
        check(&["--coder-namespace= "]).unwrap_err(),
        ConfigError::Missing {
            mode: Mode::Controller,
            flags: "--coder-namespace".to_owned(),
        }
    );
}

#[test]
fn there_is_exactly_one_token() {
    let both = check(&["--coder-session-token=s3cret"]).unwrap_err();
    assert_eq!(both, ConfigError::TwoTokens);
    let given = check(&[
        "--coder-session-token-file=",
        "--coder-session-token=s3cret",
    ])
    .unwrap();
    assert!(matches!(
        &given
            .controller
            .as_ref()
            .unwrap()
            .fixed
            .as_ref()
            .unwrap()
            .token,
        TokenSource::Fixed(_)
    ));
    assert!(!format!("{given:?}").contains("s3cret"));
}

#[test]
fn one_replica_leads_unless_that_is_switched_off() {
    let elects = |flags: &[&str]| check(flags).map(|it| it.controller.unwrap().leader_elect);
    for flags in [
        &[][..],
        &["--leader-elect"],
        &["--leader-elect="],
        &["--leader-elect=1"],
    ] {
        assert_eq!(elects(flags), Ok(true), "{flags:?}");
    }
    assert_eq!(elects(&["--leader-elect=false"]), Ok(false));
    assert!(elects(&["--leader-elect=maybe"]).is_err());
}

#[test]
fn durations_have_their_bounds() {
    let timeout = |value: &str| {
        let config = check(&[&format!("--coder-request-timeout={value}")]);
        config.map(|config| config.controller.unwrap().request_timeout.as_secs())
    };
    assert_eq!(timeout("1m30s"), Ok(90));
    assert_eq!(timeout("0"), Ok(30));
    assert_eq!(timeout("0s"), Ok(30));
    assert_eq!(
        timeout("-1s").unwrap_err().to_string(),
        "invalid --coder-request-timeout \"-1s\": must not be negative"
    );
    assert!(timeout("30").is_err());
    for value in ["0", "99ms", "-1s", "soon"] {
        let text = refusal(&[&format!("--sweep-interval={value}")]);
        let expected = format!("invalid --sweep-interval {value:?}: must ");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn import_is_all_none_or_organizations() {
    let import = |value: &str| {
        let config = check(&[&format!("--import={value}")]);
        config.map(|config| config.controller.unwrap().imports)
    };
    let organizations =
        |names: &[&str]| Imports::Organizations(names.iter().map(|&name| name.into()).collect());
    assert_eq!(import("all"), Ok(Imports::All));
    assert_eq!(import("None"), Ok(Imports::None));
    assert_eq!(import("acme"), Ok(organizations(&["acme"])));
    assert_eq!(import("b, A,b,"), Ok(organizations(&["a", "b"])));
    for value in [",", "all,acme", "acme,none", "acme other"] {
        assert!(import(value).is_err(), "{value}");
    }
}

#[test]
fn other_values_are_checked_too() {
    for argument in [
        "--workers=0",
        "--workers=257",
        "--workers=-1",
        "--workers=many",
        "--max-active-builds=0",
        "--max-active-builds=10001",
        "--max-active-builds=few",
        "--health-bind-address=8081",
        "--metrics-bind-address=:metrics",
        "--log-level=loud",
        "--log-format=yaml",
        "--coder-namespace=a,b",
        "--coder-namespace=-a",
        "--coder-namespace=A",
    ] {
        let (flag, value) = argument.split_once('=').unwrap();
        let text = refusal(&[argument]);
        let expected = format!("invalid {flag} {value:?}: ");
        assert!(text.starts_with(&expected), "{text}");
    }
}

#[test]
fn all_namespaces_are_watched_or_those_that_are_named() {
    let watched = |arguments: &[&str]| {
        let config = check_only(arguments)?;
        let namespaces = config.controller.unwrap().namespaces;
        Ok::<_, ConfigError>(namespaces.into_iter().collect::<Vec<_>>().join(" "))
    };
    let watch = |value: &str| format!("--watch-namespaces={value}");
    for (value, alone, with_flags) in [
        ("", "", "coder"),
        ("*", "", ""),
        ("b, coder,b", "b coder", "b coder"),
    ] {
        let flag = watch(value);
        assert_eq!(watched(&[&flag]).as_deref(), Ok(alone));
        let all = [&COMPLETE[..], &[flag.as_str()]].concat();
        assert_eq!(watched(&all).as_deref(), Ok(with_flags));
    }
    for value in [",", "a,*", "A", "a b"] {
        let text = watched(&[&watch(value)]).unwrap_err().to_string();
        assert!(text.starts_with("invalid --watch-namespaces"), "{text}");
    }
    let flag = watch("a");
    let other = watched(&[&COMPLETE[..], &[flag.as_str()]].concat()).unwrap_err();
    assert!(other.to_string().contains("must hold coder"), "{other}");
}

#[test]
fn control_planes_are_looked_for_unless_one_coder_is_named_and_no_place_to_look() {
    let discovers = |arguments: &[&str]| {
        let config = check_only(arguments).unwrap();
        config.controller.unwrap().discovers
    };
    let [_, url, token, namespace] = COMPLETE;
    for mode in ["--app=all", "--app=controller"] {
        assert!(discovers(&[mode]));
        assert!(!discovers(&[mode, url, token, namespace]));
        assert!(discovers(&[
            mode,
            url,
            token,
            namespace,
            "--watch-namespaces=*"
        ]));
    }
    let served = "--app=aggregated-apiserver";
    assert!(!discovers(&[
        served,
        url,
        token,
        namespace,
        "--watch-namespaces=*"
    ]));
}

#[test]
fn listeners_can_be_switched_off() {
    let config = check(&["--health-bind-address=0", "--metrics-bind-address=0"]).unwrap();
    assert_eq!((config.health, config.metrics), (None, None));
}

proptest! {
    #[test]
    fn no_url_makes_checking_panic_and_good_ones_are_http(url in "\\PC{0,30}|https?:\\PC{0,20}") {
        if let Ok(url) = value::coder_url(&url) {
            prop_assert!(["http", "https"].contains(&url.scheme()));
            prop_assert!(url.has_host() && url.username().is_empty());
        }
    }

    #[test]
    fn what_is_checked_keeps_its_promises(
        timeout in "[0-9]{1,4}(ms|s|m|h)?", interval in "[0-9]{1,4}(ms|s|m|h)?",
        import in "[a-z, ]{0,12}", workers in "[0-9]{0,4}",
    ) {
        let arguments = [
            format!("--coder-request-timeout={timeout}"),
            format!("--sweep-interval={interval}"),
            format!("--import={import}"),
            format!("--workers={workers}"),
        ];
        if let Ok(config) = check(&arguments.each_ref().map(String::as_str)) {
            let controller = config.controller.unwrap();
            prop_assert!(!controller.request_timeout.is_zero());
            prop_assert!(!controller.sweep_interval.is_zero());
            prop_assert!(controller.workers > 0);
            if let Imports::Organizations(names) = controller.imports {
                prop_assert!(!names.is_empty());
            }
        }
    }
}
