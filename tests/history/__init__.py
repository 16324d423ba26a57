"""Released versions of the frameworks: listed by the installer, judged one environment each, searched and kept."""
