  ;; Calls between compiled code and the interpreter. Constants in braces are from layout.py; addresses are relative to $base.

  ;; Start of the interpreter's memory, and the first free address of its stack of frames. The assembly sets both.
  (global $base (export "base") i32 (i32.const 0))
  (global $stack (export "stack") (mut i32) (i32.const 0))

  ;; Return the sum, or the largest address if it overflows, which no memory has.
  (func $address (param $address i32) (param $offset i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.add (local.get $address) (local.get $offset)))
    (i32.or (local.get $sum) (i32.sub (i32.const 0) (i32.lt_u (local.get $sum) (local.get $offset)))))

  ;; Unpack the window with the code at $at, unless it is unpacked; return the code's address.
  (func $code (param $at i32) (result i32)
    (if (i32.eqz (i32.load8_u offset={unpacked}
          (i32.add (global.get $base) (i32.shr_u (local.get $at) (i32.const {window_shift})))))
      (then (call $unpack-window (i32.shr_u (local.get $at) (i32.const {window_shift})))))
    (i32.add (i32.add (global.get $base) (i32.const {code})) (local.get $at)))

  ;; A chunk fills one or more windows. The record of each further window has the number of the first window, and size 0.
  (func $unpack-window (param $window i32)
    (local $record i32) (local $size i32) (local $input i32) (local $code i32) (local $tables i32) (local $end i32)
    (local.set $record (i32.add (global.get $base) (i32.shl (local.get $window) (i32.const 3))))
    (if (i32.eqz (i32.load offset={chunk_sizes} (local.get $record)))
      (then
        (local.set $window (i32.load offset={chunks} (local.get $record)))
        (local.set $record (i32.add (global.get $base) (i32.shl (local.get $window) (i32.const 3))))))
    (local.set $size (i32.load offset={chunk_sizes} (local.get $record)))
    (local.set $input (i32.add (global.get $base) (i32.const {input})))
    (local.set $code
      (i32.add (i32.add (global.get $base) (i32.const {code})) (i32.shl (local.get $window) (i32.const {window_shift}))))
    (local.set $tables (i32.add (global.get $base) (i32.const {tables})))
    (call $read-cold (local.get $input)
      (i32.load offset={chunks} (local.get $record)) (i32.and (local.get $size) (i32.const 0x7fffffff)))
    (local.set $end
      (if (result i32) (i32.lt_s (local.get $size) (i32.const 0))
        (then (call $lzma (local.get $input) (local.get $code) (local.get $tables)))
        (else (call $inflate (local.get $input) (local.get $code) (local.get $tables)))))
    (local.set $end (i32.sub (i32.sub (local.get $end) (i32.const 1)) (i32.add (global.get $base) (i32.const {code}))))
    (memory.fill (i32.add (i32.add (global.get $base) (i32.const {unpacked})) (local.get $window)) (i32.const 1)
      (i32.add (i32.sub (i32.shr_u (local.get $end) (i32.const {window_shift})) (local.get $window)) (i32.const 1))))

  ;; Set up the frame for a call of the function whose code starts at $at; return the address of its first operation. The code
  ;; starts with a word: number of the function's type, offset behind its parameters, offset of its link.
  (func $enter (param $at i32) (param $frame i32) (param $link i64) (result i32)
    (local $head i32) (local $slot i32) (local $end i32)
    (if (i32.gt_u (local.get $frame) (i32.add (global.get $base) (i32.const {stack_limit}))) (then (unreachable)))
    (local.set $head (call $code (local.get $at)))
    (local.set $slot (i32.add (local.get $frame) (i32.load16_u offset=2 (local.get $head))))
    (local.set $end (i32.add (local.get $frame) (i32.load16_u offset=4 (local.get $head))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $slot) (local.get $end)))
        (i64.store (local.get $slot) (i64.const 0))
        (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
        (br $next)))
    (i64.store (local.get $end) (local.get $link))
    (i32.add (local.get $head) (i32.const 8)))

  ;; Handlers of calls end with this: continue in the function whose code starts at $callee. Its link is the caller's frame, and the
  ;; operation behind the call.
  (func $call-interpreted (param $operation i32) (param $caller i32) (param $callee i32) (param $frame i32)
    (local.set $callee
      (call $enter (local.get $callee) (local.get $frame)
        (i64.or (i64.extend_i32_u (i32.add (local.get $operation) (i32.const 8)))
          (i64.shl (i64.extend_i32_u (local.get $caller)) (i64.const 32)))))
    (return_call_indirect $own (type $handler) (local.get $callee) (local.get $frame)
      (i32.load16_u (local.get $callee))))

  ;; Return the code of the interpreted function in a slot of the table; -1 if the slot has none of this type.
  (func $cold-slot (param $slot i32) (param $type i32) (result i32)
    (local $at i32)
    (if (i32.ge_u (local.get $slot) (i32.const {slot_count})) (then (return (i32.const -1))))
    (local.set $at
      (i32.load offset={slots} (i32.add (global.get $base) (i32.shl (local.get $slot) (i32.const 2)))))
    (if (i32.eq (local.get $at) (i32.const -1)) (then (return (i32.const -1))))
    (select (local.get $at) (i32.const -1)
      (i32.eq (i32.load16_u (call $code (local.get $at))) (local.get $type))))

  ;; Call the function in slot $slot for compiled code. The frame has the arguments, and the result afterwards.
  (func $run-slot (export "run-slot") (param $slot i32) (param $frame i32)
    (call $run
      (i32.load offset={slots} (i32.add (global.get $base) (i32.shl (local.get $slot) (i32.const 2))))
      (local.get $frame)))

  ;; The same for the function whose code starts at $at.
  (func $run (export "run") (param $at i32) (param $frame i32)
    (local.set $at
      (call $enter (local.get $at) (local.get $frame) (i64.extend_i32_u (i32.add (global.get $base) (i32.const {halt})))))
    (call_indirect $own (type $handler) (local.get $at) (local.get $frame) (i32.load16_u (local.get $at))))

  ;; Continue in the middle of a function, for compiled code at a cold block. The frame has the live locals next to each other; $live
  ;; has a bit for each of them. The last one is moved to its place first, since no place is lower.
  (func $resume (export "resume") (param $at i32) (param $link i32) (param $live i64) (param $frame i32)
    (local $slot i32) (local $place i64)
    (if (i32.gt_u (local.get $frame) (i32.add (global.get $base) (i32.const {stack_limit}))) (then (unreachable)))
    (local.set $slot
      (i32.add (local.get $frame) (i32.shl (i32.wrap_i64 (i64.popcnt (local.get $live))) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i64.eqz (local.get $live)))
        (local.set $slot (i32.sub (local.get $slot) (i32.const 8)))
        (local.set $place (i64.sub (i64.const 63) (i64.clz (local.get $live))))
        (i64.store
          (i32.add (local.get $frame) (i32.shl (i32.wrap_i64 (local.get $place)) (i32.const 3)))
          (i64.load (local.get $slot)))
        (local.set $live (i64.xor (local.get $live) (i64.shl (i64.const 1) (local.get $place))))
        (br $next)))
    (i64.store (i32.add (local.get $frame) (local.get $link))
      (i64.extend_i32_u (i32.add (global.get $base) (i32.const {halt}))))
    (local.set $at (call $code (local.get $at)))
    (call_indirect $own (type $handler) (local.get $at) (local.get $frame) (i32.load16_u (local.get $at))))

  ;; Initialise the memory. The segment begins with 40 bytes: number of records, sizes of the cold code, of the data behind this
  ;; header and of the archive (u32 each), checksums of the three (u64). Then follow records (address, offset and size of a
  ;; compressed piece), and the pieces. A damaged segment traps. The data is read into the interpreter's stack, which is still unused.
  (func $unpack-image (export "unpack-image")
    (local $head i32) (local $record i32) (local $end i32)
    (local.set $head (global.get $stack))
    (call $read-image (local.get $head) (i32.const 0) (i32.const 40))
    (if (i64.ne (i64.load offset=16 (local.get $head))
          (call $sum (i32.const 0) (i32.const 0) (i32.load offset=4 (local.get $head))))
      (then (unreachable)))
    (if (i64.ne (i64.load offset=24 (local.get $head))
          (call $sum (i32.const 1) (i32.const 40) (i32.load offset=8 (local.get $head))))
      (then (unreachable)))
    (if (i64.ne (i64.load offset=32 (local.get $head))
          (call $sum (i32.const 2) (i32.const 0) (i32.load offset=12 (local.get $head))))
      (then (unreachable)))
    (local.set $record (i32.add (local.get $head) (i32.const 40)))
    (local.set $end (i32.add (local.get $record) (i32.mul (i32.load (local.get $head)) (i32.const 12))))
    (call $read-image (local.get $record) (i32.const 40) (i32.sub (local.get $end) (local.get $record)))
    (loop $next
      (if (i32.lt_u (local.get $record) (local.get $end))
        (then
          (call $read-image (local.get $end)
            (i32.load offset=4 (local.get $record)) (i32.load offset=8 (local.get $record)))
          (drop (call $inflate (local.get $end) (i32.load (local.get $record))
            (i32.add (global.get $base) (i32.const {tables}))))
          (local.set $record (i32.add (local.get $record) (i32.const 12)))
          (br $next)))))

  ;; Copy a range of the archive to $to. The segment begins with the offset of each block and the end of the last one (u32 each).
  ;; A block is {archive_block} bytes, compressed as LZMA; the one that was read last is kept.
  (func $copy-archive (export "copy-archive") (param $to i32) (param $from i32) (param $size i32)
    (local $block i32) (local $input i32) (local $unpacked i32) (local $part i32)
    (local.set $input (i32.add (global.get $base) (i32.const {archive_input})))
    (local.set $unpacked (i32.add (global.get $base) (i32.const {archive_unpacked})))
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $size)))
        (local.set $block (i32.div_u (local.get $from) (i32.const {archive_block})))
        (if (i32.ne (i32.load (local.get $unpacked)) (i32.add (local.get $block) (i32.const 1)))
          (then
            (call $read-archive (local.get $input) (i32.shl (local.get $block) (i32.const 2)) (i32.const 8))
            (local.set $part (i32.load (local.get $input)))
            (call $read-archive (local.get $input) (local.get $part)
              (i32.sub (i32.load offset=4 (local.get $input)) (local.get $part)))
            (drop (call $lzma (local.get $input) (i32.add (local.get $unpacked) (i32.const 8))
              (i32.add (global.get $base) (i32.const {tables}))))
            (i32.store (local.get $unpacked) (i32.add (local.get $block) (i32.const 1)))))
        (local.set $block (i32.rem_u (local.get $from) (i32.const {archive_block})))
        (local.set $part (i32.sub (i32.const {archive_block}) (local.get $block)))
        (local.set $part
          (select (local.get $size) (local.get $part) (i32.lt_u (local.get $size) (local.get $part))))
        (memory.copy (local.get $to)
          (i32.add (i32.add (local.get $unpacked) (i32.const 8)) (local.get $block)) (local.get $part))
        (local.set $to (i32.add (local.get $to) (local.get $part)))
        (local.set $from (i32.add (local.get $from) (local.get $part)))
        (local.set $size (i32.sub (local.get $size) (local.get $part)))
        (br $next))))

  ;; Return the checksum of a segment (0 the cold code, 1 the image, 2 the archive): the sum of its words of 64 bits.
  (func $sum (param $segment i32) (param $from i32) (param $size i32) (result i64)
    (local $buffer i32) (local $at i32) (local $part i32) (local $sum i64)
    (local.set $buffer (i32.add (global.get $stack) (i32.const 64)))
    (loop $block
      (if (local.get $size)
        (then
          (local.set $part
            (select (local.get $size) (i32.const 16384) (i32.lt_u (local.get $size) (i32.const 16384))))
          (if (i32.eqz (local.get $segment))
            (then (call $read-cold (local.get $buffer) (local.get $from) (local.get $part))))
          (if (i32.eq (local.get $segment) (i32.const 1))
            (then (call $read-image (local.get $buffer) (local.get $from) (local.get $part))))
          (if (i32.eq (local.get $segment) (i32.const 2))
            (then (call $read-archive (local.get $buffer) (local.get $from) (local.get $part))))
          (local.set $from (i32.add (local.get $from) (local.get $part)))
          (local.set $size (i32.sub (local.get $size) (local.get $part)))
          (local.set $at (local.get $buffer))
          (local.set $part (i32.add (local.get $at) (local.get $part)))
          (loop $word
            (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
            (br_if $word (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $part))))
          (br $block))))
    (local.get $sum))
