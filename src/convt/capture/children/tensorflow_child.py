"""The convolutions of a SavedModel for inputs of given shapes: it is loaded, its signature is traced for them, and
every function it calls is written into one graph, whose shapes TensorFlow then infers."""

from __future__ import annotations

from typing import Any

from convt.capture.children.common import Answer, Refused, inputs_of, told
from convt.capture.tensorflow_graph import OPS, SPREAD, SPREAD_NOTE

PREFERRED = ("serving_default", "serve")


def find(question: dict[str, Any]) -> Answer:
    try:
        import tensorflow as tf
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    except ImportError as error:
        raise Refused(f"TensorFlow is not installed here ({error}); --python names a Python that has it") from error
    try:
        model = tf.saved_model.load(question["target"])
    except Exception as error:
        raise Refused(f"TensorFlow {tf.__version__} cannot load it: {told(error)}") from error
    names = [name for name in (*PREFERRED, *model.signatures) if name in model.signatures]
    if not names:
        raise Refused("found no signature, accepted one such as serving_default")
    signature = model.signatures[names[0]]
    specs = _specs(tf, signature, question)
    traced = tf.function(lambda **given: signature(**given)).get_concrete_function(**specs)
    graph = convert_variables_to_constants_v2(traced, lower_control_flow=False).graph
    answer = Answer()
    for node, op in _operations(tf, graph, specs):
        _see(tf, answer, node, op, question["weights"])
    return answer


def _specs(tf: Any, signature: Any, question: dict[str, Any]) -> dict[str, Any]:
    """What each input is, by its name, the shapes those that were given."""
    own = signature.structured_input_signature[1]
    given = {key: shape for key, shape, _ in inputs_of(question, list(own))} if question["shapes"] else {}
    places = dict(zip(map(str, range(len(own))), own))  # noqa: B905
    by_name = {places.get(key, key): shape for key, shape in given.items()}
    unknown = [key for key in by_name if key not in own]
    if unknown:
        raise Refused(f"--input-shape: found the input {unknown[0]!r}, accepted {', '.join(own)}")
    found = {}
    for name, spec in own.items():
        shape = by_name.get(name)
        if shape is None and spec.shape.rank is not None:
            shape = [1 if axis == 0 and size is None else size for axis, size in enumerate(spec.shape)]
        if shape is None or None in shape:
            raise Refused(f"the input {name} has open extents, {spec.shape}: give --input-shape {name}=1,224,224,3")
        found[name] = tf.TensorSpec(shape, spec.dtype, name=name)
    return found


def _operations(tf: Any, graph: Any, specs: dict[str, Any]) -> Any:
    """Every node with its operation in the graph, shapes inferred anew for the inputs' own."""
    again = tf.Graph()
    with again.as_default():
        inputs = {}
        for node in graph.as_graph_def().node:
            if node.op == "Placeholder" and node.name in specs:
                inputs[f"{node.name}:0"] = tf.compat.v1.placeholder(specs[node.name].dtype, specs[node.name].shape)
        tf.graph_util.import_graph_def(graph.as_graph_def(), input_map=inputs, name="")
    for operation in again.get_operations():
        if operation.type in OPS:
            yield operation.node_def, operation


def _see(tf: Any, answer: Answer, node: Any, op: Any, weights: bool) -> None:
    x, w = op.inputs[2 if "BackpropInput" in op.type else 0], op.inputs[1]
    shapes = [tensor.shape.as_list() if tensor.shape.rank is not None else None for tensor in (x, w, op.outputs[0])]
    said: dict[str, Any] = {
        "op": op.type, "x": shapes[0], "w": shapes[1], "y": shapes[2], "dtype": x.dtype.name,
        "attributes": {
            **{name: list(node.attr[name].list.i) or None for name in ("strides", "dilations", "explicit_paddings")},
            **{name: node.attr[name].s.decode() or None for name in ("padding", "data_format")},
        },
    }  # fmt: skip
    if shapes[0] is None or shapes[1] is None or None in shapes[0] + shapes[1]:
        said["unknown"] = f"the extents of its input are unknown: {shapes[0]}"
    if op.inputs[0].op.type == SPREAD:
        answer.notes.append(SPREAD_NOTE.format(op.name))
    kernel = None
    if weights:
        held = tf.get_static_value(w)
        kernel = None if held is None else _ours(held, op.type)
    answer.call(op.name.replace("StatefulPartitionedCall/", ""), "tensorflow", said, kernel)


def _ours(numbers: Any, op: str) -> Any:
    """The numbers in the order of a case's kernel."""
    import numpy as np

    numbers = np.asarray(numbers, np.float32)
    if "Depthwise" in op:
        flat = np.moveaxis(numbers.reshape(*numbers.shape[:-2], -1), -1, 0)
        return flat[:, None]
    return np.moveaxis(numbers, (-1, -2), (0, 1))
