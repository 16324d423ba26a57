"""How each framework's users write a convolution: `module:Class` by the name that translations take, in their order."""

from __future__ import annotations

DIALECTS = {
    "torch": f"{__package__}.pytorch.words:Torch",
    "keras": f"{__package__}.keras.words:Keras",
    "tensorflow": f"{__package__}.tensorflow.words:TensorFlow",
    "jax": f"{__package__}.jax.words:Jax",
    "flax": f"{__package__}.jax.flax_words:Flax",
    "equinox": f"{__package__}.jax.equinox_words:Equinox",
    "onnx": f"{__package__}.onnxruntime.words:Onnx",
    "yaml": "convt.translation.spec_words:Spec",
}
