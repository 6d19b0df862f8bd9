"""Python modules that run inside the runtime. They are copied to the guest's Python path.

Code outside the guest doesn't import them. They use the SDK, `wasmnb.sdk`.
"""
