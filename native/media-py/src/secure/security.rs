//! Keys, DTLS and ICE of offer and answer, as they come from Python.

use std::fmt;
use std::net::SocketAddr;

use is::IceCreds;
use media_core::srtp::{MasterKey, Suite};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::secure::dtls_leg::DtlsSetup;
use crate::secure::handshake::DtlsParameters;
use crate::secure::ice::IceParameters;
use crate::secure::keying::SrtpKeys;
use crate::stream::format::Address;

/// `callapi.media.plane.types.SrtpKeys`.
#[derive(FromPyObject)]
pub(crate) struct Keys {
    suite: String,
    send: Vec<u8>,
    receive: Vec<u8>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Keys({})", self.suite)
    }
}

impl Keys {
    /// Checked; raises `ValueError`.
    pub(crate) fn into_keys(self) -> PyResult<SrtpKeys> {
        let suite = Suite::by_name(&self.suite)
            .ok_or_else(|| PyValueError::new_err(format!("{} is not an SRTP suite", self.suite)))?;
        let key = |octets: &[u8]| {
            MasterKey::new(suite, octets).map_err(|error| PyValueError::new_err(error.to_string()))
        };
        Ok(SrtpKeys {
            send: key(&self.send)?,
            receive: key(&self.receive)?,
        })
    }
}

/// `callapi.media.plane.types.DtlsParameters`.
#[derive(Debug, FromPyObject)]
pub(crate) struct Dtls {
    is_client: bool,
    fingerprints: Vec<Vec<u8>>,
}

/// `callapi.media.plane.types.IceParameters`.
#[derive(FromPyObject)]
pub(crate) struct IceOf {
    local_ufrag: String,
    local_pwd: String,
    remote_ufrag: String,
    remote_pwd: String,
    candidate: Address,
}

impl fmt::Debug for IceOf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "IceOf({})", self.local_ufrag)
    }
}

impl IceOf {
    fn into_parameters(self) -> PyResult<IceParameters> {
        let candidate: SocketAddr = self.candidate.into_socket_address()?;
        Ok(IceParameters {
            local: IceCreds {
                ufrag: self.local_ufrag,
                pass: self.local_pwd,
            },
            remote: IceCreds {
                ufrag: self.remote_ufrag,
                pass: self.remote_pwd,
            },
            candidate,
        })
    }
}

impl Dtls {
    /// Checked; raises `ValueError`.
    pub(crate) fn into_setup(self, ice: Option<IceOf>) -> PyResult<DtlsSetup> {
        let fingerprint = |octets: Vec<u8>| {
            octets.try_into().map_err(|octets: Vec<u8>| {
                let length = octets.len();
                PyValueError::new_err(format!("a SHA-256 fingerprint has 32 octets, not {length}"))
            })
        };
        let fingerprints = self.fingerprints.into_iter().map(fingerprint);
        Ok(DtlsSetup {
            parameters: DtlsParameters {
                is_client: self.is_client,
                fingerprints: fingerprints.collect::<PyResult<_>>()?,
            },
            ice: ice.map(IceOf::into_parameters).transpose()?,
        })
    }
}
