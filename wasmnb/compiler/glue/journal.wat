  ;; The glue's own memory starts at $base; see glue/module_text.py for its layout.
  ;;
  ;; Creating and deleting contexts doesn't run Python: both are recorded in the journal, as pairs of u32. The SDK claims
  ;; an HTTP stream there when it meets one that it does not know, and reads the whole for what it does not find.

  (func $journal-append (param $id i32) (param $parent i32)
    (local $at i32)
    (if (i32.ge_u (i32.load offset=16 (global.get $base)) (global.get $journal-entries))
      (then (call $sync) (call $sync-post)))
    (local.set $at (i32.add (global.get $journal) (i32.shl (i32.load offset=16 (global.get $base)) (i32.const 3))))
    (i32.store offset=0 (local.get $at) (local.get $id))
    (i32.store offset=4 (local.get $at) (local.get $parent))
    (i32.store offset=16 (global.get $base) (i32.add (i32.load offset=16 (global.get $base)) (i32.const 1))))

  (func $context-create (param $id i32) (param $parent i32)
    (call $journal-append (local.get $id) (local.get $parent)))

  ;; A delete directly after its create cancels it: the SDK has never seen that context.
  (func $context-delete (param $id i32)
    (local $count i32)
    (if (i32.and (i32.load offset=8 (global.get $base)) (i32.const 3)) ;; always, or while a context waits
      (then (call $on-delete (local.get $id)) (return)))
    (if (call $streams-drop (local.get $id)) (then (return)))
    (local.set $count (i32.load offset=16 (global.get $base)))
    (if (local.get $count)
      (then
        (if (i32.and
              (i32.eq (local.get $id) (i32.load (call $journal-last (local.get $count))))
              (i32.ne (i32.load offset=4 (call $journal-last (local.get $count))) (i32.const -1)))
          (then
            (i32.store offset=16 (global.get $base) (i32.sub (local.get $count) (i32.const 1)))
            (return)))))
    (call $journal-append (local.get $id) (i32.const -1)))

  (func $journal-last (param $count i32) (result i32)
    (i32.add (global.get $journal) (i32.shl (i32.sub (local.get $count) (i32.const 1)) (i32.const 3))))

  ;; Remove the creation of a context from the journal: its parent, or -1 if there's none. Searches the newest first.
  (func $journal-claim (param $id i32) (result i32)
    (local $count i32) (local $left i32) (local $at i32) (local $parent i32)
    (local.set $count (i32.load offset=16 (global.get $base)))
    (local.set $left (local.get $count))
    (loop $next
      (if (i32.eqz (local.get $left)) (then (return (i32.const -1))))
      (local.set $at (call $journal-last (local.get $left)))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (i32.ne (i32.load (local.get $at)) (local.get $id))))
    (local.set $parent (i32.load offset=4 (local.get $at)))
    (if (i32.eq (local.get $parent) (i32.const -1)) (then (return (i32.const -1))))
    (local.set $count (i32.sub (local.get $count) (i32.const 1)))
    (i32.store offset=16 (global.get $base) (local.get $count))
    (memory.copy (local.get $at) (i32.add (local.get $at) (i32.const 8))
      (i32.shl (i32.sub (local.get $count) (local.get $left)) (i32.const 3)))
    (local.get $parent))

  ;; -> list<u8>: the filter's source, which follows this memory.
  (func $source-take (param $ret i32)
    (call $give-copy (local.get $ret) (i32.load offset=0 (global.get $base)) (i32.load offset=4 (global.get $base))))

  ;; Return a list that is a copy of $size bytes at $from.
  (func $give-copy (param $ret i32) (param $from i32) (param $size i32)
    (call $give-list (local.get $ret) (local.get $size))
    (memory.copy (i32.load (local.get $ret)) (local.get $from) (local.get $size)))

  ;; Return an uninitialised list of $size bytes. The guest frees it; an empty one is a null pointer, which free accepts.
  (func $give-list (param $ret i32) (param $size i32)
    (i32.store offset=0 (local.get $ret)
      (if (result i32) (local.get $size) (then (call $allocate (local.get $size))) (else (i32.const 0))))
    (i32.store offset=4 (local.get $ret) (local.get $size)))

  (func $allocate (param $size i32) (result i32)
    (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (local.get $size)))

  ;; -> list<u8>: the environment, NAME=VALUE and a zero byte each.
  (func $environment-take (param $ret i32)
    (local $pointers i32)
    (drop (call $environ_sizes_get (i32.add (global.get $base) (i32.const 32)) (i32.add (global.get $base) (i32.const 36))))
    (call $give-list (local.get $ret) (i32.load offset=36 (global.get $base)))
    (if (i32.eqz (i32.load offset=36 (global.get $base))) (then (return)))
    (local.set $pointers (call $allocate (i32.shl (i32.load offset=32 (global.get $base)) (i32.const 2))))
    (drop (call $environ_get (local.get $pointers) (i32.load (local.get $ret)))))

  ;; The report about loading the source, kept in memory for the builder of the filter.
  (func $report (param $data i32) (param $size i32)
    (i32.store offset=352 (global.get $base) (call $allocate (local.get $size)))
    (i32.store offset=356 (global.get $base) (local.get $size))
    (memory.copy (i32.load offset=352 (global.get $base)) (local.get $data) (local.get $size))
    (call $free (local.get $data)))

  ;; The SDK has logged the reason. The guest's frames stay as they are and never run again.
  (func $abort unreachable)
