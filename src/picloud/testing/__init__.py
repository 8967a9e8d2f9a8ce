"""Clouds of virtual time, for tests of programs that use PiCloud.

from picloud.testing import VirtualCloud

with VirtualCloud(workers=100) as cloud:
    jobs = cloud.map(simulate, range(10_000))
    assert cloud.result(jobs) == ...
    assert cloud.now < 3600 * 101
"""

from picloud.testing.virtual_cloud import VirtualCloud, spend

__all__ = ["VirtualCloud", "spend"]
