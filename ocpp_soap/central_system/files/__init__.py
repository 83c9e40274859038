"""The area for diagnostics and firmware files: who may move which file until when, and what stations uploaded."""
