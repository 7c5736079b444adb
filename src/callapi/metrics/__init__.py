"""Floor 4, metrics: counters of call events and figures of the node, as OpenMetrics at `/metrics`.

The room subscribes to the bus of call events and knows no other source of them; figures that rooms keep themselves
(packets, transactions, rows of the outbox) come in as one `NodeFigures` value for each scrape. Labels are bounded:
neither a caller nor an application can add a time series at will.
"""

from callapi.metrics.call_metrics import CallMetrics
from callapi.metrics.exposition import MetricsEndpoint
from callapi.metrics.figures import NodeFigures

__all__ = ["CallMetrics", "MetricsEndpoint", "NodeFigures"]
