"""Threads of the notebook that use one proxy at the same time."""

import threading

from tests.host.host_kit import wat
from wasmnb.host import Proxy

BUSY = wat(
    """(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $i i32)
      (loop $l (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if $l (i32.lt_u (local.get $i) (i32.const 300000))))
      (i32.const 0))""",
    name="busy",
)


def test_threads_that_share_a_proxy_take_turns():
    statuses = []

    def send(proxy):
        for _ in range(50):
            statuses.append(proxy.get("/").response.status)

    with Proxy(BUSY, workers=1) as proxy:
        threads = [threading.Thread(target=send, args=(proxy,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert statuses == [200] * 200
        assert proxy.state == "running"
        assert proxy.exchanges.total == 200
