from picloud_master.store.memory import MemoryStore


def test_records_are_stored_as_soon_as_it_is_asked_for() -> None:
    assert MemoryStore().commit([]) is None


def test_nothing_outlives_the_process() -> None:
    assert not MemoryStore().durable
