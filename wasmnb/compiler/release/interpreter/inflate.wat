  ;; Unpacks raw DEFLATE data: https://www.rfc-editor.org/rfc/rfc1951. The input is our own: what cannot be there traps.
  ;;
  ;; Memory at $tables:        +0  table of the literal and length code: an entry of 16 bits for each next 15 bits at most,
  ;;                               symbol * 16 + length of its code
  ;;                       +65536  the same for the distance code
  ;;                      +131072  lengths of the codes, 320 bytes; then 16 counts and 16 next codes, u32 each

  ;; Make a code's table from $count lengths at $lengths; gives how many bits index it.
  (func $code-table (param $lengths i32) (param $count i32) (param $table i32) (param $tables i32) (result i32)
    (local $counts i32) (local $codes i32) (local $i i32) (local $bits i32) (local $code i32) (local $length i32)
    (local $reversed i32) (local $at i32)
    (local.set $counts (i32.add (local.get $tables) (i32.const 131392)))
    (local.set $codes (i32.add (local.get $counts) (i32.const 64)))
    (memory.fill (local.get $counts) (i32.const 0) (i32.const 64))
    (loop $each
      (local.set $at (i32.add (local.get $counts)
        (i32.shl (i32.load8_u (i32.add (local.get $lengths) (local.get $i))) (i32.const 2))))
      (i32.store (local.get $at) (i32.add (i32.load (local.get $at)) (i32.const 1)))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    (i32.store (local.get $counts) (i32.const 0))
    (local.set $bits (i32.const 1))
    (local.set $i (i32.const 1))
    (loop $each
      (local.set $code (i32.shl
        (i32.add (local.get $code)
          (i32.load (i32.add (local.get $counts) (i32.shl (i32.sub (local.get $i) (i32.const 1)) (i32.const 2)))))
        (i32.const 1)))
      (i32.store (i32.add (local.get $codes) (i32.shl (local.get $i) (i32.const 2))) (local.get $code))
      (if (i32.load (i32.add (local.get $counts) (i32.shl (local.get $i) (i32.const 2))))
        (then (local.set $bits (local.get $i))))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 16))))
    (memory.fill (local.get $table) (i32.const 0) (i32.shl (i32.const 2) (local.get $bits)))
    (local.set $i (i32.const 0))
    (loop $each
      (local.set $length (i32.load8_u (i32.add (local.get $lengths) (local.get $i))))
      (if (local.get $length)
        (then
          (local.set $at (i32.add (local.get $codes) (i32.shl (local.get $length) (i32.const 2))))
          (local.set $code (i32.load (local.get $at)))
          (i32.store (local.get $at) (i32.add (local.get $code) (i32.const 1)))
          (local.set $reversed (i32.const 0))
          (local.set $at (local.get $length))
          (loop $bit
            (local.set $reversed (i32.or (i32.shl (local.get $reversed) (i32.const 1)) (i32.and (local.get $code) (i32.const 1))))
            (local.set $code (i32.shr_u (local.get $code) (i32.const 1)))
            (br_if $bit (local.tee $at (i32.sub (local.get $at) (i32.const 1)))))
          (loop $fill
            (i32.store16 (i32.add (local.get $table) (i32.shl (local.get $reversed) (i32.const 1)))
              (i32.or (i32.shl (local.get $i) (i32.const 4)) (local.get $length)))
            (local.set $reversed (i32.add (local.get $reversed) (i32.shl (i32.const 1) (local.get $length))))
            (br_if $fill (i32.lt_u (local.get $reversed) (i32.shl (i32.const 1) (local.get $bits)))))))
      (br_if $each (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (local.get $count))))
    (local.get $bits))

  ;; Lengths of the codes that DEFLATE fixes: 288 for literals and lengths, then 32 for distances.
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

  ;; Unpack what is at $from to $to; gives where the output ends. Up to eight bytes behind the input are read.
  (func $inflate (export "inflate") (param $from i32) (param $to i32) (param $tables i32) (result i32)
    (local $bits i64) (local $count i32) ;; bits that have been read and not been used, and how many
    (local $last i32) (local $kind i32) (local $lengths i32) (local $literals i32) (local $distances i32)
    (local $i i32) (local $n i32) (local $entry i32) (local $symbol i32) (local $size i32) (local $extra i32)
    (local $distance i32) (local $literal_bits i32) (local $distance_bits i32)
    (local.set $lengths (i32.add (local.get $tables) (i32.const 131072)))
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
        (then ;; stored: from the next byte on, its size, the size's complement, the bytes
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
              (local.set $literal_bits
                (call $code-table (local.get $lengths) (i32.const 19) (local.get $tables) (local.get $tables)))
              (local.set $i (i32.const 0))
              (local.set $n (i32.add (local.get $literals) (local.get $distances)))
              (loop $each
                (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
                (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
                (local.set $count (i32.or (local.get $count) (i32.const 56)))
                (local.set $entry (i32.load16_u (i32.add (local.get $tables) (i32.shl
                  (i32.and (i32.wrap_i64 (local.get $bits)) (i32.sub (i32.shl (i32.const 1) (local.get $literal_bits)) (i32.const 1)))
                  (i32.const 1)))))
                (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (i32.and (local.get $entry) (i32.const 15)))))
                (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 15))))
                (local.set $symbol (i32.shr_u (local.get $entry) (i32.const 4)))
                (if (i32.lt_u (local.get $symbol) (i32.const 16))
                  (then
                    (i32.store8 (i32.add (local.get $lengths) (local.get $i)) (local.get $symbol))
                    (local.set $i (i32.add (local.get $i) (i32.const 1))))
                  (else ;; 16: the one before, 3 to 6 times; 17: zero, 3 to 10 times; 18: zero, 11 to 138 times
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
          (local.set $distance_bits
            (call $code-table (i32.add (local.get $lengths) (local.get $literals)) (local.get $distances)
              (i32.add (local.get $tables) (i32.const 65536)) (local.get $tables)))
          (local.set $literal_bits
            (call $code-table (local.get $lengths) (local.get $literals) (local.get $tables) (local.get $tables)))
          (local.set $literal_bits (i32.sub (i32.shl (i32.const 1) (local.get $literal_bits)) (i32.const 1)))
          (local.set $distance_bits (i32.sub (i32.shl (i32.const 1) (local.get $distance_bits)) (i32.const 1)))
          (block $end
            (loop $each
              (local.set $bits (i64.or (local.get $bits) (i64.shl (i64.load (local.get $from)) (i64.extend_i32_u (local.get $count)))))
              (local.set $from (i32.add (local.get $from) (i32.shr_u (i32.sub (i32.const 63) (local.get $count)) (i32.const 3))))
              (local.set $count (i32.or (local.get $count) (i32.const 56)))
              (local.set $entry (i32.load16_u (i32.add (local.get $tables)
                (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (local.get $literal_bits)) (i32.const 1)))))
              (if (i32.eqz (local.get $entry)) (then (unreachable)))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (i32.and (local.get $entry) (i32.const 15)))))
              (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 15))))
              (local.set $symbol (i32.shr_u (local.get $entry) (i32.const 4)))
              (if (i32.lt_u (local.get $symbol) (i32.const 256))
                (then
                  (i32.store8 (local.get $to) (local.get $symbol))
                  (local.set $to (i32.add (local.get $to) (i32.const 1)))
                  (br $each)))
              (br_if $end (i32.eq (local.get $symbol) (i32.const 256)))
              (local.set $symbol (i32.sub (local.get $symbol) (i32.const 257)))
              ;; the match's size
              (local.set $size (i32.add (local.get $symbol) (i32.const 3)))
              (if (i32.ge_u (local.get $symbol) (i32.const 8))
                (then
                  (if (i32.eq (local.get $symbol) (i32.const 28))
                    (then (local.set $size (i32.const 258)))
                    (else
                      (local.set $extra (i32.sub (i32.shr_u (local.get $symbol) (i32.const 2)) (i32.const 1)))
                      (local.set $size (i32.add (i32.add (i32.const 3)
                        (i32.shl (i32.add (i32.const 4) (i32.and (local.get $symbol) (i32.const 3))) (local.get $extra)))
                        (i32.and (i32.wrap_i64 (local.get $bits))
                          (i32.sub (i32.shl (i32.const 1) (local.get $extra)) (i32.const 1)))))
                      (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $extra))))
                      (local.set $count (i32.sub (local.get $count) (local.get $extra)))))))
              ;; how far back it is
              (local.set $entry (i32.load16_u offset=65536 (i32.add (local.get $tables)
                (i32.shl (i32.and (i32.wrap_i64 (local.get $bits)) (local.get $distance_bits)) (i32.const 1)))))
              (if (i32.eqz (local.get $entry)) (then (unreachable)))
              (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (i32.and (local.get $entry) (i32.const 15)))))
              (local.set $count (i32.sub (local.get $count) (i32.and (local.get $entry) (i32.const 15))))
              (local.set $symbol (i32.shr_u (local.get $entry) (i32.const 4)))
              (local.set $distance (i32.add (local.get $symbol) (i32.const 1)))
              (if (i32.ge_u (local.get $symbol) (i32.const 4))
                (then
                  (local.set $extra (i32.sub (i32.shr_u (local.get $symbol) (i32.const 1)) (i32.const 1)))
                  (local.set $distance (i32.add (i32.add (i32.const 1)
                    (i32.shl (i32.add (i32.const 2) (i32.and (local.get $symbol) (i32.const 1))) (local.get $extra)))
                    (i32.and (i32.wrap_i64 (local.get $bits))
                      (i32.sub (i32.shl (i32.const 1) (local.get $extra)) (i32.const 1)))))
                  (local.set $bits (i64.shr_u (local.get $bits) (i64.extend_i32_u (local.get $extra))))
                  (local.set $count (i32.sub (local.get $count) (local.get $extra)))))
              ;; copy, also from what is being written
              (local.set $i (i32.add (local.get $to) (local.get $size)))
              (if (i32.ge_u (local.get $distance) (i32.const 8))
                (then
                  (loop $copy
                    (if (i32.le_u (i32.add (local.get $to) (i32.const 8)) (local.get $i))
                      (then
                        (i64.store (local.get $to) (i64.load (i32.sub (local.get $to) (local.get $distance))))
                        (local.set $to (i32.add (local.get $to) (i32.const 8)))
                        (br $copy))))))
              (loop $copy
                (if (i32.lt_u (local.get $to) (local.get $i))
                  (then
                    (i32.store8 (local.get $to) (i32.load8_u (i32.sub (local.get $to) (local.get $distance))))
                    (local.set $to (i32.add (local.get $to) (i32.const 1)))
                    (br $copy))))
              (br $each)))))
      (br_if $block (i32.eqz (local.get $last))))
    (local.get $to))
