"""A Keras model's configuration as data: which layers convolve, and the shapes that were known when it was saved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from convt.capture.calls import keras_call
from convt.capture.seen import Captured, NotACase, Seen, Unreadable
from convt.conv.settings import Settings

LAYER = re.compile(r"(Depthwise|Separable)?Conv(olution)?([123])D(Transpose)?")
MOST_DEPTH = 60
NO_GROUPS = re.compile(r"(Depthwise|Separable)Conv[12]D|Conv[123]DTranspose")
"""Layers that Keras 2 writes `groups: 1` for, and Keras 3 knows no groups of."""
OWN = re.compile(r"keras(\.|$)|builtins$|tf_keras(\.|$)")
"""The modules that a configuration may name and be rebuilt without the user's own code."""


class Incomplete(Exception):
    """What the configuration does not tell; the model has to be rebuilt to know."""


def items(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every mapping in a configuration, outer ones first."""
    if depth > MOST_DEPTH:
        return
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from items(inner, depth + 1)


def foreign(config: Any) -> list[str]:
    """Layers and functions that are the user's own, so that their code is not there."""
    found: dict[str, None] = {}
    for item in items(config):
        name, module = item.get("class_name"), item.get("module")
        registered = item.get("registered_name")
        theirs = isinstance(module, str) and not OWN.match(module)
        if isinstance(name, str) and (theirs or name in ("Lambda", "__lambda__") or _custom(registered)):
            found[str(registered or name)] = None
    return list(found)


def _custom(registered: Any) -> bool:
    return isinstance(registered, str) and ">" in registered and not registered.startswith("keras>")


def without_groups(config: Any) -> Any:
    """The configuration as Keras 3 takes it: what Keras 2 wrote for layers that have no groups is left out."""
    for item in items(config):
        inner = item.get("config")
        known = isinstance(inner, dict) and NO_GROUPS.fullmatch(str(item.get("class_name")))
        if known and isinstance(inner, dict) and inner.get("groups") == 1:
            del inner["groups"]
    return config


def layers(config: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every layer that is no model itself, with its name; those of a model inside have the model's before it."""
    if depth > MOST_DEPTH:
        raise Incomplete("models inside models, too deep")
    listed = config.get("layers") or []
    if not isinstance(listed, list) or not all(
        isinstance(layer, dict) and isinstance(layer.get("config"), dict) for layer in listed
    ):
        raise Unreadable("found layers that are none, accepted a list of configurations")
    for layer in listed:
        inner = layer["config"]
        name = prefix + str(layer.get("name") or inner.get("name") or layer.get("class_name"))
        nodes = layer.get("inbound_nodes")
        if isinstance(nodes, list) and len(nodes) > 1:
            raise Incomplete(f"{name} is called {len(nodes)} times")
        if isinstance(inner.get("layers"), list):
            yield from layers(inner, f"{name}/", depth + 1)
        elif isinstance(inner.get("layer"), dict):
            raise Incomplete(f"{name} wraps another layer")
        else:
            yield name, layer


def from_config(config: Mapping[str, Any]) -> Captured:
    """Every convolution, where the configuration tells the shape of each one's input; Incomplete where it does not."""
    found = Captured(trains=True)
    for name, layer in layers(config.get("config") or {}):
        word = str(layer.get("class_name"))
        match = LAYER.fullmatch(word)
        if match is None:
            if "Conv" in word:
                raise Incomplete(f"{name} is a {word}")
            continue
        built = layer.get("build_config")
        shape = built.get("input_shape") if isinstance(built, dict) else None
        if not isinstance(shape, list) or len(shape) < 3 or not all(isinstance(size, int) for size in shape[1:]):
            raise Incomplete(f"the input of {name} has the shape {shape}")
        sizes = [1 if shape[0] is None else shape[0], *shape[1:]]
        try:
            for it in layer_settings(match, layer["config"], sizes):
                found.seen.append(Seen(name, it, _dtype(layer["config"])))
        except (KeyError, TypeError, ValueError, NotACase) as error:
            raise Incomplete(f"{name}: {error}") from None
    return found


def layer_settings(match: re.Match[str], said: Mapping[str, Any], shape: list[int]) -> list[Settings]:
    """The settings of a layer by its name's parts; two of a separable one, each position's after the depthwise's."""
    rank = int(match[3])
    if said.get("data_format") != "channels_first":
        shape = [shape[0], shape[-1], *shape[1:-1]]
    if len(shape) != rank + 2:
        raise NotACase(f"an input of {shape} for {rank} spatial axes")
    kernel = _axes(said["kernel_size"], rank)
    bias = bool(said.get("use_bias", True))
    how = {
        "strides": _axes(said.get("strides", 1), rank), "padding": said.get("padding", "valid"),
        "dilation_rate": _axes(said.get("dilation_rate", 1), rank),
    }  # fmt: skip
    ins = shape[1]
    if match[4]:
        more = said.get("output_padding")
        more = None if more is None else _axes(more, rank)
        channels = (ins, int(said["filters"]))
        return [keras_call("conv_transpose", shape, kernel, channels, 1, bias, output_padding=more, **how)]
    if not match[1]:
        channels = (ins, int(said["filters"]))
        return [keras_call("conv", shape, kernel, channels, int(said.get("groups", 1)), bias, **how)]
    deep = ins * int(said.get("depth_multiplier", 1))
    single = match[1] == "Depthwise"
    first = keras_call("conv", shape, kernel, (ins, deep), ins, bias and single, **how)
    if single:
        return [first]
    point = keras_call("conv", list(first.y_shape), [1] * rank, (deep, int(said["filters"])), 1, bias)
    return [first, point]


def _axes(value: Any, rank: int) -> list[int]:
    found = [value] * rank if isinstance(value, int) else list(value)
    return [int(item) for item in found]


def _dtype(said: Mapping[str, Any]) -> str:
    """The dtype in which a layer computes; policies are `mixed_bfloat16` and the like."""
    policy = said.get("dtype")
    inner = policy.get("config") if isinstance(policy, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else policy
    return str(name or "float32").removeprefix("mixed_")
