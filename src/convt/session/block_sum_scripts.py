"""The script to paste for a result that is judged by sums: it compares many of its numbers with the definition."""

from __future__ import annotations

from math import prod

import numpy as np

from convt.adapter.backend import Probe
from convt.conv.data import PERIODS
from convt.host.memory import TIMES

CHECK = """\
print(y.shape, y.dtype)
assert y.shape == {shape}, "but should be {shape}"
near, some = np.arange(-500, 500), np.random.default_rng(0)
met = [some.integers(0, extent, 1000) for extent in y.shape[:2]]
for m, k, s, d, lo, n in zip(y.shape[2:], {kernel}, {stride}, {dilation}, {low}, {input}):
    i, j = some.integers(0, n, 1000), some.integers(0, k, 1000)
    met.append(np.clip({lands}, 0, m - 1))  # where a number of the input lands
met = np.ravel_multi_index(met, y.shape)
at = np.concatenate([np.arange(0, y.size, {step}), met, *(place + near for place in (2**16, 2**30, 2**31, y.size))])
at = np.unique(at[(at >= 0) & (at < y.size)])
item, channel, *place = np.unravel_index(at, y.shape)
right = {start}
for tap in np.ndindex(*{kernel}):
    there, source = np.ones(len(at), bool), []
    for o, j, s, d, lo, n in zip(place, tap, {stride}, {dilation}, {low}, {input}):
        moved = {moved}  # s times the position of the input
        there &= (moved % s == 0) & (moved >= 0) & (moved < n * s)
        source.append(np.clip(moved // s, 0, n - 1))
    for i in range({ins}):
        product = x[(item, channel // {outs} * {ins} + i, *source)].astype(float) * {weight}
        right += np.where(there, product, 0)
got = y.flat[at]
wrong = np.flatnonzero(got != right)
print(len(wrong), "of", len(at), "places differ")
for k in wrong[:: len(wrong) // 5 + 1]:
    print(f"{{at[k]:,}}: {{got[k]}}, but should be {{right[k]}}")
"""


def paste_block_sums(imports: str, body: str, probe: Probe) -> str:
    """A whole script that imports only numpy and the framework, and says where y is not what the definition gives."""
    it = probe.settings
    size = prod(it.y_shape)
    gigabytes = size * probe.x.dtype.itemsize / 1e9
    note = [f"# the result takes {gigabytes:.1f} GB, the call up to {TIMES * gigabytes:.0f}"] if gigabytes > 0.1 else []
    given = zip("xwb", (probe.x, probe.w, probe.b), PERIODS, strict=True)
    arrays = [_counted(name, array, period) for name, array, period in given if array is not None]
    ins, outs = it.channels_in // it.groups, it.channels_out // it.groups
    weight = f"w[(channel // {outs} * {ins} + i, channel % {outs}, *tap)]"
    check = CHECK.format(
        shape=it.y_shape, step=size // 99_991 + 1, kernel=it.kernel, stride=it.stride,
        dilation=it.dilation, low=tuple(lo for lo, _ in it.crop), input=it.input, ins=ins, outs=outs,
        start="b[channel].astype(float)" if it.bias else "np.zeros(len(at))",
        moved="o + lo - j * d" if it.transposed else "(o * s - lo + j * d) * s",
        lands="i * s + j * d - lo" if it.transposed else "(i + lo - j * d) // s",
        weight=weight if it.transposed else "w[(channel, i, *tap)]",
    )  # fmt: skip
    return "\n".join([*note, "import numpy as np", *imports.splitlines(), "", *arrays, "", body.rstrip(), check])


def _counted(name: str, array: np.ndarray, period: int) -> str:
    """A line of Python that makes an array of `convt.conv.data.counted`."""
    count = f"np.arange({array.size}) % {period} + 1"
    return f"{name} = ({count}).reshape({tuple(array.shape)}).astype(np.{array.dtype})"
