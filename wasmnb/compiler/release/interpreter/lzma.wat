  ;; Decodes raw LZMA1 data with an end marker, lc=0, lp=1 and pb=3: the LZMA specification of the LZMA SDK. The input was made by
  ;; the compiler and its checksum is verified: impossible input traps.
  ;;
  ;; Memory at $lz:  +0  range, code, address of the next input byte (u32 each)
  ;;                +16  probabilities of 16 bits:
  ;;                     +0 is-match, +384 is-long-repeat, +768 is-repeat, +800, +832 and +864 which repeat,
  ;;                     +896 slots of distances, +1408 alignment, +1440 bits of distances, +1696 and +2752 lengths,
  ;;                     +3808 literals, two tables of 768

  (func $lzma-bit (param $lz i32) (param $at i32) (result i32)
    (local $range i32) (local $code i32) (local $bound i32) (local $chance i32) (local $bit i32)
    (local.set $chance (i32.load16_u offset=16 (local.get $at)))
    (local.set $range (i32.load (local.get $lz)))
    (local.set $code (i32.load offset=4 (local.get $lz)))
    (local.set $bound (i32.mul (i32.shr_u (local.get $range) (i32.const 11)) (local.get $chance)))
    (if (i32.lt_u (local.get $code) (local.get $bound))
      (then
        (local.set $range (local.get $bound))
        (i32.store16 offset=16 (local.get $at)
          (i32.add (local.get $chance) (i32.shr_u (i32.sub (i32.const 2048) (local.get $chance)) (i32.const 5)))))
      (else
        (local.set $range (i32.sub (local.get $range) (local.get $bound)))
        (local.set $code (i32.sub (local.get $code) (local.get $bound)))
        (i32.store16 offset=16 (local.get $at)
          (i32.sub (local.get $chance) (i32.shr_u (local.get $chance) (i32.const 5))))
        (local.set $bit (i32.const 1))))
    (if (i32.lt_u (local.get $range) (i32.const 0x1000000))
      (then
        (local.set $range (i32.shl (local.get $range) (i32.const 8)))
        (local.set $code (i32.or (i32.shl (local.get $code) (i32.const 8)) (i32.load8_u (i32.load offset=8 (local.get $lz)))))
        (i32.store offset=8 (local.get $lz) (i32.add (i32.load offset=8 (local.get $lz)) (i32.const 1)))))
    (i32.store (local.get $lz) (local.get $range))
    (i32.store offset=4 (local.get $lz) (local.get $code))
    (local.get $bit))

  ;; Return $count bits of equal chance.
  (func $lzma-direct (param $lz i32) (param $count i32) (result i32)
    (local $range i32) (local $code i32) (local $bits i32) (local $bit i32)
    (local.set $range (i32.load (local.get $lz)))
    (local.set $code (i32.load offset=4 (local.get $lz)))
    (loop $next
      (local.set $range (i32.shr_u (local.get $range) (i32.const 1)))
      (local.set $bit (i32.ge_u (local.get $code) (local.get $range)))
      (if (local.get $bit) (then (local.set $code (i32.sub (local.get $code) (local.get $range)))))
      (local.set $bits (i32.or (i32.shl (local.get $bits) (i32.const 1)) (local.get $bit)))
      (if (i32.lt_u (local.get $range) (i32.const 0x1000000))
        (then
          (local.set $range (i32.shl (local.get $range) (i32.const 8)))
          (local.set $code (i32.or (i32.shl (local.get $code) (i32.const 8)) (i32.load8_u (i32.load offset=8 (local.get $lz)))))
          (i32.store offset=8 (local.get $lz) (i32.add (i32.load offset=8 (local.get $lz)) (i32.const 1)))))
      (br_if $next (local.tee $count (i32.sub (local.get $count) (i32.const 1)))))
    (i32.store (local.get $lz) (local.get $range))
    (i32.store offset=4 (local.get $lz) (local.get $code))
    (local.get $bits))

  ;; Return a number of $count bits, the highest first, from the tree of probabilities at $at.
  (func $lzma-tree (param $lz i32) (param $at i32) (param $count i32) (result i32)
    (local $node i32) (local $end i32)
    (local.set $node (i32.const 1))
    (local.set $end (i32.shl (i32.const 1) (local.get $count)))
    (loop $next
      (local.set $node (i32.or (i32.shl (local.get $node) (i32.const 1))
        (call $lzma-bit (local.get $lz) (i32.add (local.get $at) (i32.shl (local.get $node) (i32.const 1))))))
      (br_if $next (i32.lt_u (local.get $node) (local.get $end))))
    (i32.sub (local.get $node) (local.get $end)))

  ;; The same, with the lowest bit first.
  (func $lzma-reverse-tree (param $lz i32) (param $at i32) (param $count i32) (result i32)
    (local $node i32) (local $number i32) (local $shift i32) (local $bit i32)
    (local.set $node (i32.const 1))
    (loop $next
      (local.set $bit (call $lzma-bit (local.get $lz) (i32.add (local.get $at) (i32.shl (local.get $node) (i32.const 1)))))
      (local.set $node (i32.or (i32.shl (local.get $node) (i32.const 1)) (local.get $bit)))
      (local.set $number (i32.or (local.get $number) (i32.shl (local.get $bit) (local.get $shift))))
      (br_if $next (i32.lt_u (local.tee $shift (i32.add (local.get $shift) (i32.const 1))) (local.get $count))))
    (local.get $number))

  ;; Return a length minus 2. Probabilities at $at: two choices, then at +16, +272 and +528 trees of 3, 3 and 8 bits.
  (func $lzma-length (param $lz i32) (param $at i32) (param $position i32) (result i32)
    (if (i32.eqz (call $lzma-bit (local.get $lz) (local.get $at)))
      (then (return (call $lzma-tree (local.get $lz)
        (i32.add (i32.add (local.get $at) (i32.const 16)) (i32.shl (local.get $position) (i32.const 4))) (i32.const 3)))))
    (if (i32.eqz (call $lzma-bit (local.get $lz) (i32.add (local.get $at) (i32.const 2))))
      (then (return (i32.add (i32.const 8) (call $lzma-tree (local.get $lz)
        (i32.add (i32.add (local.get $at) (i32.const 272)) (i32.shl (local.get $position) (i32.const 4))) (i32.const 3))))))
    (i32.add (i32.const 16)
      (call $lzma-tree (local.get $lz) (i32.add (local.get $at) (i32.const 528)) (i32.const 8))))

  ;; Return a distance minus 1 for a match of a length, which is given minus 2.
  (func $lzma-distance (param $lz i32) (param $length i32) (result i32)
    (local $slot i32) (local $count i32) (local $distance i32)
    (local.set $slot (call $lzma-tree (local.get $lz)
      (i32.add (i32.add (local.get $lz) (i32.const 896))
        (i32.shl (select (local.get $length) (i32.const 3) (i32.lt_u (local.get $length) (i32.const 3))) (i32.const 7)))
      (i32.const 6)))
    (if (i32.lt_u (local.get $slot) (i32.const 4)) (then (return (local.get $slot))))
    (local.set $count (i32.sub (i32.shr_u (local.get $slot) (i32.const 1)) (i32.const 1)))
    (local.set $distance
      (i32.shl (i32.or (i32.const 2) (i32.and (local.get $slot) (i32.const 1))) (local.get $count)))
    (if (i32.lt_u (local.get $slot) (i32.const 14))
      (then (return (i32.add (local.get $distance) (call $lzma-reverse-tree (local.get $lz)
        (i32.add (i32.add (local.get $lz) (i32.const 1440))
          (i32.shl (i32.sub (local.get $distance) (local.get $slot)) (i32.const 1)))
        (local.get $count))))))
    (local.set $distance (i32.add (local.get $distance)
      (i32.shl (call $lzma-direct (local.get $lz) (i32.sub (local.get $count) (i32.const 4))) (i32.const 4))))
    (i32.add (local.get $distance)
      (call $lzma-reverse-tree (local.get $lz) (i32.add (local.get $lz) (i32.const 1408)) (i32.const 4))))

  ;; Return a byte. $match is the byte at the last distance, or -1 if the byte before was not copied.
  (func $lzma-literal (param $lz i32) (param $at i32) (param $match i32) (result i32)
    (local $node i32) (local $bit i32)
    (local.set $node (i32.const 1))
    (block $done
      (br_if $done (i32.lt_s (local.get $match) (i32.const 0)))
      (loop $next
        (local.set $match (i32.shl (local.get $match) (i32.const 1)))
        (local.set $bit (call $lzma-bit (local.get $lz) (i32.add (local.get $at) (i32.shl
          (i32.add (i32.add (i32.const 256) (i32.and (local.get $match) (i32.const 256))) (local.get $node)) (i32.const 1)))))
        (local.set $node (i32.or (i32.shl (local.get $node) (i32.const 1)) (local.get $bit)))
        (br_if $done (i32.ne (local.get $bit) (i32.and (i32.shr_u (local.get $match) (i32.const 8)) (i32.const 1))))
        (br_if $next (i32.lt_u (local.get $node) (i32.const 256)))))
    (block $whole
      (loop $next
        (br_if $whole (i32.ge_u (local.get $node) (i32.const 256)))
        (local.set $node (i32.or (i32.shl (local.get $node) (i32.const 1))
          (call $lzma-bit (local.get $lz) (i32.add (local.get $at) (i32.shl (local.get $node) (i32.const 1))))))
        (br $next)))
    (i32.and (local.get $node) (i32.const 255)))

  ;; Decode the data at $in to $out, with tables at $lz; return the end of the output.
  (func $lzma (export "lzma") (param $in i32) (param $out i32) (param $lz i32) (result i32)
    (local $to i32) (local $state i32) (local $position i32) (local $length i32) (local $i i32)
    (local $r0 i32) (local $r1 i32) (local $r2 i32) (local $r3 i32)
    (local.set $i (local.get $lz))
    (local.set $to (i32.add (local.get $lz) (i32.const 6880)))
    (loop $fill
      (i64.store offset=16 (local.get $i) (i64.const 0x0400040004000400))
      (br_if $fill (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 8))) (local.get $to))))
    (i32.store (local.get $lz) (i32.const -1))
    (loop $head
      (i32.store offset=4 (local.get $lz)
        (i32.or (i32.shl (i32.load offset=4 (local.get $lz)) (i32.const 8)) (i32.load8_u (local.get $in))))
      (local.set $in (i32.add (local.get $in) (i32.const 1)))
      (br_if $head (i32.lt_u (local.tee $length (i32.add (local.get $length) (i32.const 1))) (i32.const 5))))
    (i32.store offset=8 (local.get $lz) (local.get $in))
    (local.set $to (local.get $out))
    (loop $next
      (local.set $position (i32.and (i32.sub (local.get $to) (local.get $out)) (i32.const 7)))
      (local.set $i (i32.add (local.get $lz)
        (i32.shl (i32.add (i32.shl (local.get $state) (i32.const 4)) (local.get $position)) (i32.const 1))))
      (if (i32.eqz (call $lzma-bit (local.get $lz) (local.get $i)))
        (then
          (i32.store8 (local.get $to) (call $lzma-literal (local.get $lz)
            (i32.add (i32.add (local.get $lz) (i32.const 3808))
              (i32.mul (i32.and (local.get $position) (i32.const 1)) (i32.const 1536)))
            (if (result i32) (i32.lt_u (local.get $state) (i32.const 7))
              (then (i32.const -1))
              (else (i32.load8_u (i32.sub (i32.sub (local.get $to) (local.get $r0)) (i32.const 1)))))))
          (local.set $to (i32.add (local.get $to) (i32.const 1)))
          (local.set $state
            (select (i32.const 0)
              (i32.sub (local.get $state)
                (select (i32.const 3) (i32.const 6) (i32.lt_u (local.get $state) (i32.const 10))))
              (i32.lt_u (local.get $state) (i32.const 4))))
          (br $next)))
      (block $match
        (if (i32.eqz (call $lzma-bit (local.get $lz)
              (i32.add (i32.add (local.get $lz) (i32.const 768)) (i32.shl (local.get $state) (i32.const 1)))))
          (then
            (local.set $r3 (local.get $r2))
            (local.set $r2 (local.get $r1))
            (local.set $r1 (local.get $r0))
            (local.set $length
              (call $lzma-length (local.get $lz) (i32.add (local.get $lz) (i32.const 1696)) (local.get $position)))
            (local.set $state (select (i32.const 7) (i32.const 10) (i32.lt_u (local.get $state) (i32.const 7))))
            (local.set $r0 (call $lzma-distance (local.get $lz) (local.get $length)))
            (if (i32.eq (local.get $r0) (i32.const -1)) (then (return (local.get $to))))
            (br $match)))
        (if (call $lzma-bit (local.get $lz)
              (i32.add (i32.add (local.get $lz) (i32.const 800)) (i32.shl (local.get $state) (i32.const 1))))
          (then
            (if (call $lzma-bit (local.get $lz)
                  (i32.add (i32.add (local.get $lz) (i32.const 832)) (i32.shl (local.get $state) (i32.const 1))))
              (then
                (if (call $lzma-bit (local.get $lz)
                      (i32.add (i32.add (local.get $lz) (i32.const 864)) (i32.shl (local.get $state) (i32.const 1))))
                  (then (local.set $i (local.get $r3)) (local.set $r3 (local.get $r2)))
                  (else (local.set $i (local.get $r2))))
                (local.set $r2 (local.get $r1)))
              (else (local.set $i (local.get $r1))))
            (local.set $r1 (local.get $r0))
            (local.set $r0 (local.get $i)))
          (else
            (if (i32.eqz (call $lzma-bit (local.get $lz) (i32.add (local.get $i) (i32.const 384))))
              (then
                (local.set $state (select (i32.const 9) (i32.const 11) (i32.lt_u (local.get $state) (i32.const 7))))
                (local.set $length (i32.const -1))
                (br $match)))))
        (local.set $length
          (call $lzma-length (local.get $lz) (i32.add (local.get $lz) (i32.const 2752)) (local.get $position)))
        (local.set $state (select (i32.const 8) (i32.const 11) (i32.lt_u (local.get $state) (i32.const 7)))))
      (if (i32.ge_u (local.get $r0) (i32.sub (local.get $to) (local.get $out))) (then (unreachable)))
      (local.set $i (i32.add (local.get $to) (i32.add (local.get $length) (i32.const 2))))
      (loop $copy
        (i32.store8 (local.get $to) (i32.load8_u (i32.sub (i32.sub (local.get $to) (local.get $r0)) (i32.const 1))))
        (br_if $copy (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 1))) (local.get $i))))
      (br $next))
    (unreachable))
