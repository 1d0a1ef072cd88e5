"""The laws that plugins keep, and judging one by them: public in :mod:`bionic_core.testing`."""
