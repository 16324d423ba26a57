"""`pytest` in a checkout is the conformance run, with the options of `convt run`."""

pytest_plugins = ["convt.pytest_plugin"]
