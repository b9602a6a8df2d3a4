//! The process-wide TLS implementation.

/// Makes *ring* the implementation that rustls uses in this process; safe to call more than once.
///
/// kube without its default features installs none, and then the first TLS connection panics: call this first in `main`.
pub fn install_crypto_provider() {
    // The error means that a provider is installed already; whoever came first has decided.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    #[test]
    fn installing_twice_is_harmless() {
        super::install_crypto_provider();
        super::install_crypto_provider();
        assert!(rustls::crypto::CryptoProvider::get_default().is_some());
    }
}
