  ;; Between compiled code and the interpreter. Constants in braces are from layout.py; addresses count from $base.

  ;; Where the interpreter's memory starts, and the first free place of its stack, an array of frames. Assembly sets both.
  (global $base (export "base") i32 (i32.const 0))
  (global $stack (export "stack") (mut i32) (i32.const 0))

  ;; An address that overflows is one that no memory has.
  (func $address (param $address i32) (param $offset i32) (result i32)
    (local $sum i32)
    (local.set $sum (i32.add (local.get $address) (local.get $offset)))
    (i32.or (local.get $sum) (i32.sub (i32.const 0) (i32.lt_u (local.get $sum) (local.get $offset)))))

  ;; Make sure that the window with the code at $at is unpacked; gives the code's address.
  (func $code (param $at i32) (result i32)
    (if (i32.eqz (i32.load8_u offset={unpacked}
          (i32.add (global.get $base) (i32.shr_u (local.get $at) (i32.const {window_shift})))))
      (then (call $unpack-window (i32.shr_u (local.get $at) (i32.const {window_shift})))))
    (i32.add (i32.add (global.get $base) (i32.const {code})) (local.get $at)))

  ;; A chunk fills one window or more; the record of a window that is not the first names the first, and has size 0.
  (func $unpack-window (param $window i32)
    (local $record i32) (local $end i32)
    (local.set $record (i32.add (global.get $base) (i32.shl (local.get $window) (i32.const 3))))
    (if (i32.eqz (i32.load offset={chunk_sizes} (local.get $record)))
      (then
        (local.set $window (i32.load offset={chunks} (local.get $record)))
        (local.set $record (i32.add (global.get $base) (i32.shl (local.get $window) (i32.const 3))))))
    (call $read-cold (i32.add (global.get $base) (i32.const {input}))
      (i32.load offset={chunks} (local.get $record)) (i32.load offset={chunk_sizes} (local.get $record)))
    (local.set $end (call $inflate
      (i32.add (global.get $base) (i32.const {input}))
      (i32.add (i32.add (global.get $base) (i32.const {code})) (i32.shl (local.get $window) (i32.const {window_shift})))
      (i32.add (global.get $base) (i32.const {tables}))))
    (local.set $end (i32.sub (i32.sub (local.get $end) (i32.const 1)) (i32.add (global.get $base) (i32.const {code}))))
    (memory.fill (i32.add (i32.add (global.get $base) (i32.const {unpacked})) (local.get $window)) (i32.const 1)
      (i32.add (i32.sub (i32.shr_u (local.get $end) (i32.const {window_shift})) (local.get $window)) (i32.const 1))))

  ;; Set up the frame for a call of the function whose code starts at $at; gives the address of its first operation. Before
  ;; the operations there is a word: number of the function's type, offset behind its parameters, offset of its link.
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

  ;; Code of the interpreted function in a slot of the table; -1 if there is none of that type.
  (func $cold-slot (param $slot i32) (param $type i32) (result i32)
    (local $at i32)
    (if (i32.ge_u (local.get $slot) (i32.const {slot_count})) (then (return (i32.const -1))))
    (local.set $at
      (i32.load offset={slots} (i32.add (global.get $base) (i32.shl (local.get $slot) (i32.const 2)))))
    (if (i32.eq (local.get $at) (i32.const -1)) (then (return (i32.const -1))))
    (select (local.get $at) (i32.const -1)
      (i32.eq (i32.load16_u (call $code (local.get $at))) (local.get $type))))

  ;; Call the function in slot $slot for compiled code; the frame has its arguments, and will have its result.
  (func $run-slot (export "run-slot") (param $slot i32) (param $frame i32)
    (call $run
      (i32.load offset={slots} (i32.add (global.get $base) (i32.shl (local.get $slot) (i32.const 2))))
      (local.get $frame)))

  ;; The same for the function whose code starts at $at.
  (func $run (export "run") (param $at i32) (param $frame i32)
    (local.set $at
      (call $enter (local.get $at) (local.get $frame) (i64.extend_i32_u (i32.add (global.get $base) (i32.const {halt})))))
    (call_indirect $own (type $handler) (local.get $at) (local.get $frame) (i32.load16_u (local.get $at))))

  ;; Go on in the middle of a function, for compiled code that has come to a cold block: its locals are in the frame.
  (func $resume (export "resume") (param $at i32) (param $link i32) (param $frame i32)
    (if (i32.gt_u (local.get $frame) (i32.add (global.get $base) (i32.const {stack_limit}))) (then (unreachable)))
    (i64.store (i32.add (local.get $frame) (local.get $link))
      (i64.extend_i32_u (i32.add (global.get $base) (i32.const {halt}))))
    (local.set $at (call $code (local.get $at)))
    (call_indirect $own (type $handler) (local.get $at) (local.get $frame) (i32.load16_u (local.get $at))))

  ;; Put the memory's first content in place. The segment begins with 32 bytes: number of records, size of the cold code, size of
  ;; what follows (u32 each), 4 unused, sums of both (u64). Then come records (address, offset of what is packed, its size) and
  ;; the packed pieces. A segment that is damaged traps. The interpreter's stack, which nobody uses yet, holds what is read.
  (func $unpack-image (export "unpack-image")
    (local $head i32) (local $record i32) (local $end i32)
    (local.set $head (global.get $stack))
    (call $read-image (local.get $head) (i32.const 0) (i32.const 32))
    (if (i64.ne (i64.load offset=16 (local.get $head))
          (call $sum (i32.const 0) (i32.const 0) (i32.load offset=4 (local.get $head))))
      (then (unreachable)))
    (if (i64.ne (i64.load offset=24 (local.get $head))
          (call $sum (i32.const 1) (i32.const 32) (i32.load offset=8 (local.get $head))))
      (then (unreachable)))
    (local.set $record (i32.add (local.get $head) (i32.const 32)))
    (local.set $end (i32.add (local.get $record) (i32.mul (i32.load (local.get $head)) (i32.const 12))))
    (call $read-image (local.get $record) (i32.const 32) (i32.sub (local.get $end) (local.get $record)))
    (loop $next
      (if (i32.lt_u (local.get $record) (local.get $end))
        (then
          (call $read-image (local.get $end)
            (i32.load offset=4 (local.get $record)) (i32.load offset=8 (local.get $record)))
          (drop (call $inflate (local.get $end) (i32.load (local.get $record))
            (i32.add (global.get $base) (i32.const {tables}))))
          (local.set $record (i32.add (local.get $record) (i32.const 12)))
          (br $next)))))

  ;; Sum of a segment's words of 64 bits: of the cold code, or of the image.
  (func $sum (param $image i32) (param $from i32) (param $size i32) (result i64)
    (local $buffer i32) (local $at i32) (local $part i32) (local $sum i64)
    (local.set $buffer (i32.add (global.get $stack) (i32.const 64)))
    (loop $block
      (if (local.get $size)
        (then
          (local.set $part
            (select (local.get $size) (i32.const 16384) (i32.lt_u (local.get $size) (i32.const 16384))))
          (if (local.get $image)
            (then (call $read-image (local.get $buffer) (local.get $from) (local.get $part)))
            (else (call $read-cold (local.get $buffer) (local.get $from) (local.get $part))))
          (local.set $from (i32.add (local.get $from) (local.get $part)))
          (local.set $size (i32.sub (local.get $size) (local.get $part)))
          (local.set $at (local.get $buffer))
          (local.set $part (i32.add (local.get $at) (local.get $part)))
          (loop $word
            (local.set $sum (i64.add (local.get $sum) (i64.load (local.get $at))))
            (br_if $word (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 8))) (local.get $part))))
          (br $block))))
    (local.get $sum))
