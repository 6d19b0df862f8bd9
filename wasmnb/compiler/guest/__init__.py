"""Programs that run inside the runtime, never here: the build copies them to the guest's Python path."""
