//! The ciphers: one packet with one index under the session keys of one protocol.

use aes::{Aes128, Aes256};
use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use super::keys::{MasterKey, SessionKeys, key_stream};
use super::{Protocol, RTCP_HEADER, RTCP_INDEX, Suite};
use crate::rtp::MAX_PACKET;

/// Octets of a tag at most.
const MAX_TAG: usize = 16;
/// Octets of the payloads that calls have, but for video.
const SMALL: usize = 512;

/// A tag that was computed over a packet.
pub(super) struct Tag {
    octets: [u8; MAX_TAG],
    length: usize,
}

impl Tag {
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets[..self.length]
    }
}

enum Counter {
    Aes128(Aes128),
    Aes256(Aes256),
}

enum Cipher {
    /// Encrypt, then authenticate.
    Counter(Box<Counter>, Hmac<Sha1>),
    Gcm(Box<LessSafeKey>),
}

/// Session keys, ready for use.
pub(super) struct Transform {
    cipher: Cipher,
    salt: [u8; 14],
    tag_length: usize,
}

/// What is authenticated beside the packet.
#[derive(Clone, Copy)]
pub(super) enum Trailer {
    /// The rollover counter, which no packet carries; in GCM it is in the initialisation vector alone.
    Rollover(u32),
    /// The word with E flag and index that follows an SRTCP packet.
    Index(u32),
}

impl Trailer {
    fn octets(self) -> [u8; 4] {
        match self {
            Self::Rollover(word) | Self::Index(word) => word.to_be_bytes(),
        }
    }
}

/// Which packet it is: what the initialisation vector is made of.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) ssrc: u32,
    /// 48 bits of SRTP, 31 of SRTCP.
    pub(super) index: u64,
}

impl Transform {
    pub(super) fn new(master: &MasterKey, protocol: Protocol) -> Self {
        Self::with_session_keys(master.suite(), &master.session(protocol), protocol)
    }

    /// For the vectors of RFC 7714, which begin with session keys.
    #[cfg(test)]
    pub(super) fn with_session_key(suite: Suite, key: &[u8], salt: &[u8]) -> Self {
        let mut keys = SessionKeys {
            cipher: [0; 32],
            authentication: [0; 20],
            salt: [0; 14],
        };
        keys.cipher[..key.len()].copy_from_slice(key);
        keys.salt[..salt.len()].copy_from_slice(salt);
        Self::with_session_keys(suite, &keys, Protocol::Rtp)
    }

    fn with_session_keys(suite: Suite, keys: &SessionKeys, protocol: Protocol) -> Self {
        let mut short = [0; 16];
        short.copy_from_slice(&keys.cipher[..16]);
        let authentication = || {
            // An HMAC takes keys of any length.
            Hmac::<Sha1>::new_from_slice(&keys.authentication).unwrap_or_else(|_| unreachable!())
        };
        let cipher = match suite {
            Suite::AesCm128Sha1Tag80 | Suite::AesCm128Sha1Tag32 => Cipher::Counter(
                Box::new(Counter::Aes128(Aes128::new(&short.into()))),
                authentication(),
            ),
            Suite::AesCm256Sha1Tag80 | Suite::AesCm256Sha1Tag32 => Cipher::Counter(
                Box::new(Counter::Aes256(Aes256::new(&keys.cipher.into()))),
                authentication(),
            ),
            Suite::Aes128Gcm => Cipher::gcm(UnboundKey::new(&AES_128_GCM, &short)),
            Suite::Aes256Gcm => Cipher::gcm(UnboundKey::new(&AES_256_GCM, &keys.cipher)),
        };
        let tag_length = match protocol {
            Protocol::Rtp => suite.tag_length(),
            Protocol::Rtcp => suite.tag_length().max(10),
        };
        Self {
            cipher,
            salt: keys.salt,
            tag_length,
        }
    }

    /// Octets that a tag takes.
    pub(super) fn tag_length(&self) -> usize {
        self.tag_length
    }

    /// Whether the tag of SRTCP stands before the index (RFC 7714 section 9.3) instead of at the end.
    pub(super) fn is_gcm(&self) -> bool {
        !matches!(self.cipher, Cipher::Counter(..))
    }

    /// Encrypts `packet` from `start` on and returns its tag.
    pub(super) fn seal(
        &self,
        place: Place,
        packet: &mut [u8],
        start: usize,
        trailer: Trailer,
    ) -> Tag {
        let mut tag = Tag {
            octets: [0; MAX_TAG],
            length: self.tag_length,
        };
        match &self.cipher {
            Cipher::Counter(counter, mac) => {
                counter.apply(self.counter_iv(place), &mut packet[start..]);
                let mut mac = mac.clone();
                mac.update(packet);
                mac.update(&trailer.octets());
                let whole = mac.finalize().into_bytes();
                tag.octets[..self.tag_length].copy_from_slice(&whole[..self.tag_length]);
            }
            Cipher::Gcm(key) => {
                tag.octets = seal_gcm(key, self.gcm_iv(place), packet, start, trailer);
            }
        }
        tag
    }

    /// Checks the tag of `packet` and decrypts it from `start` on; false, and unchanged, if the tag is wrong.
    pub(super) fn open(
        &self,
        place: Place,
        packet: &mut [u8],
        start: usize,
        trailer: Trailer,
        tag: &[u8],
    ) -> bool {
        match &self.cipher {
            Cipher::Counter(counter, mac) => {
                let mut mac = mac.clone();
                mac.update(packet);
                mac.update(&trailer.octets());
                let is_genuine = mac.verify_truncated_left(tag).is_ok();
                if is_genuine {
                    counter.apply(self.counter_iv(place), &mut packet[start..]);
                }
                is_genuine
            }
            Cipher::Gcm(key) => {
                let (iv, data) = (self.gcm_iv(place), (start, trailer));
                if packet.len() - start <= SMALL {
                    open_gcm::<SMALL>(key, iv, packet, data, tag)
                } else {
                    open_gcm::<MAX_PACKET>(key, iv, packet, data, tag)
                }
            }
        }
    }

    /// RFC 3711 section 4.1.1.
    fn counter_iv(&self, place: Place) -> [u8; 16] {
        let mut iv = [0; 16];
        iv[4..8].copy_from_slice(&place.ssrc.to_be_bytes());
        iv[8..14].copy_from_slice(&place.index.to_be_bytes()[2..]);
        for (octet, salt) in iv.iter_mut().zip(self.salt) {
            *octet ^= salt;
        }
        iv
    }

    /// RFC 7714 sections 8.1 and 9.1.
    fn gcm_iv(&self, place: Place) -> [u8; 12] {
        let mut iv = [0; 12];
        iv[2..6].copy_from_slice(&place.ssrc.to_be_bytes());
        iv[6..].copy_from_slice(&place.index.to_be_bytes()[2..]);
        for (octet, salt) in iv.iter_mut().zip(self.salt) {
            *octet ^= salt;
        }
        iv
    }
}

/// The associated data (RFC 7714 sections 8.2 and 9.2): the header, and the word of SRTCP after it.
fn with_associated_data<R>(header: &[u8], trailer: Trailer, with: impl FnOnce(&[u8]) -> R) -> R {
    match trailer {
        Trailer::Rollover(_) => with(header),
        Trailer::Index(word) => {
            let mut data = [0; RTCP_HEADER + RTCP_INDEX];
            data[..RTCP_HEADER].copy_from_slice(&header[..RTCP_HEADER]);
            data[RTCP_HEADER..].copy_from_slice(&word.to_be_bytes());
            with(&data)
        }
    }
}

fn seal_gcm(
    key: &LessSafeKey,
    iv: [u8; 12],
    packet: &mut [u8],
    start: usize,
    trailer: Trailer,
) -> [u8; MAX_TAG] {
    let (header, payload) = packet.split_at_mut(start);
    with_associated_data(header, trailer, |data| {
        let nonce = Nonce::assume_unique_for_key(iv);
        // It fails for payloads of 64 GiB only.
        let sealed = key.seal_in_place_separate_tag(nonce, Aad::from(data), payload);
        let mut octets = [0; MAX_TAG];
        if let Ok(tag) = sealed {
            octets.copy_from_slice(tag.as_ref());
        }
        octets
    })
}

/// Opens by way of a copy, since the cipher clears what it writes to when the tag is wrong.
fn open_gcm<const ROOM: usize>(
    key: &LessSafeKey,
    iv: [u8; 12],
    packet: &mut [u8],
    (start, trailer): (usize, Trailer),
    tag: &[u8],
) -> bool {
    let (header, payload) = packet.split_at_mut(start);
    let mut room = [0; ROOM];
    let Some(opened) = room.get_mut(..payload.len()) else {
        return false;
    };
    let is_genuine = with_associated_data(header, trailer, |data| {
        let nonce = Nonce::assume_unique_for_key(iv);
        key.open_separate_gather(nonce, Aad::from(data), payload, tag, opened)
            .is_ok()
    });
    if is_genuine {
        payload.copy_from_slice(opened);
    }
    is_genuine
}

impl Cipher {
    fn gcm(key: Result<UnboundKey, aws_lc_rs::error::Unspecified>) -> Self {
        // A key of the algorithm's length is always taken.
        let key = key.unwrap_or_else(|_| unreachable!());
        Self::Gcm(Box::new(LessSafeKey::new(key)))
    }
}

impl Counter {
    fn apply(&self, iv: [u8; 16], octets: &mut [u8]) {
        match self {
            Self::Aes128(cipher) => key_stream(cipher, iv, octets),
            Self::Aes256(cipher) => key_stream(cipher, iv, octets),
        }
    }
}
