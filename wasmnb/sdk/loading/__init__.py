"""From source text to the filter's classes: parts, local modules, callbacks, exports, and errors while loading.

The loaded classes are called from `wasmnb.sdk.dispatch`.
"""
