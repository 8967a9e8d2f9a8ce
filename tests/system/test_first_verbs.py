"""What comes amid the first verb of a session: signals, whose handlers raise or use the cloud."""

import pytest

from tests.support.processes import Place

PROGRAM = """\
import signal
import picloud as cloud

def strike(*_):
    raise KeyboardInterrupt

def use(*_):
    answers.append(session.result(session.call(abs, -2), 20))

signal.signal(signal.SIGALRM, {handler})
for step in range(12):
    answers = []
    session = cloud.embedded(workers=1)
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + step * 0.004)
    try:
        try:
            session.call(abs, -1)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        pass
    assert session.result(session.call(abs, -3), 20) == 3
    assert answers in ([], [2])
    session.close()
print("done")
"""


@pytest.mark.parametrize("handler", ["strike", "use"])
def test_signals_amid_it_leave_the_session_usable(place: Place, handler: str) -> None:
    assert place.output(place.script(PROGRAM.replace("{handler}", handler))) == "done\n"
    assert list(place.state.rglob("worker-*")) == []
