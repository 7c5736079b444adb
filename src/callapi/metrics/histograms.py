"""Histograms that are plain lists while calls run, and become families at a scrape.

One observation is a bisection and two additions: a library's histogram takes a lock and three calls for each.
"""

from bisect import bisect_left
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.utils import floatToGoString

_INFINITE: Final = "+Inf"


class Buckets:
    """The observations of one series."""

    __slots__ = ("_bounds", "_counts", "_sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count `value` in the bucket with the lowest bound that is not below it."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def add_to(self, family: HistogramMetricFamily, labels: list[str]) -> None:
        """Add the series to its family, cumulated as the exposition format wants it."""
        bounds = [*map(floatToGoString, self._bounds), _INFINITE]
        cumulated, total = [], 0
        for bound, count in zip(bounds, self._counts, strict=True):
            total += count
            cumulated.append((bound, float(total)))
        family.add_metric(labels, cumulated, self._sum)


class HistogramFamily:
    """A histogram with at most one label; without one its only series is there from the start."""

    __slots__ = ("_about", "_bounds", "_label", "_name", "_series")

    def __init__(self, name: str, about: str, bounds: tuple[float, ...], label: str | None = None) -> None:
        self._name = name
        self._about = about
        self._bounds = bounds
        self._label = label
        self._series: dict[str, Buckets] = {} if label is not None else {"": Buckets(bounds)}

    def observe(self, value: float, label: str = "") -> None:
        """Count `value`; the caller bounds the number of labels."""
        self.series(label).observe(value)

    def series(self, label: str) -> Buckets:
        """The series of `label`, made at its first use."""
        series = self._series.get(label)
        if series is None:
            series = self._series[label] = Buckets(self._bounds)
        return series

    def family(self) -> HistogramMetricFamily:
        """All series."""
        names = [] if self._label is None else [self._label]
        family = HistogramMetricFamily(self._name, self._about, labels=names)
        for label, series in self._series.items():
            series.add_to(family, [label] if names else [])
        return family
