"""Contents of bodies: text across chunks, content codings, and streams of lines, events and JSON-RPC messages."""
