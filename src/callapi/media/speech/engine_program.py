"""A speech engine as a program of its own: `python engine_program.py piper|espeak-ng|whisper ARGUMENTS`.

Run by path and never imported, so that nothing of the engines (their licences, their memory, their crashes) enters
the node's process. It speaks over stdin and stdout: one line of JSON, followed by as many octets as its `bytes` says.
The first line out is `{"ready": true}`; then each request is answered in turn, with `bytes` of PCM or with fields,
or with `error`. It ends when its stdin does, so it never outlives the node.
"""

import ctypes
import json
import math
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import Callable
from importlib import import_module
from typing import Any, BinaryIO

RATE = 16_000
"""Hertz of all audio in and out: 16-bit mono."""
NICENESS = 5
"""Added to the process's nice value, so that packet threads run first."""
MAX_VOICES = 4
"""Voices held in memory at once."""
MAX_LINE = 1 << 20
BEAM = 2
"""Beam size of the decoder: a larger one is slower and hardly better on a sentence."""

Answer = tuple[dict[str, Any], bytes]
Engine = Callable[[dict[str, Any], bytes], Answer]


def piper(_: dict[str, Any]) -> Engine:
    """Requests: `model` (path of the .onnx), `text`."""
    module = import_module("piper")
    quiet = module.SynthesisConfig(volume=0.8)
    voices: OrderedDict[str, Any] = OrderedDict()

    def synthesise(request: dict[str, Any], _: bytes) -> Answer:
        model = request["model"]
        if model not in voices:
            voices[model] = module.PiperVoice.load(model)
            while len(voices) > MAX_VOICES:
                voices.popitem(last=False)
        voices.move_to_end(model)
        voice = voices[model]
        spoken = b"".join(part.audio_int16_bytes for part in voice.synthesize(request["text"], quiet))
        return {}, resampled(spoken, voice.config.sample_rate)

    return synthesise


def espeak_ng(arguments: dict[str, Any]) -> Engine:
    """Arguments: `library`, `data` (empty: the library's own). Requests: `voice`, `text`, `is_markup`."""
    library = ctypes.CDLL(arguments["library"])
    synchronous, utf8, ssml, by_character = 2, 1, 0x10, 1
    data = arguments["data"].encode() or None
    rate = library.espeak_Initialize(synchronous, 0, data, 1 << 15)
    if rate <= 0:
        raise RuntimeError("espeak-ng cannot read its data")
    spoken = bytearray()

    def take(samples: Any, count: int, _: Any) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, count * 2))
        return 0

    sink = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)(take)

    def synthesise(request: dict[str, Any], _: bytes) -> Answer:
        _set_voice(library, request["voice"])
        library.espeak_SetSynthCallback(sink)
        spoken.clear()
        text = request["text"].encode()
        flags = utf8 | (ssml if request["is_markup"] else 0)
        if library.espeak_Synth(text, len(text) + 1, 0, by_character, 0, flags, None, None) != 0:
            raise RuntimeError("espeak-ng did not synthesise")
        library.espeak_Synchronize()
        return {}, resampled(bytes(spoken), rate)

    return synthesise


class _VoiceSpec(ctypes.Structure):
    """`espeak_VOICE` of speak_lib.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def _set_voice(library: ctypes.CDLL, voice: str) -> None:
    """`voice` is a voice's file, or a language, which some are found by alone; `+f2` and the like is a variant."""
    if library.espeak_SetVoiceByName(voice.encode()) == 0:
        return
    language, _, variant = voice.partition("+")
    spec = _VoiceSpec(languages=language.encode())
    if library.espeak_SetVoiceByProperties(ctypes.byref(spec)) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")
    if variant:
        library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_VoiceSpec)
        file = library.espeak_GetCurrentVoice().contents.identifier.decode().rpartition("/")[2]
        library.espeak_SetVoiceByName(f"{file}+{variant}".encode())


def whisper(arguments: dict[str, Any]) -> Engine:
    """Arguments: `model` (a directory), `threads`. Requests: `rate`, `language` (or null), `hints`, and the PCM."""
    numpy = import_module("numpy")
    model = import_module("faster_whisper").WhisperModel(
        arguments["model"],
        device="cpu",
        compute_type="int8",
        cpu_threads=arguments["threads"],
        local_files_only=True,
    )

    def recognise(request: dict[str, Any], pcm: bytes) -> Answer:
        if request["language"] not in {None, "en"} and not model.model.is_multilingual:
            raise ValueError("the model understands English alone; speech.recogniser_model can name another")
        pcm = resampled(pcm, request["rate"])
        samples = numpy.frombuffer(pcm, numpy.int16).astype(numpy.float32) / 32768
        segments, about = model.transcribe(
            samples,
            language=request["language"],
            hotwords=request["hints"] or None,
            beam_size=BEAM,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
        )
        heard = [each for each in segments if each.text.strip()]
        weights = sum(len(each.tokens) for each in heard) or 1
        likelihood = sum(each.avg_logprob * len(each.tokens) for each in heard) / weights
        silence = max((each.no_speech_prob for each in heard), default=1.0)
        fields = {
            "text": " ".join(each.text.strip() for each in heard),
            "confidence": math.exp(min(likelihood, 0.0)) if heard else 0.0,
            "silence": silence,
            "language": about.language,
        }
        return fields, b""

    return recognise


ENGINES: dict[str, Callable[[dict[str, Any]], Engine]] = {
    "piper": piper,
    "espeak-ng": espeak_ng,
    "whisper": whisper,
}


def resampled(pcm: bytes, rate: int) -> bytes:
    """16-bit mono `pcm` at `rate` Hz, at RATE."""
    if rate == RATE or not pcm:
        return pcm
    numpy = import_module("numpy")
    samples = numpy.frombuffer(pcm, numpy.int16)
    out: bytes = import_module("soxr").resample(samples, rate, RATE).astype(numpy.int16).tobytes()
    return out


def serve(engine: Engine, requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there are no more."""
    while line := requests.readline(MAX_LINE):
        request = json.loads(line)
        body = requests.read(request["bytes"])
        try:
            fields, pcm = engine(request, body)
        except Exception as error:  # supervisor: the failure is answered, the next request may succeed
            fields, pcm = {"error": f"{type(error).__name__}: {error}"[:500]}, b""
        write(answers, fields, pcm)


def write(answers: BinaryIO, fields: dict[str, Any], pcm: bytes = b"") -> None:
    """One answer."""
    answers.write(json.dumps({**fields, "bytes": len(pcm)}).encode() + b"\n" + pcm)
    answers.flush()


def main() -> None:
    """Keep stdout for answers alone (libraries print to stderr), load, serve.

    Ctrl-C is the node's: it goes on speaking while it drains.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    os.nice(NICENESS)
    arguments = json.loads(sys.argv[2])
    engine = ENGINES[sys.argv[1]](arguments)
    write(answers, {"ready": True})
    serve(engine, sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
