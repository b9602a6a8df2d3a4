//! What each package may depend on: purity is a property of the dependency tree.
#![allow(clippy::unwrap_used, reason = "clippy sees helpers of an integration test as library code")]

use std::process::Command;

/// No IO and no clock can come in without one of these.
const IO: &[&str] = &["tokio", "hyper", "tower", "rustls", "ring", "reqwest", "ureq", "kube-client", "kube-runtime"];
/// Never, anywhere: two TLS stacks in one process panic, and these two need C tool chains.
const BANNED: &[&str] = &["openssl", "openssl-sys", "aws-lc-rs", "aws-lc-sys", "native-tls", "serde_yml"];

/// Names of all packages that `package` is built from.
fn tree(package: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{package}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let names: Vec<_> = text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(names.contains(&package.to_owned()), "no tree of {package}");
    names
}

fn forbidden<'a>(package: &str, names: &[&'a str]) -> Vec<&'a str> {
    let tree = tree(package);
    names.iter().copied().filter(|name| tree.iter().any(|present| present == name)).collect()
}

#[test]
fn pure_packages_cannot_do_io() {
    for package in ["sky-crd", "sky-taskfile", "sky-operator-core"] {
        assert_eq!(forbidden(package, IO), Vec::<&str>::new(), "{package}");
    }
}

#[test]
fn nobody_brings_a_banned_package() {
    for package in ["sky-operator", "sky-api-gateway", "k8s-cli", "sky-runtime", "sky-tests"] {
        assert_eq!(forbidden(package, BANNED), Vec::<&str>::new(), "{package}");
    }
}

#[test]
fn packages_point_down_only() {
    for (package, above) in [
        ("sky-crd", ["sky-taskfile", "sky-operator-core", "sky-runtime"].as_slice()),
        ("sky-taskfile", &["sky-operator-core", "sky-runtime"]),
        ("sky-operator-core", &["sky-taskfile", "sky-runtime", "sky-operator"]),
        ("sky-runtime", &["sky-crd", "sky-operator-core"]),
        ("sky-operator", &["sky-taskfile", "sky-api-gateway"]),
        ("sky-api-gateway", &["sky-taskfile", "sky-operator-core", "sky-operator"]),
        ("k8s-cli", &["sky-runtime", "sky-operator-core", "tokio", "kube-client"]),
    ] {
        assert_eq!(forbidden(package, above), Vec::<&str>::new(), "{package}");
    }
}
