"""The same targets, led by what they reach: `python -m fuzz.guided TARGET FOLDER [libFuzzer's options]`.

`FOLDER` collects inputs that reached something new, and is filled from the corpus first. atheris (the extra `fuzz`)
has no wheel for every Python; `test_fuzz.py` needs nothing of it.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["callapi"]):
    from fuzz import targets

HERE = Path(__file__).parent
TARGETS: dict[str, tuple[Callable[[bytes], None], tuple[Path, ...]]] = {
    "streams": (targets.streams, (HERE / "corpus/streams",)),
    "sip": (targets.sip, (HERE / "corpus/sip", HERE.parent / "tests/sip/rfc4475")),
    "sdp": (targets.sdp, (HERE / "corpus/sdp",)),
    "rcml": (targets.rcml, (HERE / "corpus/rcml",)),
    "audio": (targets.audio, ()),
}


def _seeds(folders: tuple[Path, ...]) -> Iterator[bytes]:
    for folder in folders:
        yield from (path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix != ".py")


def main() -> None:
    """Fill the folder and run until libFuzzer's options say stop; leaves with its exit status."""
    name, folder, *options = sys.argv[1:]
    target, corpus = TARGETS[name]
    work = Path(folder)
    work.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(_seeds(corpus) if corpus else targets.sounds()):
        (work / f"seed-{number}").write_bytes(seed)

    def run(data: bytes) -> None:
        target(data)

    atheris.Setup([sys.argv[0], *options, str(work)], run)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
