//! The certificate that a node shows in DTLS handshakes. Peers know it by its fingerprint; it is self-signed.

use dimpl::certificate::{calculate_fingerprint, generate_self_signed_certificate};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// A new self-signed certificate (ECDSA, P-256) and its private key, both DER.
#[pyfunction]
pub(crate) fn generate_certificate() -> PyResult<(Vec<u8>, Vec<u8>)> {
    let made = generate_self_signed_certificate()
        .map_err(|error| PyOSError::new_err(format!("no certificate could be made: {error}")))?;
    Ok((made.certificate, made.private_key))
}

/// SHA-256 of a certificate.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "bytes of Python")]
pub(crate) fn certificate_fingerprint(certificate: Vec<u8>) -> Vec<u8> {
    calculate_fingerprint(&certificate)
}
