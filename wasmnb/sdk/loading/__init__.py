"""Loading of a filter's source: running it, finding and checking its context classes, and choosing the module's exports.

The methods of the loaded classes are called in `wasmnb.sdk.dispatch`.
"""
