"""Settings on which XLA ends the process instead of compiling, so that a test in the same process leaves them out."""

from __future__ import annotations

from convt.conv.settings import Settings


def aborts(it: Settings) -> bool:
    """Whether XLA takes a spatial axis for a group while it swaps input and kernel, and then finds their sizes differ.

        jax.lax.conv_transpose(jnp.ones((1, 3, 1, 1)), jnp.ones((2, 3, 1, 1)), (2, 1), ((0, 0), (1, 1)))

    Check failed in algebraic_simplifier.cc: Window dimensions do not match RHS shape. XLA swaps where the kernel has
    more taps than the input has positions, and takes for a group an axis of kernel 2 and stride 2 without padding
    around the stuffed input. Source: xla/hlo/transforms/simplifiers/conv_operand_swapper.cc.
    """
    if not it.transposed or it.groups > 1 or min(it.batch, *it.input, *it.output) == 0:
        return False
    taps = places = 1
    grouped = False
    for n, k, s, d, e, (lo, hi), a in zip(
        it.input, it.kernel, it.stride, it.dilation, it.effective, it.crop, it.extra, strict=True
    ):
        before, after = e - 1 - lo, e - 1 - hi + a
        bare = before == after == 0 and d == 1
        if bare and k == s == 2:
            grouped |= n != k
        elif not (bare and k == n and s == 1):
            taps *= k
            places *= k if n == d == 1 and before == after == k - 1 else n
    return grouped and taps > places
