"""A Keras model's configuration as data: which layers convolve, and the shapes that were known when it was saved."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from convt.capture.seen import Captured, NotACase, Seen, Unreadable
from convt.capture.words import keras_layer
from convt.conv.settings import Settings

LAYER = re.compile(r"(Depthwise|Separable)?Conv(olution)?([123])D(Transpose)?")
MOST_DEPTH = 60
NO_GROUPS = re.compile(r"(Depthwise|Separable)Conv[12]D|Conv[123]DTranspose")
"""Layers that Keras 2 writes `groups: 1` for, and Keras 3 knows no groups of."""
OWN = re.compile(r"keras(\.|$)|builtins$|tf_keras(\.|$)")
"""The modules that a configuration may name and be rebuilt without the user's own code."""


CODE = ("Lambda", "__lambda__", "TorchModuleWrapper", "TFSMLayer", "JaxLayer", "FlaxLayer")
"""Keras's own layers that hold or load a program of anybody's."""


class Incomplete(Exception):
    """What the configuration does not tell; the model has to be rebuilt to know."""


def items(value: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """Every mapping in a configuration, outer ones first."""
    if depth > MOST_DEPTH:
        raise Unreadable(f"found a configuration {MOST_DEPTH} deep, accepted one less deep")
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from items(inner, depth + 1)


def foreign(config: Any) -> list[str]:
    """Layers and functions whose code is not Keras's own, or not there; and files that a layer would read."""
    found: dict[str, None] = {}
    for item in items(config):
        name, module = item.get("class_name"), item.get("module")
        registered = item.get("registered_name")
        theirs = isinstance(module, str) and not OWN.match(module)
        if isinstance(name, str) and (theirs or name in CODE or _custom(registered)):
            found[str(registered or name)] = None
        inner = item.get("config")
        if isinstance(inner, dict) and isinstance(inner.get("vocabulary"), str):
            found[f"the file {inner['vocabulary']}"] = None
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
    """The settings of a layer by its name's parts; two of a separable one: of each channel, and of each position."""
    rank = match[3]
    if match[1] != "Separable":
        word = f"{match[1] or ''}Conv{rank}D{match[4] or ''}"
        return [keras_layer(word, said, shape)]
    deep = keras_layer(f"DepthwiseConv{rank}D", {**said, "use_bias": False}, shape)
    between = [deep.batch, *deep.output, deep.channels_out]
    last = {"filters": said["filters"], "kernel_size": 1, "use_bias": said.get("use_bias", True)}
    return [deep, keras_layer(f"Conv{rank}D", last, between)]


def _dtype(said: Mapping[str, Any]) -> str:
    """The dtype in which a layer computes; policies are `mixed_bfloat16` and the like."""
    policy = said.get("dtype")
    inner = policy.get("config") if isinstance(policy, dict) else None
    name = inner.get("name") if isinstance(inner, dict) else policy
    return str(name or "float32").removeprefix("mixed_")
