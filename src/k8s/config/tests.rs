use std::fs;

use tempfile::TempDir;

use super::*;

fn kubeconfig(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         clusters: [{{name: c, cluster: {{server: \"{server}\"}}}}]\n\
         users: [{{name: u, user: {{token: t}}}}]\n\
         contexts: [{{name: c, context: {{cluster: c, user: u, namespace: team}}}}]\n"
    )
}

fn no_pod() -> Result<Config, InClusterError> {
    Config::incluster_env()
}

#[allow(clippy::unnecessary_wraps, reason = "it stands for what can fail")]
fn in_pod() -> Result<Config, InClusterError> {
    Ok(Config::new("https://10.0.0.1:443".parse().unwrap()))
}

/// A home directory whose kubeconfig says `https://home`, and a file that says `https://named`.
fn places(home: &TempDir) -> (Places, PathBuf) {
    fs::create_dir(home.path().join(".kube")).unwrap();
    fs::write(home_file(home.path()), kubeconfig("https://home")).unwrap();
    let named = home.path().join("named");
    fs::write(&named, kubeconfig("https://named")).unwrap();
    let places = Places {
        kubeconfig: None,
        home: Some(home.path().to_owned()),
    };
    (places, named)
}

#[tokio::test]
async fn the_variable_comes_before_the_pod_and_the_pod_before_the_home() {
    let home = TempDir::new().unwrap();
    let (mut places, named) = places(&home);
    let found = load_from(&places, no_pod).await.unwrap();
    assert_eq!(found.cluster_url, "https://home/");
    let found = load_from(&places, in_pod).await.unwrap();
    assert_eq!(found.cluster_url, "https://10.0.0.1:443/");
    places.kubeconfig = Some("".into());
    let found = load_from(&places, in_pod).await.unwrap();
    assert_eq!(found.cluster_url, "https://10.0.0.1:443/");
    places.kubeconfig = Some(named.into());
    let found = load_from(&places, in_pod).await.unwrap();
    assert_eq!(found.cluster_url, "https://named/");
    assert_eq!(found.default_namespace, "team");
}

#[tokio::test]
async fn every_configuration_names_us_and_repeats_nothing() {
    let home = TempDir::new().unwrap();
    let (mut places, named) = places(&home);
    for kubeconfig in [None, Some(named.into())] {
        places.kubeconfig = kubeconfig;
        for in_cluster in [no_pod, in_pod] {
            let config = load_from(&places, in_cluster).await.unwrap();
            assert!(!config.default_retry);
            let agent = format!("coder-k8s/{}", env!("CARGO_PKG_VERSION"));
            assert_eq!(config.headers.len(), 1);
            assert_eq!(config.headers[0].0, "user-agent");
            assert_eq!(config.headers[0].1, agent);
        }
    }
}

#[tokio::test]
async fn a_wrong_place_is_named() {
    let home = TempDir::new().unwrap();
    let (mut places, _) = places(&home);
    places.kubeconfig = Some("/does/not/exist".into());
    let error = load_from(&places, in_pod).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot use the kubeconfig that KUBECONFIG names (/does/not/exist)"
    );
    places.kubeconfig = None;
    fs::write(home_file(home.path()), "clusters: 3").unwrap();
    let error = load_from(&places, no_pod).await.unwrap_err();
    assert!(error.to_string().ends_with(".kube/config"), "{error}");
    let error = load_from(&Places::default(), no_pod).await.unwrap_err();
    assert!(error.to_string().contains("no ~/.kube/config"), "{error}");
}

#[tokio::test]
async fn a_client_is_made() {
    let mut config = Config::new("http://127.0.0.1:1".parse().unwrap());
    config.default_namespace = "team".to_owned();
    assert_eq!(client(config).unwrap().default_namespace(), "team");
}
