//! Master keys, and the session keys that are derived from them (RFC 3711 section 4.3, RFC 6188 section 3).

use std::fmt;

use aes::cipher::{BlockCipherEncrypt, InnerIvInit, KeyInit, StreamCipher};
use aes::{Aes128, Aes256};
use ctr::CtrCore;
use ctr::flavors::Ctr128BE as Flavor;

use super::{Protocol, Suite};

const MAX_KEY: usize = 32;
const MAX_SALT: usize = 14;
/// Octets of an HMAC-SHA1 key (RFC 3711 section 5.2).
const AUTHENTICATION_KEY: usize = 20;

/// The octets handed over are not of the suite's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadKey {
    /// Octets that the suite wants: key and salt.
    pub wanted: usize,
}

impl fmt::Display for BadKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "key and salt of this suite have {} octets",
            self.wanted
        )
    }
}

impl std::error::Error for BadKey {}

/// Master key and salt of one direction. Its octets appear in no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct MasterKey {
    suite: Suite,
    key: [u8; MAX_KEY],
    salt: [u8; MAX_SALT],
}

impl MasterKey {
    /// From key and salt one after the other, as `a=crypto` and DTLS-SRTP hand them over.
    ///
    /// # Errors
    /// Their length is not the suite's.
    pub fn new(suite: Suite, octets: &[u8]) -> Result<Self, BadKey> {
        let (key_length, salt_length) = (suite.key_length(), suite.salt_length());
        if octets.len() != key_length + salt_length {
            return Err(BadKey {
                wanted: key_length + salt_length,
            });
        }
        let mut master = Self {
            suite,
            key: [0; MAX_KEY],
            salt: [0; MAX_SALT],
        };
        master.key[..key_length].copy_from_slice(&octets[..key_length]);
        // A salt of 96 bits is shifted to the left (RFC 7714 section 11).
        master.salt[..salt_length].copy_from_slice(&octets[key_length..]);
        Ok(master)
    }

    /// How packets are protected with it.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    pub(super) fn session(&self, protocol: Protocol) -> SessionKeys {
        let labels: [u8; 3] = match protocol {
            Protocol::Rtp => [0, 1, 2],
            Protocol::Rtcp => [3, 4, 5],
        };
        let mut keys = SessionKeys {
            cipher: [0; MAX_KEY],
            authentication: [0; AUTHENTICATION_KEY],
            salt: [0; MAX_SALT],
        };
        let cipher_key = &mut keys.cipher[..self.suite.key_length()];
        self.derive(labels[0], cipher_key);
        self.derive(labels[1], &mut keys.authentication);
        self.derive(labels[2], &mut keys.salt[..self.suite.salt_length()]);
        keys
    }

    /// The key stream for one label: the key derivation rate is 0, so nothing but the label enters.
    fn derive(&self, label: u8, out: &mut [u8]) {
        let mut iv = [0; 16];
        iv[..MAX_SALT].copy_from_slice(&self.salt);
        iv[7] ^= label;
        out.fill(0);
        if self.suite.key_length() == 16 {
            let mut key = [0; 16];
            key.copy_from_slice(&self.key[..16]);
            key_stream(&Aes128::new(&key.into()), iv, out);
        } else {
            key_stream(&Aes256::new(&self.key.into()), iv, out);
        }
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "MasterKey({})", self.suite.name())
    }
}

/// Adds the key stream of `cipher` in counter mode to `octets`.
pub(super) fn key_stream<C>(cipher: &C, iv: [u8; 16], octets: &mut [u8])
where
    C: BlockCipherEncrypt<BlockSize = aes::cipher::consts::U16>,
{
    let core = CtrCore::<&C, Flavor>::inner_iv_init(cipher, &iv.into());
    ctr::cipher::StreamCipherCoreWrapper::from_core(core).apply_keystream(octets);
}

/// What protects the packets of one protocol in one direction.
pub(super) struct SessionKeys {
    /// As long as the master key; the rest is zero.
    pub(super) cipher: [u8; MAX_KEY],
    pub(super) authentication: [u8; AUTHENTICATION_KEY],
    /// As long as the master salt; the rest is zero.
    pub(super) salt: [u8; MAX_SALT],
}
