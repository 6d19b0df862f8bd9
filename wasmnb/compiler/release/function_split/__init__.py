"""Split of functions into compiled and interpreted parts: their control flow, the blocks that stay compiled, and the exits into the interpreter.

`..interpreter` contains the interpreter, which continues at an exit.
"""
