"""`python -m tests.benchmarks.onnx_nodes`: ONNX's own node tests on ONNX Runtime's CPU; prints how many ran."""

from __future__ import annotations

import sys
import unittest


def main() -> None:
    """Run every node test, whatever its result, and count those that were not skipped."""
    import onnx.backend.test
    import onnxruntime.backend as backend

    found = (
        onnx.backend.test.BackendTest(backend, __name__)
        .include(r"^test_.*_cpu$")
        .test_cases["OnnxBackendNodeModelTest"]
    )
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(found).run(result)
    sys.stdout.write(f"{result.testsRun - len(result.skipped)}\n")


if __name__ == "__main__":
    main()
