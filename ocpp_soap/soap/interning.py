"""Keeps lxml from remembering every name it ever read.

lxml interns the names of elements, attributes and namespaces in a dictionary for each thread that only grows, so that
a peer who makes up new names for each message fills the memory (measured: 0.4 MB for each message of 9,000 names). The
dictionary lives in the thread's state under a key of lxml's; without it, the next parse begins a new one, and the old
one goes with the last document that uses it.
"""

from __future__ import annotations

import ctypes

_KEY = "_ParserDictionaryContext"
ENOUGH = 16 * 1024
"""Bytes parsed in a thread after which its names are let go of: a new dictionary costs as much as a small parse."""

_state_of_thread = ctypes.pythonapi.PyThreadState_GetDict
_state_of_thread.argtypes = []
_state_of_thread.restype = ctypes.c_void_p


def forget_names() -> None:
    """Let go of the names that this thread's parses have met. Documents that are still in use keep theirs.

    A parser that was used before is to be dropped too, since it holds the names as well.
    """
    state = _state_of_thread()
    if state:
        ctypes.cast(state, ctypes.py_object).value.pop(_KEY, None)
