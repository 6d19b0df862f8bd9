  ;; Unpacks raw DEFLATE data: https://www.rfc-editor.org/rfc/rfc1951. Invalid input traps.
  ;;
  ;; An entry of a code's table has 32 bits: the length of the code (bits 0 to 5), the number of extra bits (8 to 12), flags (14: end of
  ;; the block, 15: literal), and the value without the extra bits (16 to 31). 0 stands for codes that are longer than the table's
  ;; index, and for codes that don't exist.
  ;;
  ;; Memory at $tables:        +0  table of the literal and length code, with an index of 11 bits
  ;;                        +8192  its number of codes of each length (16 u32), and the entries in the order of their codes
  ;;                       +10240  table of the distance code, with an index of 10 bits
  ;;                       +14336  its number of codes of each length, and the entries
  ;;                       +14720  lengths of the codes, 320 bytes
  ;;                       +15040  16 places in the entries (u32)

  ;; Entry of a symbol without the length of its code. Kinds of codes: 0 for lengths of codes, 1 for literals and lengths, 2 for
  ;; distances.
  (func $entry (param $symbol i32) (param $kind i32) (result i32)
    (local $extra i32)
    (if (i32.eqz (local.get $kind)) (then (return (i32.shl (local.get $symbol) (i32.const 16)))))
    (if (i32.eq (local.get $kind) (i32.const 2))
      (then
        (if (i32.gt_u (local.get $symbol) (i32.const 29)) (then (return (i32.const 0))))
        (if (i32.lt_u (local.get $symbol) (i32.const 4))
          (then (return (i32.shl (i32.add (local.get $symbol) (i32.const 1)) (i32.const 16)))))
        (local.set $extra (i32.sub (i32.shr_u (local.get $symbol) (i32.const 1)) (i32.const 1)))
        (return (i32.or (i32.shl (local.get $extra) (i32.const 8))
          (i32.shl (i32.add (i32.const 1)
            (i32.shl (i32.add (i32.const 2) (i32.and (local.get $symbol) (i32.const 1))) (local.get $extra)))
            (i32.const 16))))))
    (if (i32.lt_u (local.get $symbol) (i32.const 256))
      (then (return (i32.or (i32.shl (local.get $symbol) (i32.const 16)) (i32.const 0x8000)))))
    (if (i32.eq (local.get $symbol) (i32.const 256)) (then (return (i32.const 0x4000))))
    (if (i32.gt_u (local.get $symbol) (i32.const 285)) (then (return (i32.const 0))))
    (if (i32.eq (local.get $symbol) (i32.const 285)) (then (return (i32.const 0x1020000))))
    (local.set $symbol (i32.sub (local.get $symbol) (i32.const 257)))
    (if (i32.lt_u (local.get $symbol) (i32.const 8))
      (then (return (i32.shl (i32.add (local.get $symbol) (i32.const 3)) (i32.const 16)))))
    (local.set $extra (i32.sub (i32.shr_u (local.get $symbol) (i32.const 2)) (i32.const 1)))
    (i32.or (i32.shl (local.get $extra) (i32.const 8))
      (i32.shl (i32.add (i32.const 3)
        (i32.shl (i32.add (i32.const 4) (i32.and (local.get $symbol) (i32.const 3))) (local.get $extra)))
        (i32.const 16))))

  ;; Build the table of a code from $count lengths at $lengths. The table has 2 ** $bits entries, the counts and the entries by code
  ;; follow.
  (func $code-table
    (param $lengths i32) (param $count i32) (param $kind i32) (param $table i32) (param $bits i32) (param $places i32)
    (local $counts i32) (local $entries i32) (local $i i32) (local $at i32) (local $length i32) (local $entry i32)
    (local $code i32) (local $size i32) (local $end i32) (local $bit i32)
    (local.set $size (i32.shl (i32.const 4) (local.get $bits)))
    (local.set $counts (i32.add (local.get $table) (local.get $size)))
    (local.set $entries (i32.add (local.get $counts) (i32.const 64)))
    (memory.fill (local.get $table) (i32.const 0) (i32.add (local.get $size) (i32.const 64)))
    (loop $each
      (local.set $at (i32.add (local.get $counts)
        (i32.shl (i32.load8_u (i32.add (local.get $lengths) (local.get $i))) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    (i32.store (local.get $counts) (i32.const 0))
    (local.set $at (local.get $entries))
    (local.set $i (i32.const 0))
    (loop $each
      (i32.store (i32.add (local.get $places) (local.get $i)) (local.get $at))
      (local.set $at (i32.add (local.get $at)
        (i32.shl (i32.load (i32.add (local.get $counts) (local.get $i))) (i32.const 2))))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 4))) (i32.const 64))))
    (local.set $end (local.get $at))
    (local.set $i (i32.const 0))
    (loop $each
      (local.set $length (i32.load8_u (i32.add (local.get $lengths) (local.get $i))))
      (if (local.get $length)
        (then
          (local.set $code (i32.add (local.get $places) (i32.shl (local.get $length) (i32.const 2))))
          (local.set $at (i32.load (local.get $code)))
          (i32.store (local.get $code) (i32.add (local.get $at) (i32.const 4)))
          (local.set $entry (call $entry (local.get $i) (local.get $kind)))
          (i32.store (local.get $at)
            (select (i32.or (local.get $entry) (local.get $length)) (i32.const 0)
              (i32.or (local.get $entry) (i32.eqz (local.get $kind)))))))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    ;; The codes in ascending order. Their bits come in reverse: the next code is found by adding one at the highest bit.
    (local.set $code (i32.const 0))
    (local.set $at (local.get $entries))
    (local.set $length (i32.const 1))
    (block $done
      (loop $each
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (loop $longer ;; the length of the code at $at
          (if (i32.ge_u (local.get $at)
                (i32.load (i32.add (local.get $places) (i32.shl (local.get $length) (i32.const 2)))))
            (then
              (local.set $length (i32.add (local.get $length) (i32.const 1)))
              (br $longer))))
        (br_if $done (i32.gt_u (local.get $length) (local.get $bits)))
        (local.set $entry (i32.load (local.get $at)))
        (local.set $i (i32.shl (local.get $code) (i32.const 2)))
        (loop $fill
          (i32.store (i32.add (local.get $table) (local.get $i)) (local.get $entry))
          (br_if $fill (i32.lt_u
            (local.tee $i (i32.add (local.get $i) (i32.shl (i32.const 4) (local.get $length)))) (local.get $size))))
        (local.set $bit (i32.xor (local.get $code) (i32.sub (i32.shl (i32.const 1) (local.get $length)) (i32.const 1))))
        (br_if $done (i32.eqz (local.get $bit)))
        (local.set $bit (i32.shr_u (i32.const 0x80000000) (i32.clz (local.get $bit))))
        (local.set $code (i32.or (i32.and (local.get $code) (i32.sub (local.get $bit) (i32.const 1))) (local.get $bit)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))
        (br $each))))

  ;; Return the entry of the next code, which isn't in the table. $counts is the address behind the table.
  (func $long-code (param $bits i64) (param $counts i32) (result i32)
    (local $code i32) (local $first i32) (local $at i32) (local $count i32) (local $i i32)
    (local.set $at (i32.add (local.get $counts) (i32.const 64)))
    (loop $each
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (if (i32.gt_u (local.get $i) (i32.const 60)) (then (unreachable)))
      (local.set $code (i32.or (i32.shl (local.get $code) (i32.const 1)) (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 1))))
      (local.set $bits (i64.shr_u (local.get $bits) (i64.const 1)))
      (local.set $count (i32.load (i32.add (local.get $counts) (local.get $i))))
      (local.set $first (i32.shl (local.get $first) (i32.const 1)))
      (if (i32.ge_u (i32.sub (local.get $code) (local.get $first)) (local.get $count))
        (then
          (local.set $at (i32.add (local.get $at) (i32.shl (local.get $count) (i32.const 2))))
          (local.set $first (i32.add (local.get $first) (local.get $count)))
          (br $each))))
    (local.set $at (i32.load
      (i32.add (local.get $at) (i32.shl (i32.sub (local.get $code) (local.get $first)) (i32.const 2)))))
    (if (i32.eqz (local.get $at)) (then (unreachable)))
    (local.get $at))

  ;; Lengths of DEFLATE's fixed codes: 288 for literals and lengths, then 32 for distances.
  (func $fixed-lengths (param $lengths i32)
    (memory.fill (local.get $lengths) (i32.const 8) (i32.const 144))
    (memory.fill (i32.add (local.get $lengths) (i32.const 144)) (i32.const 9) (i32.const 112))
    (memory.fill (i32.add (local.get $lengths) (i32.const 256)) (i32.const 7) (i32.const 24))
    (memory.fill (i32.add (local.get $lengths) (i32.const 280)) (i32.const 8) (i32.const 8))
    (memory.fill (i32.add (local.get $lengths) (i32.const 288)) (i32.const 5) (i32.const 32)))

  ;; Place of the $i-th length of the code for lengths: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15.
  (func $length-place (param $i i32) (result i32)
    (if (i32.lt_u (local.get $i) (i32.const 3)) (then (return (i32.add (local.get $i) (i32.const 16)))))
    (if (i32.eq (local.get $i) (i32.const 3)) (then (return (i32.const 0))))
    (local.set $i (i32.sub (local.get $i) (i32.const 4)))
    (if (result i32) (i32.and (local.get $i) (i32.const 1))
      (then (i32.sub (i32.const 7) (i32.shr_u (local.get $i) (i32.const 1))))
      (else (i32.add (i32.const 8) (i32.shr_u (local.get $i) (i32.const 1))))))

  ;; Unpack the data at $from to $to; return the end of the output. Up to eight bytes behind the input are read.
  (func $inflate (export "inflate") (param $from i32) (param $to i32) (param $tables i32) (result i32)
    (local $bits i64) (local $count i32) ;; bits that were read and not used yet, and their number
    (local $last i32) (local $kind i32) (local $lengths i32) (local $literals i32) (local $distances i32)
    (local $i i32) (local $n i32) (local $entry i32) (local $symbol i32) (local $size i32) (local $extra i32)
    (local $distance i32) (local $places i32)
    (local.set $lengths (i32.add (local.get $tables) (i32.const 14720)))
    (local.set $places (i32.add (local.get $tables) (i32.const 15040)))
    (loop $block
      (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
      (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
      (local.set $count (i32.or (local.get $count) (i32.const 56)))
      (local.set $last (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 1)))
      (local.set $kind (i32.and (i32.shr_u (i32.wrap_i64 (local.get $bits)) (i32.const 1)) (i32.const 3)))
      (local.set $bits (i64.shr_u (local.get $bits) (i64.const 3)))
      (local.set $count (i32.sub (local.get $count) (i32.const 3)))
      (if (i32.gt_u (local.get $kind) (i32.const 2)) (then (unreachable)))
      (if (i32.eqz (local.get $kind))
        (then ;; stored: size, complement of the size, and the bytes, from the next byte boundary
          (local.set $from (i32.sub (local.get $from) (i32.shr_u (local.get $count) (i32.const 3))))
          (local.set $size (i32.load16_u (local.get $from)))
          (memory.copy (local.get $to) (i32.add (local.get $from) (i32.const 4)) (local.get $size))
          (local.set $from (i32.add (i32.add (local.get $from) (i32.const 4)) (local.get $size)))
          (local.set $to (i32.add (local.get $to) (local.get $size)))
          (local.set $bits (i64.const 0))
          (local.set $count (i32.const 0)))
        (else
          (if (i32.eq (local.get $kind) (i32.const 1))
            (then
              (call $fixed-lengths (local.get $lengths))
              (local.set $literals (i32.const 288))
              (local.set $distances (i32.const 32)))
            (else
              (local.set $literals (i32.add (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 31)) (i32.const 257)))
              (local.set $distances
                (i32.add (i32.and (i32.wrap_i64 (i64.shr_u (local.get $bits) (i64.const 5))) (i32.const 31)) (i32.const 1)))
              (local.set $n
                (i32.add (i32.and (i32.wrap_i64 (i64.shr_u (local.get $bits) (i64.const 10))) (i32.const 15)) (i32.const 4)))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.const 14)))
              (local.set $count (i32.sub (local.get $count) (i32.const 14)))
              (memory.fill (local.get $lengths) (i32.const 0) (i32.const 19))
              (local.set $i (i32.const 0))
              (loop $each
                (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
                (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
                (local.set $count (i32.or (local.get $count) (i32.const 56)))
                (i32.store8 (i32.add (local.get $lengths) (call $length-place (local.get $i)))
                  (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 7)))
                (local.set $bits (i64.shr_u (local.get $bits) (i64.const 3)))
                (local.set $count (i32.sub (local.get $count) (i32.const 3)))
                (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $n))))
              (call $code-table (local.get $lengths) (i32.const 19) (i32.const 0) (local.get $tables) (i32.const 11) (local.get $places))
              (local.set $i (i32.const 0))
              (local.set $n (i32.add (local.get $literals) (local.get $distances)))
              (loop $each
                (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
                (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
                (local.set $count (i32.or (local.get $count) (i32.const 56)))
                (local.set $entry (i32.load (i32.add (local.get $tables)
                  (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 2047)) (i32.const 2)))))
                (if (i32.eqz (local.get $entry)) (then (unreachable)))
                (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
                (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
                (local.set $symbol (i32.shr_u (local.get $entry) (i32.const 16)))
                (if (i32.lt_u (local.get $symbol) (i32.const 16))
                  (then
                    (i32.store8 (i32.add (local.get $lengths) (local.get $i)) (local.get $symbol))
                    (local.set $i (i32.add (local.get $i) (i32.const 1))))
                  (else ;; 16: the previous one, 3 to 6 times; 17: zero, 3 to 10 times; 18: zero, 11 to 138 times
                    (local.set $extra
                      (select (i32.const 2) (select (i32.const 3) (i32.const 7) (i32.eq (local.get $symbol) (i32.const 17)))
                        (i32.eq (local.get $symbol) (i32.const 16))))
                    (local.set $size (i32.add
                      (select (i32.const 11) (i32.const 3) (i32.eq (local.get $symbol) (i32.const 18)))
                      (i32.and (i32.wrap_i64 (local.get $bits)) (i32.sub (i32.shl (i32.const 1) (local.get $extra)) (i32.const 1)))))
                    (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $extra))))
                    (local.set $count (i32.sub (local.get $count) (local.get $extra)))
                    (memory.fill (i32.add (local.get $lengths) (local.get $i))
                      (if (result i32) (i32.eq (local.get $symbol) (i32.const 16))
                        (then (i32.load8_u (i32.sub (i32.add (local.get $lengths) (local.get $i)) (i32.const 1))))
                        (else (i32.const 0)))
                      (local.get $size))
                    (local.set $i (i32.add (local.get $i) (local.get $size)))))
                (br_if $each (i32.lt_u (local.get $i) (local.get $n))))))
          (call $code-table (i32.add (local.get $lengths) (local.get $literals)) (local.get $distances) (i32.const 2)
            (i32.add (local.get $tables) (i32.const 10240)) (i32.const 10) (local.get $places))
          (call $code-table (local.get $lengths) (local.get $literals) (i32.const 1)
            (local.get $tables) (i32.const 11) (local.get $places))
          (block $end
            (loop $each
              (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
              (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
              (local.set $count (i32.or (local.get $count) (i32.const 56)))
              (local.set $entry (i32.load (i32.add (local.get $tables)
                (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 2047)) (i32.const 2)))))
              ;; up to three literals: their codes are in the table, so that the bits are enough
              (if (i32.and (local.get $entry) (i32.const 0x8000))
                (then
                  (i32.store8 (local.get $to) (i32.shr_u (local.get $entry) (i32.const 16)))
                  (local.set $to (i32.add (local.get $to) (i32.const 1)))
                  (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
                  (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
                  (local.set $entry (i32.load (i32.add (local.get $tables)
                    (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 2047)) (i32.const 2)))))
                  (if (i32.and (local.get $entry) (i32.const 0x8000))
                    (then
                      (i32.store8 (local.get $to) (i32.shr_u (local.get $entry) (i32.const 16)))
                      (local.set $to (i32.add (local.get $to) (i32.const 1)))
                      (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
                      (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
                      (local.set $entry (i32.load (i32.add (local.get $tables)
                        (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 2047)) (i32.const 2)))))
                      (if (i32.and (local.get $entry) (i32.const 0x8000))
                        (then
                          (i32.store8 (local.get $to) (i32.shr_u (local.get $entry) (i32.const 16)))
                          (local.set $to (i32.add (local.get $to) (i32.const 1)))
                          (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
                          (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
                          (br $each)))))))
              (if (i32.eqz (local.get $entry))
                (then
                  (local.set $entry (call $long-code (local.get $bits) (i32.add (local.get $tables) (i32.const 8192))))
                  (if (i32.and (local.get $entry) (i32.const 0x8000))
                    (then
                      (i32.store8 (local.get $to) (i32.shr_u (local.get $entry) (i32.const 16)))
                      (local.set $to (i32.add (local.get $to) (i32.const 1)))
                      (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
                      (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
                      (br $each)))))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
              (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
              (br_if $end (i32.and (local.get $entry) (i32.const 0x4000)))
              (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
              (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
              (local.set $count (i32.or (local.get $count) (i32.const 56)))
              (local.set $extra (i32.and (i32.shr_u (local.get $entry) (i32.const 8)) (i32.const 31)))
              (local.set $size (i32.add (i32.shr_u (local.get $entry) (i32.const 16))
                (i32.and (i32.wrap_i64 (local.get $bits)) (i32.sub (i32.shl (i32.const 1) (local.get $extra)) (i32.const 1)))))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $extra))))
              (local.set $count (i32.sub (local.get $count) (local.get $extra)))
              (local.set $entry (i32.load offset=10240 (i32.add (local.get $tables)
                (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (i32.const 1023)) (i32.const 2)))))
              (if (i32.eqz (local.get $entry))
                (then
                  (local.set $entry (call $long-code (local.get $bits) (i32.add (local.get $tables) (i32.const 14336))))))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $entry))))
              (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 63))))
              (local.set $extra (i32.and (i32.shr_u (local.get $entry) (i32.const 8)) (i32.const 31)))
              (local.set $distance (i32.add (i32.shr_u (local.get $entry) (i32.const 16))
                (i32.and (i32.wrap_i64 (local.get $bits)) (i32.sub (i32.shl (i32.const 1) (local.get $extra)) (i32.const 1)))))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $extra))))
              (local.set $count (i32.sub (local.get $count) (local.get $extra)))
              (local.set $i (i32.add (local.get $to) (local.get $size)))
              ;; copy in words as long as source and target don't overlap in one; the last word can repeat bytes of the one before
              (if (i32.and (i32.ge_u (local.get $distance) (i32.const 8)) (i32.ge_u (local.get $size) (i32.const 8)))
                (then
                  (local.set $n (i32.sub (local.get $i) (i32.const 8)))
                  (loop $copy
                    (i64.store (local.get $to) (i64.load (i32.sub (local.get $to) (local.get $distance))))
                    (br_if $copy (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 8))) (local.get $n))))
                  (i64.store (local.get $n) (i64.load (i32.sub (local.get $n) (local.get $distance))))
                  (local.set $to (local.get $i))
                  (br $each)))
              (if (i32.and (i32.ge_u (local.get $distance) (i32.const 4)) (i32.ge_u (local.get $size) (i32.const 4)))
                (then
                  (local.set $n (i32.sub (local.get $i) (i32.const 4)))
                  (loop $copy
                    (i32.store (local.get $to) (i32.load (i32.sub (local.get $to) (local.get $distance))))
                    (br_if $copy (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 4))) (local.get $n))))
                  (i32.store (local.get $n) (i32.load (i32.sub (local.get $n) (local.get $distance))))
                  (local.set $to (local.get $i))
                  (br $each)))
              (loop $copy
                (i32.store8 (local.get $to) (i32.load8_u (i32.sub (local.get $to) (local.get $distance))))
                (br_if $copy (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 1))) (local.get $i))))
              (br $each)))))
      (br_if $block (i32.eqz (local.get $last))))
    (local.get $to))
