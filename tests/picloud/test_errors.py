"""What users catch."""

import pickle

from picloud import errors


def test_plain_errors_can_be_pickled() -> None:
    error = errors.AccessDenied("no", 3, "queued", "ask")
    error.add_note("n")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.jid, again.status, again.hint) == ("no\nTIP: ask", 3, "queued", "ask")
    assert again.__notes__ == ["n"]
