"""ONNX Runtime: a model of one `ConvTranspose` or `Conv` node, and `Resize`.

Its arrays are ours: channels first, kernels as (in, out/groups, ...) and (out, in/groups, ...). Models come from the
host, in parts between which the weights belong (`models.py`); here they are put together and run.
"""

from __future__ import annotations

import base64
from typing import Any

from convt.adapter.backend import GRADIENTS, MIXED, RESIZES, Backend, Form, Probe, Program, Unsupported, Want
from convt.adapter.heap import checking
from convt.adapter.stress import threads
from convt.adapter.timing import Call
from convt.conv.settings import Settings

from .nodes import CALL_FORMS, INPUTS, as_text, cannot_say, operator

LEVELS = {
    "all": "ORT_ENABLE_ALL",
    "extended": "ORT_ENABLE_EXTENDED",
    "basic": "ORT_ENABLE_BASIC",
    "disabled": "ORT_DISABLE_ALL",
}
WIDTH = 96


class OnnxRuntime(Backend):
    """Inference sessions on the CPU; the mode is the level of graph optimization."""

    name = "onnxruntime"
    modes = tuple(LEVELS)
    lays_out = True
    call_forms = CALL_FORMS
    script_imports = "import base64\n\nimport onnxruntime"

    def __init__(self, mode: str, device: str) -> None:
        super().__init__(mode, device)
        import onnxruntime

        self.onnxruntime = onnxruntime
        self.options = options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, LEVELS[mode])
        options.intra_op_num_threads, options.inter_op_num_threads = threads() or 1, 1
        options.use_deterministic_compute = True
        options.log_severity_level = 4  # its errors come as exceptions too
        options.enable_cpu_mem_arena = not checking()  # within which a block of its own has no bounds

    def versions(self) -> dict[str, str]:
        return {"onnxruntime": self.onnxruntime.__version__}

    def flags(self) -> dict[str, str]:
        options = self.options
        return {
            "graph_optimization_level": options.graph_optimization_level.name,
            "use_deterministic_compute": str(options.use_deterministic_compute),
            "provider": "CPUExecutionProvider",
            "threads": str(options.intra_op_num_threads),
        }

    def unsupported(self, settings: Settings, want: Want = "value", call_form: int = 0) -> str | None:
        if want in RESIZES:
            return None
        if want in GRADIENTS:
            return "ONNX Runtime infers; it has no gradients"
        if want in MIXED:
            return "ONNX Runtime has no mixed precision: a node computes in the dtype of its inputs"
        if want == "unbatched":
            return f"{operator(settings)} takes an input with a batch axis"
        if want == "value" and min(settings.output) == 0:
            return f"{operator(settings)} refuses an output of no positions"
        return cannot_say(settings, call_form)

    def unsupported_dtype(self, dtype: str, settings: Settings, want: Want = "value") -> str | None:
        if want in RESIZES or dtype in ("float16", "float32"):
            return None
        if dtype in ("float64", "bfloat16"):  # the latter is no type at all to an operator before opset 22
            return f"NOT_IMPLEMENTED: could not find an implementation for {operator(settings)} of {dtype}"
        return f"INVALID_GRAPH: type {dtype} of input parameter (x) of operator ({operator(settings)}) is invalid"

    def program(self, form: Form, prepared: Any = None) -> Program:
        it, want = form.settings, form.want
        if want in (*GRADIENTS, *MIXED):
            raise Unsupported(self.unsupported(it, want) or want)
        if isinstance(prepared, str):
            raise Unsupported(prepared)
        names = tuple(form.dtypes)
        said = "Resize" if want in RESIZES else as_text(it, form.call_form, form.invalid)
        feed = names if form.call_form == INPUTS else ("x",)
        values = {"x": "x[0]"} if want == "unbatched" else {}
        fed = ", ".join(f'"{name}": {values.get(name, name)}' for name in feed)
        run = f"session.run(None, {{{fed}}})[0]"
        lines = [
            '    model = b"".join([',
            *(f"        {line}" for part in prepared for line in _literal(part)),
            "    ])",
        ]
        lines += ['    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])']
        source = "\n".join(
            [*self._said_options(), "", "", f"def infer({', '.join(names)}):", *lines, f"    return {run}  # {said}"]
        )
        return Program(f"{source}\n", "infer", names, f"{run}  # {said}")

    def _said_options(self) -> list[str]:
        """The lines that make the options of every session."""
        options = self.options
        return [
            "options = onnxruntime.SessionOptions()",
            f"options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.{LEVELS[self.mode]}",
            f"options.intra_op_num_threads, options.inter_op_num_threads = {options.intra_op_num_threads}, 1",
            "options.use_deterministic_compute = True",
            "options.log_severity_level = 4  # errors come as exceptions too",
            *(["options.enable_cpu_mem_arena = False"] if checking() else []),
        ]

    gradient = invalid_call = resize = Backend.call

    def timed(self, probe: Probe) -> Call:
        """A run of a session that is there already: who infers makes one for many runs."""
        form = Form.of(probe)
        self.program(form, probe.prepared)  # Unsupported where there is none
        named = {name: array for name, array in zip("xwb", probe.arrays, strict=False) if array is not None}
        feed = named if form.call_form == INPUTS else {"x": named["x"]}
        weights = {} if form.call_form == INPUTS else {name: array.tobytes() for name, array in named.items()}
        session = self._session(probe.prepared, weights)
        laid = self.sent(probe, tuple(feed)).arrays
        return lambda: session.run(None, dict(zip(feed, laid, strict=True)))

    def shape_of(self, probe: Probe) -> tuple[int, ...]:
        """The output's shape as the session infers it from the model alone."""
        it = probe.settings
        if probe.want != "shape":
            raise Unsupported("ONNX Runtime captures no graph: it is given one")
        bare = {name: bytes(array.nbytes) for name, array in (("w", probe.w), ("b", probe.b)) if array is not None}
        inferred = self._session(probe.prepared, bare).get_outputs()[0].shape
        if len(inferred) != it.rank + 2 or not all(isinstance(extent, int) for extent in inferred):
            raise Unsupported(f"shape inference leaves extents open: {inferred}")
        return tuple(inferred)

    def _session(self, parts: Any, weights: dict[str, bytes]) -> Any:
        """A session of a model with its weights in their places."""
        model = b"".join(weights[part] if isinstance(part, str) else part for part in parts)
        return self.onnxruntime.InferenceSession(model, self.options, providers=["CPUExecutionProvider"])


def _literal(part: bytes | str) -> list[str]:
    """The lines of a script for one part of a model."""
    if isinstance(part, str):
        return [f"{part}.tobytes(),"]
    text = base64.b64encode(part).decode()
    return ["base64.b64decode(", *(f'    "{text[at : at + WIDTH]}"' for at in range(0, len(text), WIDTH)), "),"]
