"""The conformance suite for transposed convolution: one specification, every framework, one report."""

__version__ = "0.2.0.dev0"
