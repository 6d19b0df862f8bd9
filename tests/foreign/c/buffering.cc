/* A filter for the raw ABI in C++: objects by context id, the request body held back to its end and turned round. */
#include "proxy_wasm.h"

#include <algorithm>
#include <map>
#include <memory>
#include <string>

PROXY_WASM_MARKER

namespace {

void say(const std::string &text) { proxy_log(LogLevel_INFO, text.data(), text.size()); }

std::string take(void *data, size_t size) {
  std::string text(static_cast<char *>(data), size);
  free(data);
  return text;
}

struct Stream {
  explicit Stream(uint32_t id) : id(id) {}
  ~Stream() { say("stream " + std::to_string(id) + " saw " + std::to_string(pieces) + " pieces"); }
  uint32_t id;
  int pieces = 0;
};

std::map<uint32_t, std::unique_ptr<Stream>> &streams() {
  static std::map<uint32_t, std::unique_ptr<Stream>> all;
  return all;
}

}  // namespace

extern "C" {

EXPORT(proxy_on_context_create) void on_context_create(uint32_t id, uint32_t parent) {
  if (parent) streams()[id] = std::make_unique<Stream>(id);
}

EXPORT(proxy_on_request_headers) uint32_t on_request_headers(uint32_t id, uint32_t, uint32_t) {
  proxy_remove_header_map_value(HeaderMapType_REQUEST_HEADERS, "content-length", 14);
  return 0;
}

EXPORT(proxy_on_request_body) uint32_t on_request_body(uint32_t id, uint32_t size, uint32_t end) {
  streams().at(id)->pieces++;
  if (!end) return 1;
  void *data = nullptr;
  size_t got = 0;
  if (proxy_get_buffer_bytes(BufferType_HTTP_REQUEST_BODY, 0, size, &data, &got)) return 0;
  std::string body = take(data, got);
  std::reverse(body.begin(), body.end());
  proxy_set_buffer_bytes(BufferType_HTTP_REQUEST_BODY, 0, size, body.data(), body.size());
  return 0;
}

EXPORT(proxy_on_delete) void on_delete(uint32_t id) { streams().erase(id); }

}
