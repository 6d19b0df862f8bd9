"""Programs that run inside the runtime: they are copied to the guest's Python path.

Code outside the guest doesn't import them; the SDK that they use is `wasmnb.sdk`.
"""
