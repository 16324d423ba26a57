"""A model rebuilt from its configuration, in safe mode, and called without numbers."""

from __future__ import annotations

from typing import Any

from convt.capture.children.common import Answer, Refused, told
from convt.capture.children.keras_child import capture, keras_here


def find(question: dict[str, Any]) -> Answer:
    keras = keras_here()
    config = question["config"]
    try:
        if "module" in config:
            model = keras.saving.deserialize_keras_object(config, safe_mode=True)
        else:
            model = _of_keras_2(config)
    except Exception as error:
        raise Refused(f"Keras {keras.__version__} cannot rebuild it: {told(error)}") from error
    if question["weights"]:
        try:
            model.load_weights(question["target"])
        except Exception as error:
            raise Refused(f"its weights cannot be loaded: {told(error)}") from error
    return capture(model, question)


def _of_keras_2(config: Any) -> Any:
    """A model from a configuration as Keras 2 wrote it, without modules."""
    from keras.src.legacy.saving import saving_utils

    return saving_utils.model_from_config(config)
