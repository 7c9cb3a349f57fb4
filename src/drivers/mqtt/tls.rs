//! TLS for brokers: which authorities are trusted, and the trap's own certificate.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::options::{Options, OptionsError};

/// Where systems keep the authorities they trust, in one file: Debian, Alpine and OpenWrt; Fedora; openSUSE.
const SYSTEM_AUTHORITIES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem"];

/// Overrides [`SYSTEM_AUTHORITIES`], as for OpenSSL.
const AUTHORITIES_VARIABLE: &str = "SSL_CERT_FILE";

/// The settings that `options` ask for; every file is read now, so that a wrong one is told at the start.
pub(super) fn client_config(options: &Options) -> Result<Arc<ClientConfig>, OptionsError> {
    let roots = match &options.ca_file {
        Some(file) => authorities("ca_file", file)?,
        None => system_authorities()?,
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| OptionsError::Tls(e.to_string()))?
        .with_root_certificates(roots);
    let config = match (&options.certificate_file, &options.key_file) {
        (Some(chain), Some(key)) => {
            let chain = certificates("certificate_file", chain)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable("key_file", key, &e))?;
            builder.with_client_auth_cert(chain, key).map_err(|e| OptionsError::Certificate(e.to_string()))?
        }
        _ => builder.with_no_client_auth(),
    };
    Ok(Arc::new(config))
}

fn system_authorities() -> Result<RootCertStore, OptionsError> {
    let named = std::env::var_os(AUTHORITIES_VARIABLE).map(PathBuf::from);
    let known = SYSTEM_AUTHORITIES.iter().map(PathBuf::from);
    let file = named.into_iter().chain(known).find(|file| file.is_file());
    // Some bundles hold a certificate or two that rustls cannot read; the others are good.
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates("ca_file", &file.ok_or(OptionsError::NoAuthorities)?)?);
    if roots.is_empty() { Err(OptionsError::NoAuthorities) } else { Ok(roots) }
}

fn authorities(key: &'static str, file: &Path) -> Result<RootCertStore, OptionsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(key, file)? {
        roots.add(certificate).map_err(|e| unusable(key, file, &e))?;
    }
    Ok(roots)
}

fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, OptionsError> {
    let read = || CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>();
    let found = read().map_err(|e| unusable(key, file, &e))?;
    match found.is_empty() {
        true => Err(unusable(key, file, &"it holds no certificate")),
        false => Ok(found),
    }
}

fn unusable(key: &'static str, file: &Path, what: &dyn std::fmt::Display) -> OptionsError {
    OptionsError::File { key, file: file.to_owned(), what: what.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_missing_or_no_certificates_are_named_with_their_key() {
        let dir = tempfile::tempdir().unwrap();
        let empty = dir.path().join("empty.pem");
        std::fs::write(&empty, "no certificate here\n").unwrap();
        let mut options = Options::new("mqtts://b".parse().unwrap(), "s", "d");
        for (file, why) in [(dir.path().join("none.pem"), "No such file"), (empty, "holds no certificate")] {
            options.ca_file = Some(file.clone());
            let told = client_config(&options).unwrap_err().to_string();
            assert!(told.starts_with("ca_file") && told.contains(why), "{told}");
            assert!(told.contains(&file.display().to_string()), "{told}");
        }
    }
}
