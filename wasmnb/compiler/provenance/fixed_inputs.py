"""Fixed random bytes, time of day and file times for componentize-py, so that every build has the same result.

componentize-py starts Python in its own Wasm engine, and keeps the memory. During its start, Python draws a hash secret, which
determines the order of sets and the addresses of objects. It also stores times and numbers of files. componentize-py has no
settings for these values, so its process is prepared before componentize-py is imported:

* `getrandom` and `clock_gettime` of the C library begin with jumps to the code below. Every call of `getrandom` returns the
  same bytes, because threads call it in any order.
* The system calls `statx` and `getdents64` raise a signal, because of a seccomp filter. The signal's handler makes the call,
  and then zeroes times, numbers of files, and sizes of folders in the result.

So the hash secret is known to anybody who has the module or builds it again. `docs/reproducible.md` describes the consequences.
"""

from __future__ import annotations

import platform
import sys

__all__ = ["FIXED_INPUTS", "are_fixed_inputs_possible"]

#: Program that prepares the process. Its first argument is 32 bytes as hexadecimal digits.
FIXED_INPUTS = r"""
import ctypes, mmap, struct, sys

GETRANDOM = bytes.fromhex(
    "f30f1efa"        # endbr64
    "4889f0"          # mov rax, rsi: the number of bytes is the result
    "4c8d051a000000"  # lea r8, [pattern]
    "31c9"            # xor ecx, ecx
    "4839f1"          # again: cmp rcx, rsi
    "7312"            # jae done
    "4889ca"          # mov rdx, rcx
    "83e21f"          # and edx, 31
    "418a1410"        # mov dl, [r8 + rdx]
    "88140f"          # mov [rdi + rcx], dl
    "48ffc1"          # inc rcx
    "ebe9"            # jmp again
    "c3"              # done: ret
) + bytes.fromhex(sys.argv.pop(1))  # pattern
CLOCK_GETTIME = bytes.fromhex(
    "f30f1efa"          # endbr64
    "48c70600e10b5e"    # mov qword [rsi], 2020-01-01
    "48c7460800000000"  # mov qword [rsi + 8], 0
    "31c0"              # xor eax, eax
    "c3"                # ret
)
HANDLER = bytes.fromhex(
    "f30f1efa"        # endbr64
    "53"              # push rbx
    "4889d3"          # mov rbx, rdx: the registers of the call
    "488b8390000000"  # mov rax, [rbx + 144]: its number
    "488b7b68"        # mov rdi, [rbx + 104]: its arguments
    "488b7370"        # mov rsi, [rbx + 112]
    "488b9388000000"  # mov rdx, [rbx + 136]
    "4c8b5338"        # mov r10, [rbx + 56]
    "4c8b4328"        # mov r8, [rbx + 40]
    "41b966736177"    # mov r9d, MARK: the filter lets this call pass
    "89c1"            # mov ecx, eax
    "51"              # push rcx
    "0f05"            # syscall
    "59"              # pop rcx
    "48898390000000"  # mov [rbx + 144], rax: its result
    "4885c0"          # test rax, rax
    "7e22"            # jle status
    "81f9d9000000"    # cmp ecx, getdents64
    "751a"            # jne status
    "488b7370"        # mov rsi, [rbx + 112]: the entries
    "4801f0"          # add rax, rsi
    "48c70601000000"  # next: mov qword [rsi], 1: the number of the file
    "0fb74e10"        # movzx ecx, word [rsi + 16]
    "4801ce"          # add rsi, rcx
    "4839c6"          # cmp rsi, rax
    "72ed"            # jb next
    "4885c0"          # status: test rax, rax
    "754f"            # jne done
    "4c8b4328"        # mov r8, [rbx + 40]: struct statx
    "4c89c6"          # mov rsi, r8
    "31c0"            # xor eax, eax
    "81f94c010000"    # cmp ecx, statx
    "753e"            # jne done
    "49894020"        # mov [r8 + 32], rax: number of the file
    "49894030"        # mov [r8 + 48], rax: blocks
    "498d7840"        # lea rdi, [r8 + 64]: four times
    "b908000000"      # mov ecx, 8
    "f348ab"          # rep stosq
    "498db888000000"  # lea rdi, [r8 + 136]: numbers of device and mount
    "b902000000"      # mov ecx, 2
    "f348ab"          # rep stosq
    "410fb7481c"      # movzx ecx, word [r8 + 28]: mode
    "81e100f00000"    # and ecx, S_IFMT
    "81f900400000"    # cmp ecx, S_IFDIR
    "7508"            # jne done
    "49894028"        # mov [r8 + 40], rax: size
    "41894010"        # mov [r8 + 16], eax: links
    "5b"              # done: pop rbx
    "c3"              # ret
)
MARK, GETDENTS64, STATX = 0x77617366, 217, 332

libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p  # never unmapped: the C library jumps there until the end
page = libc.mmap(None, ctypes.c_size_t(4096), 7, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, ctypes.c_long(0))

def place(offset, code):
    ctypes.memmove(page + offset, code, len(code))
    return page + offset

def replace(name, code):
    target = ctypes.cast(getattr(libc, name), ctypes.c_void_p).value
    start = target & ~4095
    area = ctypes.c_void_p(start), ctypes.c_size_t(target + 14 - start)
    if libc.mprotect(*area, 7) == 0:  # a hardened system may refuse: the build then is as random as before
        jump = b"\xff\x25\0\0\0\0" + struct.pack("<Q", code)  # jmp [rip]
        ctypes.memmove(target, jump, len(jump))
        libc.mprotect(*area, 5)

def trap(handler):
    SIGSYS, SA_SIGINFO, SA_NODEFER = 31, 4, 0x40000000
    action = ctypes.create_string_buffer(struct.pack("<Q128xi4xQ", handler, SA_SIGINFO | SA_NODEFER, 0))
    libc.sigaction(SIGSYS, action, None)
    LOAD, EQUAL, RETURN, ALLOW, TRAP = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00030000
    lines = (
        (LOAD, 0, 0, 4), (EQUAL, 0, 5, 0xC000003E),  # x86-64
        (LOAD, 0, 0, 0), (EQUAL, 1, 0, STATX), (EQUAL, 0, 2, GETDENTS64),
        (LOAD, 0, 0, 56), (EQUAL, 0, 1, MARK),  # the sixth argument
        (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, TRAP),
    )
    program = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *line) for line in lines))
    header = ctypes.create_string_buffer(struct.pack("<H6xQ", len(lines), ctypes.addressof(program)))
    if libc.prctl(38, 1, 0, 0, 0) == 0:  # PR_SET_NO_NEW_PRIVS
        libc.prctl(22, 2, header, 0, 0)  # PR_SET_SECCOMP, SECCOMP_MODE_FILTER

replace("getrandom", place(0, GETRANDOM))
replace("clock_gettime", place(256, CLOCK_GETTIME))
trap(place(512, HANDLER))
"""


def are_fixed_inputs_possible() -> bool:
    """Return whether this machine can run `FIXED_INPUTS`, which requires Linux on x86-64."""
    return sys.platform == "linux" and platform.machine() == "x86_64"
