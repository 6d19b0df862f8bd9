"""From source text to the filter's classes: parts, local modules, callbacks, exports, and errors of loading.

The calls of the loaded classes are in `wasmnb.sdk.dispatch`.
"""
