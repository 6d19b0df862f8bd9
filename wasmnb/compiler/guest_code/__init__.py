"""Python modules that run inside the runtime. They are copied to the guest's Python path, and can use the SDK, `wasmnb.sdk`.

Code outside the guest doesn't import these modules. The code that builds runtimes is in `..runtime_build`.
"""
