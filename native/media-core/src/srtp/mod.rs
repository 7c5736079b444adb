//! SRTP and SRTCP (RFC 3711) with the suites that SDES and DTLS-SRTP negotiate: AES in counter mode with HMAC-SHA1
//! (RFC 3711, RFC 6188) and AES-GCM (RFC 7714). The ciphers are the `RustCrypto` crates'; what is here is the handling
//! of packets: key derivation, indexes, rollover, replay.
//!
//! Left out on purpose: MKI (such keys are not taken in an offer), key derivation rates, F8, header encryption
//! (RFC 6904), unencrypted SRTCP. Nothing is allocated for a packet, but one table entry for each new SSRC.

mod keys;
mod protector;
#[cfg(test)]
mod tests;
mod transform;
mod unprotector;
mod window;

pub use keys::{BadKey, MasterKey};
pub use protector::Protector;
pub use unprotector::{Rejected, Unprotector};

/// Octets that protection adds to a packet at most: a GCM tag, and the index of SRTCP.
pub const MAX_OVERHEAD: usize = 20;

/// How packets are encrypted and authenticated, under the name of RFC 4568 section 6.2, RFC 6188 and RFC 7714.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`
    AesCm128Sha1Tag80,
    /// `AES_CM_128_HMAC_SHA1_32`; SRTCP has the longer tag.
    AesCm128Sha1Tag32,
    /// `AES_256_CM_HMAC_SHA1_80`
    AesCm256Sha1Tag80,
    /// `AES_256_CM_HMAC_SHA1_32`; SRTCP has the longer tag.
    AesCm256Sha1Tag32,
    /// `AEAD_AES_128_GCM`
    Aes128Gcm,
    /// `AEAD_AES_256_GCM`
    Aes256Gcm,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AesCm128Sha1Tag80,
        Self::AesCm128Sha1Tag32,
        Self::AesCm256Sha1Tag80,
        Self::AesCm256Sha1Tag32,
        Self::Aes128Gcm,
        Self::Aes256Gcm,
    ];

    /// The suite that SDP calls `name`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Its name in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::AesCm128Sha1Tag80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128Sha1Tag32 => "AES_CM_128_HMAC_SHA1_32",
            Self::AesCm256Sha1Tag80 => "AES_256_CM_HMAC_SHA1_80",
            Self::AesCm256Sha1Tag32 => "AES_256_CM_HMAC_SHA1_32",
            Self::Aes128Gcm => "AEAD_AES_128_GCM",
            Self::Aes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// Octets of the master key.
    pub fn key_length(self) -> usize {
        match self {
            Self::AesCm128Sha1Tag80 | Self::AesCm128Sha1Tag32 | Self::Aes128Gcm => 16,
            Self::AesCm256Sha1Tag80 | Self::AesCm256Sha1Tag32 | Self::Aes256Gcm => 32,
        }
    }

    /// Octets of the master salt.
    pub fn salt_length(self) -> usize {
        if self.is_gcm() { 12 } else { 14 }
    }

    fn is_gcm(self) -> bool {
        matches!(self, Self::Aes128Gcm | Self::Aes256Gcm)
    }

    /// Octets of the tag of SRTP; that of SRTCP is never cut to 32 bits.
    fn tag_length(self) -> usize {
        match self {
            Self::AesCm128Sha1Tag80 | Self::AesCm256Sha1Tag80 => 10,
            Self::AesCm128Sha1Tag32 | Self::AesCm256Sha1Tag32 => 4,
            Self::Aes128Gcm | Self::Aes256Gcm => 16,
        }
    }
}

/// What a key has protected a packet for: the two have keys of their own, derived from one master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Rtp,
    Rtcp,
}

/// Fixed part of an RTCP packet, which stays legible (RFC 3711 section 3.4).
const RTCP_HEADER: usize = 8;
/// E flag and index of SRTCP.
const RTCP_INDEX: usize = 4;
/// Set in the word of SRTCP's index if the packet is encrypted.
const ENCRYPTED: u32 = 1 << 31;

fn word_at(octets: &[u8], at: usize) -> u32 {
    octets[at..at + 4]
        .iter()
        .fold(0, |word, octet| word << 8 | u32::from(*octet))
}
