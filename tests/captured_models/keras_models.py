"""Networks of keras.applications, with random weights."""

from __future__ import annotations

from typing import Any


def mobilenet_v2() -> Any:
    import keras

    return keras.applications.MobileNetV2(weights=None)


def resnet50() -> Any:
    import keras

    return keras.applications.ResNet50(weights=None)


def efficientnet_b0() -> Any:
    import keras

    return keras.applications.EfficientNetB0(weights=None)
