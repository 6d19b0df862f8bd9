"""Division of functions: their control flow, the blocks that stay compiled, and the exits into the interpreter.

The interpreter that continues at an exit is in `..interpreter`.
"""
