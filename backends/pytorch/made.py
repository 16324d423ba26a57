"""What is made of a layer: with a batch norm folded in, mapped by vmap, copied, written to a file and read back.

Each computes what the layer computes, by the framework's own tool. Where PyTorch's function is called there is no layer
to make something of, and the function is called as it is; vmap maps either.
"""

from __future__ import annotations

from convt.adapter.backend import Want
from convt.conv.settings import Settings

from .programs import Exported, Lines, Run, Text, indented


class Copied(Text):
    """copy.deepcopy of the layer."""

    imports: tuple[str, ...] = ("copy",)

    def run(self) -> Run:
        if not self.layered:
            return super().run()
        return [*self.layer(), *self.made()], f"run(x{self.given})", self.stateless("run"), self.leaves("run")

    def made(self) -> Lines:
        """The lines that make `run` of `layer`."""
        return ["run = copy.deepcopy(layer)"]

    def plain(self) -> Lines | None:
        return None if self.layered else super().plain()


class Saved(Copied):
    """The layer written to a file as a whole, and read back; then its weights alone, into a layer of the same words."""

    imports = ("io",)

    def made(self) -> Lines:
        fresh = f"{self.bare().replace('layer = ', 'run = ', 1)}.requires_grad_(False)"
        return [
            *["whole, weights = io.BytesIO(), io.BytesIO()", "torch.save(layer, whole)", "whole.seek(0)"],
            *["read = torch.load(whole, weights_only=False)", "torch.save(read.state_dict(), weights)"],
            *["weights.seek(0)", fresh, "run.load_state_dict(torch.load(weights), assign=True)"],
        ]


class Folded(Copied):
    """The layer with a batch norm folded in, which undoes what was done to the layer's weights before.

    Scales are powers of two and means halves of the bias, so that nothing is rounded and the weights come out as given.
    """

    imports = ()

    def made(self) -> Lines:
        it = self.form.settings
        groups, outs, ones = it.groups, it.channels_out, ", 1" * it.rank
        shaped = f"{groups}, -1, {outs // groups}{ones}" if it.transposed else f"-1, 1{ones}"
        if it.transposed:
            divided = f"layer.weight.unflatten(0, ({groups}, -1)) / scale.reshape({groups}, 1, {outs // groups}{ones})"
            divided = f"({divided}).flatten(0, 1)"
        else:
            divided = f"layer.weight / scale.reshape({shaped})"
        lines = [
            f"scale = (2.0 ** (torch.arange({outs}) % 3)).to(w)",
            f"layer.weight = torch.nn.Parameter({divided}, requires_grad=False)",
        ]
        if "b" in self.arrays:
            lines += ["layer.bias = torch.nn.Parameter(layer.bias / scale, requires_grad=False)"]
            mean, shift = "layer.bias / 2", "layer.bias / 2 * scale"
        else:
            mean, shift = f"(torch.arange({outs}) % 5 - 2).to(w)", "norm.running_mean * scale"
        return [
            *lines,
            f"norm = torch.nn.BatchNorm{it.rank}d({outs}, eps=0.0, dtype=w.dtype, device=w.device)",
            f"norm.running_mean.copy_({mean})",
            "norm.weight = torch.nn.Parameter(scale, requires_grad=False)",
            f"norm.bias = torch.nn.Parameter({shift}, requires_grad=False)",
            f"run = torch.nn.utils.fusion.fuse_conv_bn_eval(layer.eval(), norm.eval(), transpose={it.transposed})",
            "run.requires_grad_(False)",
        ]


class Mapped(Text):
    """torch.func.vmap of the layer, or of the function: see `mapped_over`."""

    def plain(self) -> Lines | None:
        return None

    def run(self) -> Run:
        arrays = ", ".join(self.arrays)
        call = f"mapped({arrays})"
        return [], call, call, {name: name for name in self.arrays}

    def received(self, tensor: str, dtype: str) -> str:
        """Of a tensor that may have kept the dtype of x, where another one is due."""
        text = super().received(tensor, dtype)
        if dtype != "bfloat16" or self.dtypes["x"] == dtype:
            return text
        return f"{text} if {tensor}.dtype == torch.bfloat16 else {tensor}.numpy()"

    def above(self, want: Want) -> Lines:
        given, rest = ", ".join(self.arrays), "".join(f", {name}" for name in self.arrays[1:])
        axis = 1 if self.form.settings.transposed else 0
        over = "" if want == "unbatched" else mapped_over(self.form.settings)
        if over == "x":
            body = [f"return torch.func.vmap(lambda item: convolve(item[None]{rest})[0])(x)"]
        elif over == "xw":
            body = ["kernels = w.expand(len(x), *w.shape)"]
            rest = rest.replace(", w", ", kernel")
            body += [f"each = torch.func.vmap(lambda item, kernel: convolve(item[None]{rest})[0])"]
            body += ["return each(x, kernels)"]
        elif over == "w":
            named = "kernel, bias" if "b" in self.arrays else "kernel"
            some = f"kernel.unsqueeze({axis}), bias[None]" if "b" in self.arrays else f"kernel.unsqueeze({axis})"
            body = [f"feature = lambda {named}: convolve(x, {some})[:, 0]"]
            dims = f"({axis}, 0)" if "b" in self.arrays else f"{axis}"
            body += [f"return torch.func.vmap(feature, in_dims={dims}, out_dims=1)({given.removeprefix('x, ')})"]
        else:
            body = [f"return convolve({given})"]
        declared = self.bare() if self.layered else ""
        if over == "w" and self.layered:  # the layer's own words say how many features it has
            declared = declared.replace(f"out_channels={self.form.settings.channels_out}", "out_channels=1")
        return [
            *([declared, "", ""] if declared else []),
            *self.function(),
            *[f"def mapped({given}):", *indented(body), "", ""],
        ]


class Shipped(Exported):
    """torch.export of the layer, written to a file and read back."""

    imports = ("io",)

    def exported(self, made: str) -> Lines:
        lines = ["file = io.BytesIO()", f"torch.export.save({made}, file)", "file.seek(0)"]
        return [*lines, "return torch.export.load(file).module()"]


def mapped_over(it: Settings) -> str:
    """What vmap maps over: "x", "w", or "xw", the items with a kernel of their own each; empty: nothing.

    Batches item by item, those of an odd sum of extents with a copy of the kernel each; a single item's output features
    one by one, where there are no groups of them.
    """
    if it.batch == 0:
        return ""
    if it.batch == 1:
        return "w" if it.groups == 1 else "x"
    return "xw" if sum(it.input) % 2 else "x"


MADE = {"folded": Folded, "vmap": Mapped, "copied": Copied, "saved": Saved, "shipped": Shipped}
"""By mode."""
