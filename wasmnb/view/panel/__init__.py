"""The live panel: one widget that shows a proxy while it works, and takes wishes (send, advance, restart)."""
