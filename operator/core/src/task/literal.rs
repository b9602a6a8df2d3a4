//! Values that must reach a container as they were written.

/// `text` such that Kubernetes hands it over unchanged: in command, args and env values it expands `$(X)` and turns `$$`
/// into `$`, so every `$` is written twice.
pub(crate) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Kubernetes' expansion (k8s.io/kubernetes third_party/forked/golang/expansion), for names that do not resolve.
    fn expand(text: &str) -> String {
        let (mut out, mut rest) = (String::new(), text);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                rest = after;
                out.push('$');
            } else if rest.starts_with('(') && rest.contains(')') {
                out.push_str("<expanded>");
                rest = &rest[rest.find(')').unwrap_or(0) + 1..];
            } else {
                out.push('$');
            }
        }
        out + rest
    }

    proptest! {
        #[test]
        fn kubernetes_gives_back_what_was_written(text in "[$()A-Z a-z{}\"'!é]{0,40}") {
            prop_assert_eq!(expand(&literal(&text)), text);
        }
    }
}
