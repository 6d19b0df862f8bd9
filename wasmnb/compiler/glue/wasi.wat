  ;; The part of WASI 0.2 that a filter can use, implemented with Envoy's WASI preview 1 and its log.
  ;; Results that are larger than one number go to a return area ($ret): see the canonical ABI.

  ;; ---- clocks

  (func $clock (param $id i32) (result i64)
    (drop (call $clock_time_get (local.get $id) (i64.const 1) (i32.add (global.get $base) (i32.const 32))))
    (i64.load offset=32 (global.get $base)))

  (func (export "wasi:clocks/monotonic-clock#now") (result i64) (call $clock (i32.const 1)))
  (func (export "wasi:clocks/monotonic-clock#resolution") (result i64) (i64.const 1))

  (func (export "wasi:clocks/wall-clock#now") (param $ret i32)
    (local $now i64)
    (local.set $now (call $clock (i32.const 0)))
    (i64.store offset=0 (local.get $ret) (i64.div_u (local.get $now) (i64.const 1000000000)))
    (i32.store offset=8 (local.get $ret) (i32.wrap_i64 (i64.rem_u (local.get $now) (i64.const 1000000000)))))
  (func (export "wasi:clocks/wall-clock#resolution") (param $ret i32)
    (i64.store offset=0 (local.get $ret) (i64.const 0))
    (i32.store offset=8 (local.get $ret) (i32.const 1)))

  ;; ---- pollables: 0 is ready at once; 1 to 15 are ready at a time stored in the glue's memory

  (func $pollable-at (param $handle i32) (result i32)
    (i32.add (global.get $base) (i32.add (i32.const 96) (i32.shl (i32.and (local.get $handle) (i32.const 15)) (i32.const 3)))))

  (func $subscribe-instant (export "wasi:clocks/monotonic-clock#subscribe-instant") (param $when i64) (result i32)
    (local $handle i32)
    (local.set $handle (i32.add (i32.const 1) (i32.rem_u (i32.load offset=28 (global.get $base)) (i32.const 15))))
    (i32.store offset=28 (global.get $base) (local.get $handle))
    (i64.store (call $pollable-at (local.get $handle)) (local.get $when))
    (local.get $handle))
  (func (export "wasi:clocks/monotonic-clock#subscribe-duration") (param $duration i64) (result i32)
    (call $subscribe-instant (i64.add (call $clock (i32.const 1)) (local.get $duration))))

  (func $ready (export "wasi:io/poll#[method]pollable.ready") (param $handle i32) (result i32)
    (if (i32.eqz (local.get $handle)) (then (return (i32.const 1))))
    (i64.ge_u (call $clock (i32.const 1)) (i64.load (call $pollable-at (local.get $handle)))))

  ;; Envoy has no sleep: a filter that waits keeps its worker busy. poll_oneoff returns at once there, but it informs a host
  ;; with a virtual clock about the wait and its end (a subscription to the monotonic clock, absolute).
  (func $wait (param $handle i32)
    (local $s i32)
    (local.set $s (i32.add (global.get $base) (i32.const 256)))
    (i64.store offset=0 (local.get $s) (i64.const 0))
    (i32.store offset=8 (local.get $s) (i32.const 0))
    (i32.store offset=16 (local.get $s) (i32.const 1))
    (i64.store offset=24 (local.get $s) (i64.load (call $pollable-at (local.get $handle))))
    (i64.store offset=32 (local.get $s) (i64.const 1))
    (i32.store offset=40 (local.get $s) (i32.const 1))
    (drop (call $poll_oneoff (local.get $s) (i32.add (local.get $s) (i32.const 64)) (i32.const 1)
      (i32.add (local.get $s) (i32.const 48)))))

  (func (export "wasi:io/poll#[method]pollable.block") (param $handle i32)
    (loop $again
      (if (i32.eqz (call $ready (local.get $handle))) (then (call $wait (local.get $handle)) (br $again)))))

  ;; poll(list<borrow<pollable>>) -> list<u32>: the ready ones, at least one.
  (func (export "wasi:io/poll#poll") (param $handles i32) (param $count i32) (param $ret i32)
    (local $i i32) (local $found i32) (local $handle i32)
    (i32.store offset=0 (local.get $ret)
      (call $realloc (i32.const 0) (i32.const 0) (i32.const 4) (i32.shl (local.get $count) (i32.const 2))))
    (loop $again
      (local.set $i (i32.const 0))
      (loop $next
        (local.set $handle (i32.load (i32.add (local.get $handles) (i32.shl (local.get $i) (i32.const 2)))))
        (if (call $ready (local.get $handle))
          (then
            (i32.store (i32.add (i32.load (local.get $ret)) (i32.shl (local.get $found) (i32.const 2))) (local.get $i))
            (local.set $found (i32.add (local.get $found) (i32.const 1)))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (local.get $count))))
      (if (i32.eqz (local.get $found)) (then (call $wait (local.get $handle)) (br $again))))
    (i32.store offset=4 (local.get $ret) (local.get $found)))

  ;; ---- random bytes: Envoy returns at most 64 KiB at a time

  (func (export "wasi:random/random#get-random-bytes") (param $size i64) (param $ret i32)
    (local $at i32) (local $left i32) (local $part i32)
    (local.set $left (i32.wrap_i64 (local.get $size)))
    (call $give-list (local.get $ret) (local.get $left))
    (local.set $at (i32.load (local.get $ret)))
    (block $done
      (loop $more
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $part (select (local.get $left) (i32.const 65536) (i32.lt_u (local.get $left) (i32.const 65536))))
        (if (call $random_get (local.get $at) (local.get $part)) (then unreachable))
        (local.set $at (i32.add (local.get $at) (local.get $part)))
        (local.set $left (i32.sub (local.get $left) (local.get $part)))
        (br $more))))
  (func $random-u64 (export "wasi:random/random#get-random-u64") (result i64)
    (if (call $random_get (i32.add (global.get $base) (i32.const 32)) (i32.const 8)) (then unreachable))
    (i64.load offset=32 (global.get $base)))
  (func (export "wasi:random/insecure-seed#insecure-seed") (param $ret i32)
    (i64.store offset=0 (local.get $ret) (call $random-u64))
    (i64.store offset=8 (local.get $ret) (call $random-u64)))

  ;; ---- standard streams: handle 0 reads nothing; 1 and 2 go to the log, a line at a time, as info and error

  (func (export "wasi:cli/stdin#get-stdin") (result i32) (i32.const 0))
  (func (export "wasi:cli/stdout#get-stdout") (result i32) (i32.const 1))
  (func (export "wasi:cli/stderr#get-stderr") (result i32) (i32.const 2))
  (func $none (param $ret i32) (i32.store8 (local.get $ret) (i32.const 0)))
  (export "wasi:cli/terminal-stdin#get-terminal-stdin" (func $none))
  (export "wasi:cli/terminal-stdout#get-terminal-stdout" (func $none))
  (export "wasi:cli/terminal-stderr#get-terminal-stderr" (func $none))

  (func (export "wasi:io/streams#[method]output-stream.check-write") (param $stream i32) (param $ret i32)
    (i32.store8 offset=0 (local.get $ret) (i32.const 0))
    (i64.store offset=8 (local.get $ret) (i64.const 65536)))
  (func $write (param $stream i32) (param $data i32) (param $size i32) (param $ret i32)
    (call $line-write (i32.ne (local.get $stream) (i32.const 1)) (local.get $data) (local.get $size))
    (i32.store8 (local.get $ret) (i32.const 0)))
  (export "wasi:io/streams#[method]output-stream.write" (func $write))
  (export "wasi:io/streams#[method]output-stream.blocking-write-and-flush" (func $write))
  (func $flush (param $stream i32) (param $ret i32) (i32.store8 (local.get $ret) (i32.const 0)))
  (export "wasi:io/streams#[method]output-stream.flush" (func $flush))
  (export "wasi:io/streams#[method]output-stream.blocking-flush" (func $flush))
  (func $subscribe (param $stream i32) (result i32) (i32.const 0))
  (export "wasi:io/streams#[method]output-stream.subscribe" (func $subscribe))
  (export "wasi:io/streams#[method]input-stream.subscribe" (func $subscribe))
  (func $read (param $stream i32) (param $size i64) (param $ret i32)
    (i32.store8 offset=0 (local.get $ret) (i32.const 1))
    (i32.store8 offset=4 (local.get $ret) (i32.const 1)))
  (export "wasi:io/streams#[method]input-stream.read" (func $read))
  (export "wasi:io/streams#[method]input-stream.blocking-read" (func $read))

  ;; Collect bytes until a line ends (or 8 KiB are full), then log it without its end. $which is 0 or 1.
  (func $line-write (param $which i32) (param $data i32) (param $size i32)
    (local $end i32) (local $byte i32)
    (local.set $end (i32.add (local.get $data) (local.get $size)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $data) (local.get $end)))
        (local.set $byte (i32.load8_u (local.get $data)))
        (local.set $data (i32.add (local.get $data) (i32.const 1)))
        (if (i32.eq (local.get $byte) (i32.const 10))
          (then (call $line-log (local.get $which)))
          (else (call $line-add (local.get $which) (local.get $byte))))
        (br $next))))

  (func $line-length (param $which i32) (result i32)  ;; address of the number of buffered bytes
    (i32.add (global.get $base) (i32.add (i32.const 20) (i32.shl (local.get $which) (i32.const 2)))))
  (func $line-buffer (param $which i32) (result i32)
    (i32.add (global.get $base) (i32.add (i32.const 4096) (i32.shl (local.get $which) (i32.const 13)))))

  (func $line-add (param $which i32) (param $byte i32)
    (local $length i32)
    (local.set $length (i32.load (call $line-length (local.get $which))))
    (i32.store8 (i32.add (call $line-buffer (local.get $which)) (local.get $length)) (local.get $byte))
    (i32.store (call $line-length (local.get $which)) (i32.add (local.get $length) (i32.const 1)))
    (if (i32.eq (local.get $length) (i32.const 8191)) (then (call $line-log (local.get $which)))))

  (func $line-log (param $which i32)
    (drop (call $proxy_log
      (i32.add (i32.const 2) (i32.shl (local.get $which) (i32.const 1)))
      (call $line-buffer (local.get $which))
      (i32.load (call $line-length (local.get $which)))))
    (i32.store (call $line-length (local.get $which)) (i32.const 0)))

  ;; ---- features that filters don't have: no arguments, no files, no sockets, no terminal

  (func $empty-list (param $ret i32)
    (i32.store offset=0 (local.get $ret) (i32.const 4))
    (i32.store offset=4 (local.get $ret) (i32.const 0)))
  (export "wasi:cli/environment#get-environment" (func $empty-list))
  (export "wasi:cli/environment#get-arguments" (func $empty-list))
  (export "wasi:filesystem/preopens#get-directories" (func $empty-list))
  (export "wasi:cli/environment#initial-cwd" (func $none))

  (func $not-supported (param $family i32) (param $ret i32)  ;; result<own<socket>, error-code>
    (i32.store8 offset=0 (local.get $ret) (i32.const 1))
    (i32.store8 offset=4 (local.get $ret) (i32.const 2)))
  (export "wasi:sockets/udp-create-socket#create-udp-socket" (func $not-supported))
  (export "wasi:sockets/tcp-create-socket#create-tcp-socket" (func $not-supported))
  (func (export "wasi:sockets/instance-network#instance-network") (result i32) (i32.const 0))
  (func (export "wasi:sockets/ip-name-lookup#resolve-addresses")
    (param $network i32) (param $name i32) (param $size i32) (param $ret i32)
    (i32.store8 offset=0 (local.get $ret) (i32.const 1))
    (i32.store8 offset=4 (local.get $ret) (i32.const 2)))

  (func (export "builtin#resource.drop") (param $handle i32))
