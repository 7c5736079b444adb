"""Floor 4, testing: the kit that plays calls against an application, in virtual time, without ports or audio devices.

The interpreter, the verbs, the parser, the parameters and the signatures are those of a node; only what lies below
(SIP, sound, the clock) is played by the test::

    from callapi.testing import Simulation

    def test_menu():
        with Simulation("http://127.0.0.1:5000") as simulation:
            call = simulation.call("/voice", from_="+15550100", to="1000")
            call.hears("Press 1 for sales")
            call.press("1")
            simulation.phone("sales").answer()
            assert call.status == "in-progress"
"""

from callapi.testing.phones import SimulatedPhone
from callapi.testing.simulation import SimulatedCall, Simulation
from callapi.testing.sockets import ApplicationSocket, AskedSocket
from callapi.testing.web import AskedRequest

__all__ = [
    "ApplicationSocket",
    "AskedRequest",
    "AskedSocket",
    "SimulatedCall",
    "SimulatedPhone",
    "Simulation",
]
