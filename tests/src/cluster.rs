//! Where the cluster and the product's programs are.

use std::{env, path::PathBuf, sync::Arc};

use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The value of a variable that `make test` sets.
pub fn required(name: &str) -> String {
    env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: these tests need a cluster, run them with `make test`"))
}

/// The kubeconfig of the cluster under test.
pub fn kubeconfig() -> PathBuf {
    required("SKY_TEST_KUBECONFIG").into()
}

/// A client with all rights.
pub async fn client() -> Client {
    sky_runtime::tls::install_crypto_provider();
    let read = Kubeconfig::read_from(kubeconfig()).expect("the kubeconfig can be read");
    let config =
        Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await.expect("the kubeconfig is whole");
    Client::try_from(config).expect("a client")
}

/// The test image of this name, such as `sh-only`.
pub fn image(name: &str) -> String {
    format!("{}/{name}:dev", env::var("SKY_TEST_IMAGES").unwrap_or_else(|_| "localhost".to_owned()))
}

/// A private registry, which has `team/private` under every tag: the image `private`.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Host and port, as machines reach it.
    pub server: String,
    /// User name.
    pub user: String,
    /// Password.
    pub password: String,
}

/// The private registry that machines of the cluster under test can reach; without one, says that the test is skipped.
pub fn registry() -> Option<Registry> {
    let Ok(words) = env::var("SKY_TEST_REGISTRY") else {
        println!("skipped: SKY_TEST_REGISTRY is not set, so there is no private registry (ADDRESS USER PASSWORD)");
        return None;
    };
    let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
    let [server, user, password] = words.try_into().expect("SKY_TEST_REGISTRY is ADDRESS USER PASSWORD");
    Some(Registry { server, user, password })
}

/// Room for this many pods: a small machine runs about twelve at once. More have it for themselves.
pub async fn room_for(pods: u32) -> OwnedSemaphorePermit {
    const ALL: u32 = 12;
    static PODS: std::sync::LazyLock<Arc<Semaphore>> =
        std::sync::LazyLock::new(|| Arc::new(Semaphore::new(ALL as usize)));
    PODS.clone().acquire_many_owned(pods.min(ALL)).await.expect("the semaphore is never closed")
}
