"""`callapi serve` with a watch on the cyclic garbage collector.

    python -m bench.harness.node FIGURES.json serve --config NODE.toml

When the node stops, FIGURES.json holds for each generation how many collections there were after the start, how long
they took together and the longest of them, in milliseconds.
"""

import gc
import json
import sys
import time
from pathlib import Path
from types import TracebackType

from callapi.cli.main import main
from callapi.node.node import Node


class Watch:
    """A `gc` callback that keeps count."""

    def __init__(self) -> None:
        self.pauses: dict[int, list[float]] = {0: [], 1: [], 2: []}
        self._began = 0.0

    def __call__(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            self.pauses[info["generation"]].append((time.perf_counter() - self._began) * 1e3)

    def figures(self) -> dict[str, dict[str, float]]:
        """By generation."""
        return {
            str(generation): {
                "collections": len(pauses),
                "total_ms": round(sum(pauses), 2),
                "longest_ms": round(max(pauses, default=0.0), 3),
            }
            for generation, pauses in self.pauses.items()
        }


def watched(figures: Path, arguments: list[str]) -> int:
    """Run the command line; write the figures when it ends."""
    watch = Watch()
    enter = Node.__aenter__

    async def entered(node: Node) -> Node:
        started = await enter(node)
        gc.callbacks.append(watch)
        return started

    async def left(
        node: Node,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        gc.callbacks.remove(watch)
        figures.write_text(json.dumps(watch.figures()))  # noqa: ASYNC240 - the node is leaving
        await leave(node, kind, error, traceback)

    leave = Node.__aexit__
    Node.__aenter__ = entered  # type: ignore[method-assign, assignment]
    Node.__aexit__ = left  # type: ignore[method-assign, assignment]
    return main(arguments)


if __name__ == "__main__":
    sys.exit(watched(Path(sys.argv[1]), sys.argv[2:]))
