"""Programs that run inside the runtime: they are copied to the guest's Python path.

Nothing outside the guest imports them; the SDK that they use is `wasmnb.sdk`.
"""
