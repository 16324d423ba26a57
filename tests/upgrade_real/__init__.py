"""Upgrades of releases that are downloaded, and of every liar: `tox run -e upgrade-tests`."""
