"""The subcommands of `convt`: each file declares its options and runs them; the engine does the work."""
