"""Limits that depend on the machine."""

from picloud_master.core.policy import Policy


def test_what_is_unused_takes_little_of_a_small_disk_and_no_more_of_a_large_one() -> None:
    policy = Policy(max_unused_blobs=256 << 20)
    assert policy.for_room(64 << 20).max_unused_blobs == 4 << 20
    assert policy.for_room(1 << 50).max_unused_blobs == 256 << 20
    assert policy.for_room(0).max_unused_blobs == 0
