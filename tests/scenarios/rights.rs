//! What the service accounts of operator and gateway may do, asked of the cluster itself: what they need, and no more.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{Api, api::PostParams};
use sky_tests::cluster::client;

const OPERATOR: &str = "system:serviceaccount:skytask-system:sky-operator";
const GATEWAY: &str = "system:serviceaccount:skytask-system:sky-api-gateway";

/// Only this one, in the operator's own namespace.
const LEASE: &str = "sky-operator";

/// Group, resource, subresource, verbs.
type Right = (&'static str, &'static str, &'static str, &'static str);

const OPERATOR_MAY: &[Right] = &[
    ("skytask.dev", "skytasks", "", "get list watch delete"),
    ("skytask.dev", "skyvolumes", "", "get list watch"),
    ("skytask.dev", "skytasks", "status", "patch"),
    ("skytask.dev", "skyvolumes", "status", "patch"),
    ("skytask.dev", "skytasks", "finalizers", "update"),
    ("skytask.dev", "skyvolumes", "finalizers", "update"),
    ("batch", "jobs", "", "get list watch create delete"),
    ("", "pods", "", "list watch"),
    ("", "services", "", "get create delete"),
    ("", "configmaps", "", "get create delete"),
    ("", "secrets", "", "create"),
    ("", "persistentvolumeclaims", "", "get list watch create patch"),
    ("", "events", "", "list watch"),
    ("events.k8s.io", "events", "", "create"),
];

/// Its own pod, for the image that the agent comes in.
const OPERATOR_MAY_OF_ITSELF: &[Right] = &[("", "pods", "", "get")];

/// Everywhere: machines are in no namespace.
const OPERATOR_MAY_OF_THE_CLUSTER: &[Right] =
    &[("", "nodes", "", "list watch"), ("node.k8s.io", "runtimeclasses", "", "list watch")];

const GATEWAY_MAY: &[Right] = &[
    ("skytask.dev", "skytasks", "", "get list watch create delete"),
    ("skytask.dev", "skyvolumes", "", "get list watch create delete"),
    ("", "pods", "", "get"),
    ("", "pods", "log", "get"),
    ("", "secrets", "", "create"),
];

/// Nobody of ours may do any of this, in any namespace.
const NOBODY_MAY: &[Right] = &[
    ("", "secrets", "", "get list watch patch update delete"),
    ("", "pods", "", "create delete patch"),
    ("", "pods", "exec", "create"),
    ("", "nodes", "", "get patch"),
    ("", "namespaces", "", "create delete"),
    ("", "serviceaccounts", "", "create impersonate"),
    ("", "serviceaccounts", "token", "create"),
    ("skytask.dev", "skytasks", "", "patch update deletecollection"),
    ("rbac.authorization.k8s.io", "roles", "", "create escalate bind"),
];

/// What is deleted is deleted one by one, and never a claim.
const OPERATOR_MAY_NOT: &[Right] = &[
    ("batch", "jobs", "", "deletecollection patch update"),
    ("", "persistentvolumeclaims", "", "delete update"),
    ("", "services", "", "deletecollection list"),
    ("", "configmaps", "", "deletecollection list"),
    ("skytask.dev", "skytasks", "", "create"),
    ("", "secrets", "", "delete"),
];

/// Only the operator creates children.
const GATEWAY_MAY_NOT: &[Right] = &[
    ("batch", "jobs", "", "create delete"),
    ("", "persistentvolumeclaims", "", "create delete"),
    ("", "services", "", "create"),
    ("", "configmaps", "", "create"),
    ("skytask.dev", "skytasks", "status", "patch update"),
];

#[tokio::test(flavor = "multi_thread")]
async fn are_what_is_needed_and_no_more() {
    let reviews: Api<SubjectAccessReview> = Api::all(client().await);
    let table = [
        (OPERATOR, "default", OPERATOR_MAY, true),
        (GATEWAY, "default", GATEWAY_MAY, true),
        (OPERATOR, "default", NOBODY_MAY, false),
        (GATEWAY, "default", NOBODY_MAY, false),
        (OPERATOR, "default", OPERATOR_MAY_NOT, false),
        (GATEWAY, "default", GATEWAY_MAY_NOT, false),
        (OPERATOR, "skytask-system", OPERATOR_MAY_OF_ITSELF, true),
        (OPERATOR, "default", OPERATOR_MAY_OF_THE_CLUSTER, true),
        (GATEWAY, "default", OPERATOR_MAY_OF_THE_CLUSTER, false),
        // Only the watched namespace.
        (OPERATOR, "kube-system", OPERATOR_MAY, false),
        (GATEWAY, "kube-system", GATEWAY_MAY, false),
    ];
    for (user, namespace, rights, expected) in table {
        for (group, resource, subresource, verbs) in rights {
            let of = |verb: &str| attributes(namespace, (group, resource, subresource), "", verb);
            for verb in verbs.split(' ') {
                let allowed = may(&reviews, user, of(verb)).await;
                assert_eq!(allowed, expected, "{user} {verb} {resource}/{subresource} in {namespace}");
            }
        }
    }
    let leases = ("coordination.k8s.io", "leases", "");
    for (namespace, name, verbs, expected) in [
        ("skytask-system", LEASE, "get update", true),
        ("skytask-system", "", "create", true),
        ("skytask-system", "another", "get update", false),
        ("skytask-system", LEASE, "delete patch list watch", false),
        ("default", LEASE, "get update", false),
        ("kube-system", "kube-scheduler", "get update", false),
    ] {
        for verb in verbs.split(' ') {
            let allowed = may(&reviews, OPERATOR, attributes(namespace, leases, name, verb)).await;
            assert_eq!(allowed, expected, "{verb} lease {name:?} in {namespace}");
        }
    }
}

fn attributes(
    namespace: &str,
    (group, resource, subresource): (&str, &str, &str),
    name: &str,
    verb: &str,
) -> ResourceAttributes {
    let set = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    ResourceAttributes {
        namespace: set(namespace),
        group: Some(group.to_owned()),
        resource: set(resource),
        subresource: set(subresource),
        name: set(name),
        verb: set(verb),
        ..ResourceAttributes::default()
    }
}

async fn may(reviews: &Api<SubjectAccessReview>, user: &str, attributes: ResourceAttributes) -> bool {
    let spec = SubjectAccessReviewSpec {
        user: Some(user.to_owned()),
        resource_attributes: Some(attributes),
        ..SubjectAccessReviewSpec::default()
    };
    let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
    reviews.create(&PostParams::default(), &review).await.expect("a review").status.expect("an answer").allowed
}
