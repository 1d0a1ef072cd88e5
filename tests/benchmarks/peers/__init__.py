"""The same work by other libraries, each result compared with ours before anything is timed.

``python -m tests.benchmarks peers`` makes an environment for them
(:mod:`tests.benchmarks.peers.environment`) and starts :mod:`tests.benchmarks.peers.__main__` in it;
``--quick`` stays in this one, on tiny work, and says which of them are not here.
"""
