"""Shared data and shared queues."""

from ..scenario import Plug, Scenario, Send, Wait, maker

S = maker("shared")

SCENARIOS: list[Scenario] = [
    S(
        "compare and swap",
        [Send(), Send(script="on_request_headers: get_shared_data k")],
        """
        on_request_headers:
            get_shared_data k
            set_shared_data k v1 5
            get_shared_data k
            set_shared_data k v2 0
            get_shared_data k
            set_shared_data k v3 1
            get_shared_data k
            set_shared_data k v4 3
            get_shared_data k
            set_shared_data k2 x 0
            get_shared_data k2
            set_shared_data k _ 0
            get_shared_data k
            get_shared_data _
            set_shared_data _ e 0
            get_shared_data _
        """,
    ),
    S(
        "register, resolve, enqueue, dequeue",
        [Send()],
        """
        on_request_headers:
            dequeue_shared_queue 1
            enqueue_shared_queue 1 x
            resolve_shared_queue _ q1
            resolve_shared_queue vm1 q1
            register_shared_queue q1
            register_shared_queue q1
            resolve_shared_queue _ q1
            resolve_shared_queue vm1 q1
            resolve_shared_queue other q1
            dequeue_shared_queue 1
            enqueue_shared_queue 1 m1
            enqueue_shared_queue 1 m2
            dequeue_shared_queue 1
        """,
    ),
    S(
        "a queue of another vm_id, one worker: two notifications, the second finds nothing",
        [Send(), Wait(0.1)],
        plugins=(
            Plug(
                """
                on_configure:
                    register_shared_queue qq
                on_queue_ready:
                    dequeue_shared_queue $
                    dequeue_shared_queue $
                """,
                name="recv",
                root_id="recv",
                vm_id="vmR",
            ),
            Plug(
                """
                on_request_headers:
                    resolve_shared_queue vmR qq
                    enqueue_shared_queue $ msg
                    enqueue_shared_queue $ msgB
                """,
                name="send",
                root_id="send",
                vm_id="vmS",
            ),
        ),
    ),
    S(
        "an item from the main thread reaches the worker that registered last",
        [Wait(0.3)],
        """
        on_configure:
            register_shared_queue qq
        on_queue_ready:
            dequeue_shared_queue $
        """,
        services=(
            Plug(
                """
                on_configure:
                    set_tick_period_milliseconds 100
                on_tick:
                    resolve_shared_queue vm1 qq
                    enqueue_shared_queue $ m
                    set_tick_period_milliseconds 0
                """,
                name="svc",
                root_id="svc",
                vm_id="vmS",
                options={"singleton": True},
            ),
        ),
    ),
    S(
        "shared data is seen by every VM of the vm_id",
        [Send()],
        """
        on_configure:
            get_shared_data k
            set_shared_data k v 0
        on_request_headers:
            get_shared_data k
        """,
        show_start=True,
    ),
]
