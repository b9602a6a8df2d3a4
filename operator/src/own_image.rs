//! The image that brings the agent into pods: our own, which is the one whose agent speaks the protocol of this operator.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};

use crate::{Args, error::PassError, request::within_deadline};

/// Name of the operator's container in the chart's Deployment.
const CONTAINER: &str = "operator";

/// Why the agent's image is not known.
#[derive(Debug, thiserror::Error)]
pub enum UnknownImage {
    /// Neither named nor in a pod.
    #[error("which image brings the agent is not known: name it with --agent-image, or set POD_NAMESPACE and POD_NAME")]
    NotInPod,
    /// The operator's own pod cannot be read.
    #[error("cannot read the pod {pod} for its image: {why}; allow it, or name the image with --agent-image")]
    Unread {
        /// The pod.
        pod: String,
        /// Why not.
        why: String,
    },
}

/// The agent's image: as named, or that of the pod that this program runs in. Read there rather than written into the
/// Deployment twice, where every tool that changes an image would have to know of it.
pub(crate) async fn agent_image(client: &Client, args: &Args) -> Result<String, UnknownImage> {
    if let Some(image) = &args.agent_image {
        return Ok(image.clone());
    }
    let (Some(namespace), Some(name)) = (&args.own_namespace, &args.own_pod) else {
        return Err(UnknownImage::NotInPod);
    };
    let unread = |why: String| UnknownImage::Unread { pod: format!("{namespace}/{name}"), why };
    let pods: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let pod = within_deadline("read the operator's own pod", pods.get(name)).await;
    let pod = pod.map_err(|why: PassError| unread(why.to_string()))?;
    let containers = pod.spec.unwrap_or_default().containers;
    let own = containers.iter().find(|container| container.name == CONTAINER).or(containers.first());
    own.and_then(|container| container.image.clone()).ok_or_else(|| unread("it has no image".to_owned()))
}
