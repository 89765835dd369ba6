"""From when on something is a finding: every threshold, with its reason."""

from __future__ import annotations

from typing import Final

MIB: Final = 1024 * 1024

WINDOW_S: Final = 6 * 3600.0
"""How far back from a session's end, or from now, metrics are looked at: a leak shows in minutes, and older trouble is in the charts."""

GRID_S: Final = 10.0
"""The steps in which several series are compared: Ray's reporter updates its figures every few seconds, the agent looks every five."""

FRESH_S: Final = 60.0
"""How old a value may be and still count as the value at a time: Prometheus takes five minutes, but a node's state changes faster."""

GROWTH_S: Final = 600.0
"""Memory must have grown for ten minutes: a start, a first batch and a garbage collector's cycle are shorter."""

GROWTH_WARM_UP_S: Final = 60.0
"""The first minute of a process does not count: it loads modules, models and its first data. Of a long life a tenth does not."""

GROWTH_WINDOWS: Final = 12
"""Growth is judged by the least value of each twelfth of the time: what a collector frees again is in the peaks, not in the floor."""

GROWTH_FIT: Final = 0.9
"""The floor must lie on a line (r²): a step, as of a loaded model, has 0.75, a sawtooth far less."""

GROWTH_LATE: Final = 0.5
"""In the last third the floor must still rise at half of the whole slope: a cache that fills levels off."""

GROWTH_BYTES: Final = 64 * MIB
"""Less than this is no matter for a node."""

GROWTH_SHARE: Final = 0.25
"""… and it must be this part of what the process had: 64 MiB on a process of 40 GiB is noise."""

NEAR_OOM: Final = 0.90
"""A node this full has little room: Ray kills at 0.95 (RAY_memory_usage_threshold), and one allocation can be 5 % of a node."""

OOM_KILL: Final = 0.95
"""Where Ray's memory monitor begins to kill workers, unless it is set otherwise."""

NEAR_OOM_S: Final = 10.0
"""A peak shorter than this is seen once and cannot be told from a wrong sample."""

SPILLED_BYTES: Final = 10 * MIB
"""Less is a few objects, written and read in a blink."""

IDLE_GPU_PERCENT: Final = 5.0
"""A GPU that works at all shows more: a data loader's gaps still leave tens of per cent on average."""

IDLE_GPU_S: Final = 300.0
"""Loading a model or a data set takes minutes during which a GPU rightly waits."""

BUSY_CPU_PERCENT: Final = 90.0
"""A node whose cores are not all in use is not oversubscribed, whatever its load."""

LOAD_A_CORE: Final = 1.5
"""Runnable threads for each core: at 1 all cores work, at 1.5 every third thread waits."""

OVERSUBSCRIBED_S: Final = 60.0
"""The load average is itself one of the last minute."""

HOT_PERCENT: Final = 80.0
"""A hot node is busy …"""

COOL_PERCENT: Final = 40.0
"""… while half of its peers are less busy than this: at least half of what they have lies idle."""

HOT_PEERS: Final = 2
"""With fewer peers nobody can say which of the nodes is the odd one."""

HOT_S: Final = 120.0
"""Two minutes: shorter than that is one large task, which has to be somewhere."""

HOLDERS: Final = 3
"""Processes that a finding names, those that hold most."""
