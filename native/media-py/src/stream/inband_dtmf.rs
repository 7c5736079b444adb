//! Keys that a party without RFC 4733 presses: tones in its audio.

use media_core::codec::Decoder;
use media_core::codec::codecs;
use media_core::dtmf::inband::Detector;
use media_core::stream::hearing::Coding;

use crate::stream::format::Format;

/// Decodes and listens; only for parties that agreed on no events, since it costs ten times a relayed packet.
pub(crate) struct InbandDtmf {
    decoder: Box<dyn Decoder + Send>,
    detector: Detector,
    pcm: Vec<i16>,
}

impl InbandDtmf {
    /// For a party that speaks `coding`; `None` if it sends events.
    pub(crate) fn open(format: &Format, coding: &Coding) -> Option<Self> {
        if format.receive_event.is_some() {
            return None;
        }
        let (_, decoder) = codecs::open(&coding.codec, &coding.fmtp).ok()?;
        Some(Self {
            detector: Detector::new(decoder.sample_rate()),
            decoder,
            pcm: Vec::new(),
        })
    }

    /// Listens to one packet; returns the digit that begins in it.
    pub(crate) fn receive(&mut self, payload: &[u8]) -> Option<char> {
        self.pcm.clear();
        self.decoder.decode(payload, &mut self.pcm);
        let mut pressed = None;
        // A packet is too short for two digits.
        self.detector.hear(&self.pcm, |digit| pressed = Some(digit));
        pressed
    }
}
