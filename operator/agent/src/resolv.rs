//! `/etc/resolv.conf`: whom to ask, and the cluster's domain.

use std::net::IpAddr;

/// What a cluster's domain is unless somebody has chosen another.
const USUAL_DOMAIN: &str = "cluster.local";

/// What matters of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolv {
    /// In the order of the file.
    pub servers: Vec<IpAddr>,
    /// Names of Services are in `NAMESPACE.svc.DOMAIN`.
    pub domain: String,
}

impl Resolv {
    /// Reads the file of a pod in this namespace.
    pub fn parse(text: &str, namespace: &str) -> Self {
        let (mut servers, mut domain) = (Vec::new(), None);
        let prefix = format!("{namespace}.svc.");
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                // A zone would be that of another machine's interface.
                Some("nameserver") => servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok())),
                Some("search") => domain = words.find_map(|word| word.strip_prefix(&prefix)),
                _ => {}
            }
        }
        let domain = domain.map_or(USUAL_DOMAIN, |domain| domain.trim_end_matches('.'));
        Self { servers, domain: domain.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_file_is_understood() {
        let text = "search ns.svc.my.domain svc.my.domain my.domain example.com\nnameserver 10.96.0.10\n\
                    # nameserver 1.1.1.1\nnameserver\tfd00::a\nnameserver fe80::1%eth0\noptions ndots:5\n";
        let servers = ["10.96.0.10", "fd00::a"].map(|server| server.parse().unwrap()).to_vec();
        assert_eq!(Resolv::parse(text, "ns"), Resolv { servers, domain: "my.domain".to_owned() });
    }

    #[test]
    fn without_a_search_list_the_domain_is_the_usual() {
        for text in ["", "search svc.my.domain my.domain", "search other.svc.my.domain"] {
            assert_eq!(Resolv::parse(text, "ns"), Resolv { servers: Vec::new(), domain: "cluster.local".to_owned() });
        }
    }
}
