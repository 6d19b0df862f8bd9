/* A filter for the raw ABI: without x-key the client gets 401; otherwise the upstream gets the key as x-user. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("env"), import_name(#name))) extern

enum { REQUEST_HEADERS = 0, RESPONSE_HEADERS = 2 };
enum { CONTINUE = 0, PAUSE = 1 };

/* Hostcalls. They return a status, 0 for OK. The proxy puts a value into memory that it got from malloc. */
IMPORT(proxy_get_header_map_value)
uint32_t proxy_get_header_map_value(uint32_t map, const char *key, size_t key_size, char **value, size_t *size);
IMPORT(proxy_add_header_map_value)
uint32_t proxy_add_header_map_value(uint32_t map, const char *key, size_t key_size, const char *value, size_t size);
IMPORT(proxy_replace_header_map_value)
uint32_t proxy_replace_header_map_value(uint32_t map, const char *key, size_t key_size, const char *value, size_t size);
IMPORT(proxy_remove_header_map_value)
uint32_t proxy_remove_header_map_value(uint32_t map, const char *key, size_t key_size);
IMPORT(proxy_send_local_response)
uint32_t proxy_send_local_response(uint32_t status, const char *details, size_t details_size, const char *body,
                                   size_t body_size, const char *headers, size_t headers_size, int32_t grpc_status);

EXPORT(proxy_abi_version_0_2_1) void abi_version(void) {}

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t context, uint32_t count, uint32_t end) {
  char *key = NULL;
  size_t size = 0;
  if (proxy_get_header_map_value(REQUEST_HEADERS, "x-key", 5, &key, &size) != 0) {
    proxy_send_local_response(401, "no_key", 6, "who are you?", 12, NULL, 0, -1);
    return PAUSE;
  }
  proxy_replace_header_map_value(REQUEST_HEADERS, "x-user", 6, key, size);
  proxy_remove_header_map_value(REQUEST_HEADERS, "x-key", 5);
#ifndef LEAK
  free(key);
#endif
  return CONTINUE;
}

EXPORT(proxy_on_response_headers) uint32_t on_response_headers(uint32_t context, uint32_t count, uint32_t end) {
  proxy_add_header_map_value(RESPONSE_HEADERS, "x-filter", 8, "c", 1);
  return CONTINUE;
}
