/* A guest that does what its configuration says, and logs all that happens to it.
 *
 * The configuration is a small program, one rule a line:
 *
 *     on_request_headers: set_tick_period_milliseconds 60; return 1
 *     on_request_body#2: get_buffer_bytes HTTP_REQUEST_BODY 0 100; return 1
 *     on_tick: set_effective_context stream; continue_stream REQUEST
 *
 * A rule names a callback, with #n its n-th call on a context, and the statements to run there: hostcalls (short names)
 * with their inputs, `return n`, `accept_below n`, `trap_from n`, `trap`, `loop`. Inputs are separated by spaces; %xx stands for any byte, `_` for nothing.
 *
 *     numbers   decimal, a name of the enum, `$` (the last number that a hostcall gave), `self`, `stream` (last stream)
 *     bytes     text; `repeat:x:5000`; `at:<pointer>:<size>` for a raw address
 *     pairs     a=b&c=d ; `raw:` before bytes passes them as they are
 *     paths     request/headers/x
 *
 * `!` before a hostcall gives it output addresses outside memory. VM configuration is read in on_vm_start, plugin
 * configuration in on_configure, and the header x-script of a request adds rules for that stream.
 *
 * Every line logged begins with `#` and a number that is this instance's own.
 */
#include "proxy_wasm.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

PROXY_WASM_MARKER

typedef struct { const char *name; uint32_t value; } Name;
typedef struct { const uint8_t *data; size_t size; } Bytes;
typedef struct { char *rest; } Args;
typedef struct { const char *name; void (*call)(Args *); } Call;

typedef struct Rule {
  struct Rule *next;
  char *callback;
  uint32_t occurrence; /* 0: every one */
  uint32_t stream;     /* 0: every one */
  char *statements;
} Rule;

typedef struct Count { struct Count *next; const char *callback; uint32_t n; } Count;

typedef struct Context {
  struct Context *next;
  uint32_t id;
  struct Context *root;
  Rule *rules;          /* of a root */
  uint32_t last_stream; /* of a root */
  Count *counts;
} Context;

static Context *contexts;
static uint32_t last_output, current;
static int bad_outputs;
static uint32_t instance;

#define UNTOUCHED ((void *)0xABABABAB)
#define OUT(p) (bad_outputs ? (void *)0xFFFFFFF0 : (void *)(p))

/* -- logging ------------------------------------------------------------------------------------------------------ */

static char line[1 << 16];
static size_t used;

static void say(const char *format, ...) {
  va_list list;
  va_start(list, format);
  int n = vsnprintf(line + used, sizeof line - used, format, list);
  va_end(list);
  used += n < 0 ? 0 : (size_t)n;
  if (used > sizeof line - 1) used = sizeof line - 1;
}

static void flush(void) {
  proxy_log(LogLevel_INFO, line, used);
  used = 0;
}

static void begin(void) { used = 0; say("#%08x ", instance); }

static void say_unsigned(uint64_t v) { say("%llu", (unsigned long long)v); }
static void say_signed(int64_t v) { say("%lld", (long long)v); }

static void say_escaped(const uint8_t *p, size_t n) {
  size_t shown = n > 400 ? 400 : n;
  for (size_t i = 0; i < shown; i++) {
    if (p[i] == '\\') say("\\\\");
    else if (p[i] < 32 || p[i] > 126) say("\\x%02x", p[i]);
    else say("%c", p[i]);
  }
  if (shown < n) say("...(%u more)", (unsigned)(n - shown));
}

static void say_bytes(Bytes b) { if (b.data == (void *)0xFFFFFFF0) say("<bad>"); else say_escaped(b.data, b.size); }

static void say_enum(uint32_t v, const Name *names) {
  for (; names->name; names++)
    if (names->value == v) { say("%s", names->name); return; }
  say_signed((int32_t)v);
}

static void say_data(void *p, size_t n) {
  if (p == UNTOUCHED && n == 0xABABABAB) return;
  if (!p) { say(" n=%u null", (unsigned)n); return; }
  say(" n=%u [", (unsigned)n);
  say_escaped(p, n);
  say("]");
  free(p);
}

static uint32_t u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }

static void say_map(const uint8_t *b) {
  uint32_t count = u32(b);
  const uint8_t *at = b + 4 + 8 * (size_t)count;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t name = u32(b + 4 + 8 * i), value = u32(b + 8 + 8 * i);
    say(i ? "; " : "");
    say_escaped(at, name);
    say("=");
    say_escaped(at + name + 1, value);
    at += name + 1 + value + 1;
  }
}

static void say_pairs(void *p, size_t n) {
  if (p == UNTOUCHED && n == 0xABABABAB) return;
  if (!p) { say(" n=%u null", (unsigned)n); return; }
  say(" n=%u count=%u {", (unsigned)n, u32(p));
  say_map(p);
  say("}");
  free(p);
}

static void say_given_pairs(Bytes b, int raw) {
  if (raw || b.size < 4) { say_bytes(b); return; }
  say("{");
  say_map(b.data);
  say("}");
}

/* -- arguments ---------------------------------------------------------------------------------------------------- */

static char *word(Args *a) {
  while (*a->rest == ' ') a->rest++;
  char *start = a->rest;
  while (*a->rest && *a->rest != ' ') a->rest++;
  if (*a->rest) *a->rest++ = 0;
  return start;
}

static int hex(char c) { return c <= '9' ? c - '0' : (c | 32) - 'a' + 10; }

static Bytes decode(const char *text, size_t size) {
  uint8_t *out = malloc(size + 1);
  size_t n = 0;
  if (size == 1 && *text == '_') size = 0;
  for (size_t i = 0; i < size; i++) {
    if (text[i] == '%' && i + 2 < size) { out[n++] = (uint8_t)(hex(text[i + 1]) << 4 | hex(text[i + 2])); i += 2; }
    else out[n++] = (uint8_t)text[i];
  }
  return (Bytes){out, n};
}

static Context *find(uint32_t id);

static int64_t arg_number(Args *a, const Name *names) {
  char *w = word(a);
  for (; names && names->name; names++)
    if (!strcmp(names->name, w)) return names->value;
  if (!strcmp(w, "$")) return last_output;
  if (!strcmp(w, "self")) return current;
  if (!strcmp(w, "stream")) return find(current)->root->last_stream;
  return *w == '-' ? strtoll(w, 0, 10) : (int64_t)strtoull(w, 0, 10);
}

static Bytes arg_bytes(Args *a) {
  char *w = word(a);
  if (!strncmp(w, "at:", 3)) {
    char *colon = strchr(w + 3, ':');
    return (Bytes){(uint8_t *)(uintptr_t)strtoul(w + 3, 0, 10), strtoul(colon + 1, 0, 10)};
  }
  if (!strncmp(w, "repeat:", 7)) {
    size_t n = strtoul(w + 9, 0, 10);
    uint8_t *out = malloc(n + 1);
    memset(out, w[7], n);
    return (Bytes){out, n};
  }
  return decode(w, strlen(w));
}

static Bytes arg_path(Args *a) {
  char *w = word(a);
  if (!strncmp(w, "at:", 3)) { Args again = {w}; return arg_bytes(&again); }
  Bytes b = decode(w, strlen(w));
  uint8_t *p = (uint8_t *)b.data;
  for (size_t i = 0; i < b.size; i++)
    if (p[i] == '/') p[i] = 0;
  return b;
}

static int raw_pairs; /* whether the last pairs were given as plain bytes or an address */

static Bytes arg_pairs(Args *a) {
  char *w = word(a);
  raw_pairs = 1;
  if (!strncmp(w, "raw:", 4)) return decode(w + 4, strlen(w + 4));
  if (!strncmp(w, "at:", 3)) { Args again = {w}; return arg_bytes(&again); }
  raw_pairs = 0;
  if (!strcmp(w, "_")) return (Bytes){0, 0};
  Bytes names[64], values[64];
  uint32_t count = 0;
  size_t total = 4;
  for (char *p = w; p && count < 64; count++) {
    char *next = strchr(p, '&');
    if (next) *next++ = 0;
    char *eq = strchr(p, '=');
    if (!eq) eq = p + strlen(p);
    names[count] = decode(p, (size_t)(eq - p));
    values[count] = *eq ? decode(eq + 1, strlen(eq + 1)) : (Bytes){(uint8_t *)"", 0};
    total += 8 + names[count].size + values[count].size + 2;
    p = next;
  }
  uint8_t *out = malloc(total), *at = out + 4 + 8 * count;
  memcpy(out, &count, 4);
  for (uint32_t i = 0; i < count; i++) {
    memcpy(out + 4 + 8 * i, &names[i].size, 4);
    memcpy(out + 8 + 8 * i, &values[i].size, 4);
    memcpy(at, names[i].data, names[i].size); at += names[i].size; *at++ = 0;
    memcpy(at, values[i].data, values[i].size); at += values[i].size; *at++ = 0;
  }
  return (Bytes){out, total};
}

/* -- running ------------------------------------------------------------------------------------------------------ */

static uint32_t run(const char *callback, uint32_t result, uint32_t count, uint32_t *args);

#include "scripted_table.h"

static Context *find(uint32_t id) {
  for (Context *c = contexts; c; c = c->next)
    if (c->id == id) return c;
  return 0;
}

static void create(uint32_t id, uint32_t parent) {
  Context *c = calloc(1, sizeof *c);
  c->id = id;
  c->next = contexts;
  contexts = c;
  c->root = parent ? find(parent)->root : c;
  if (parent) c->root->last_stream = id;
}

static void forget(uint32_t id) {
  for (Context **c = &contexts; *c; c = &(*c)->next)
    if ((*c)->id == id) { *c = (*c)->next; return; }
}

static int on_root(const char *callback) {
  static const char *names[] = {"on_tick", "on_queue_ready", "on_http_call_response", 0};
  for (int i = 0; names[i]; i++)
    if (!strcmp(names[i], callback)) return 1;
  return !strncmp(callback, "on_grpc_", 8);
}

static void add_rules(Context *c, char *text, uint32_t stream) {
  for (char *next; text && *text; text = next) {
    next = strchr(text, '\n');
    if (next) *next++ = 0;
    char *colon = strchr(text, ':');
    if (!colon) continue;
    *colon = 0;
    Rule *rule = calloc(1, sizeof *rule);
    char *hash = strchr(text, '#');
    if (hash) { *hash = 0; rule->occurrence = (uint32_t)strtoul(hash + 1, 0, 10); }
    rule->callback = strdup(text);
    rule->statements = strdup(colon + 1);
    rule->stream = on_root(text) ? 0 : stream;
    rule->next = c->root->rules;
    c->root->rules = rule;
  }
}

static void add_from_buffer(Context *c, uint32_t buffer) {
  void *data = 0;
  size_t size = 0;
  if (proxy_get_buffer_bytes(buffer, 0, 1 << 20, &data, &size) || !data) return;
  char *text = malloc(size + 1);
  memcpy(text, data, size);
  text[size] = 0;
  add_rules(c, text, 0);
  free(data);
  free(text);
}

static void add_from_header(Context *c) {
  void *data = 0;
  size_t size = 0;
  if (proxy_get_header_map_value(HeaderMapType_REQUEST_HEADERS, "x-script", 8, &data, &size) || !data) return;
  char *text = malloc(size + 1);
  memcpy(text, data, size);
  text[size] = 0;
  for (char *p = text; *p; p++) /* a header has one line: | separates rules */
    if (*p == '|') *p = '\n';
  add_rules(c, text, c->id);
  free(data);
  free(text);
}

static uint32_t occurrence(Context *c, const char *callback) {
  for (Count *n = c->counts; n; n = n->next)
    if (!strcmp(n->callback, callback)) return ++n->n;
  Count *n = calloc(1, sizeof *n);
  n->callback = callback;
  n->n = 1;
  n->next = c->counts;
  c->counts = n;
  return 1;
}

static Rule *choose(Context *c, const char *callback, uint32_t nth) {
  for (int exact = 1; exact >= 0; exact--)
    for (Rule *r = c->root->rules; r; r = r->next)
      if (!strcmp(r->callback, callback) && (!r->stream || r->stream == c->id) && r->occurrence == (exact ? nth : 0)) return r;
  return 0;
}

static void call(char *name, Args *rest) {
  bad_outputs = *name == '!';
  if (bad_outputs) name++;
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
    if (!strcmp(CALLS[i].name, name)) {
      begin();
      CALLS[i].call(rest);
      bad_outputs = 0;
      return;
    }
  begin();
  say("  (%s not available)", name);
  flush();
}

static uint32_t perform(char *statements, uint32_t result) {
  for (char *next; statements; statements = next) {
    next = strchr(statements, ';');
    if (next) *next++ = 0;
    Args a = {statements};
    char *name = word(&a);
    if (!*name) continue;
    if (!strcmp(name, "return")) {
      result = (uint32_t)arg_number(&a, 0);
      begin(); say("  return %u", result); flush();
    } else if (!strcmp(name, "accept_below")) { /* the last number that a hostcall gave must be smaller */
      result = last_output < (uint32_t)arg_number(&a, 0);
      begin(); say("  return %u", result); flush();
    } else if (!strcmp(name, "trap_from")) { /* trap if it is not */
      if (last_output >= (uint32_t)arg_number(&a, 0)) {
        begin(); say("  trap"); flush();
        __builtin_trap();
      }
    } else if (!strcmp(name, "trap")) {
      begin(); say("  trap"); flush();
      __builtin_trap();
    } else if (!strcmp(name, "loop")) {
      begin(); say("  loop"); flush();
      for (volatile int forever = 1; forever;) {}
    } else {
      call(name, &a);
    }
  }
  return result;
}

static uint32_t run(const char *callback, uint32_t result, uint32_t count, uint32_t *args) {
  begin();
  say("%s(", callback);
  for (uint32_t i = 0; i < count; i++) say(i ? ", %u" : "%u", args[i]);
  say(")");
  flush();
  if (!strcmp(callback, "on_context_create")) create(args[0], args[1]);
  Context *c = find(args[0]);
  if (!c) return result;
  current = args[0];
  if (!strcmp(callback, "on_vm_start") && args[1]) add_from_buffer(c, BufferType_VM_CONFIGURATION);
  if (!strcmp(callback, "on_configure") && args[1]) add_from_buffer(c, BufferType_PLUGIN_CONFIGURATION);
  if (!strcmp(callback, "on_request_headers")) add_from_header(c);
  Rule *rule = choose(c, callback, occurrence(c, callback));
  if (rule) {
    char *statements = strdup(rule->statements);
    result = perform(statements, result);
    free(statements);
  }
  if (!strcmp(callback, "on_delete")) forget(args[0]);
  return result;
}

/* -- entry -------------------------------------------------------------------------------------------------------- */

__attribute__((import_module("wasi_snapshot_preview1"), import_name("random_get"))) int wasi_random(void *p, size_t n);

__attribute__((constructor)) static void initialize(void) {
  wasi_random(&instance, sizeof instance);
  begin(); say("_initialize()"); flush();
}

#ifndef LEAVE_OUT_main
EXPORT(main) int entry_main(int argc, int argv) {
  begin(); say("main(%d, %d)", argc, argv); flush();
  return 0;
}
#endif
