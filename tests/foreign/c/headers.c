/* A small filter for the raw ABI in C: moves a header, adds one to the answer, refuses what has no key. */
#include "proxy_wasm.h"
#include <stdlib.h>
#include <string.h>

PROXY_WASM_MARKER

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t end) {
  void *key = 0;
  size_t size = 0;
  if (proxy_get_header_map_value(HeaderMapType_REQUEST_HEADERS, "x-key", 5, &key, &size)) {
    proxy_send_local_response(401, "no_key", 6, "who are you?", 12, 0, 0, GrpcStatus_INVALID);
    return 1;
  }
  proxy_replace_header_map_value(HeaderMapType_REQUEST_HEADERS, "x-user", 6, key, size);
  proxy_remove_header_map_value(HeaderMapType_REQUEST_HEADERS, "x-key", 5);
  free(key);
  return 0;
}

EXPORT(proxy_on_response_headers) uint32_t on_response_headers(uint32_t context, uint32_t count, uint32_t end) {
  proxy_add_header_map_value(HeaderMapType_RESPONSE_HEADERS, "x-filter", 8, "c", 1);
  return 0;
}
