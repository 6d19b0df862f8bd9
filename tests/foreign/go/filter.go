// A filter for the raw ABI in Go, without an SDK: it rewrites headers, buffers and changes the response body, counts in
// shared data and panics when asked to.
package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"unsafe"
)

//go:wasmimport env proxy_log
func proxyLog(level uint32, message unsafe.Pointer, size uint32) uint32

//go:wasmimport env proxy_get_header_map_value
func proxyGetHeaderMapValue(kind uint32, key unsafe.Pointer, keySize uint32, value unsafe.Pointer, valueSize unsafe.Pointer) uint32

//go:wasmimport env proxy_replace_header_map_value
func proxyReplaceHeaderMapValue(kind uint32, key unsafe.Pointer, keySize uint32, value unsafe.Pointer, valueSize uint32) uint32

//go:wasmimport env proxy_remove_header_map_value
func proxyRemoveHeaderMapValue(kind uint32, key unsafe.Pointer, keySize uint32) uint32

//go:wasmimport env proxy_get_buffer_bytes
func proxyGetBufferBytes(kind, start, size uint32, data unsafe.Pointer, dataSize unsafe.Pointer) uint32

//go:wasmimport env proxy_set_buffer_bytes
func proxySetBufferBytes(kind, start, size uint32, data unsafe.Pointer, dataSize uint32) uint32

// Memory that the host asked for is kept until the callback that it was for is over.
var kept = map[uintptr][]byte{}

var prefix = "go"

//go:wasmexport proxy_abi_version_0_2_1
func abiVersion() {}

//go:wasmexport proxy_on_memory_allocate
func allocate(size uint32) uint32 {
	data := make([]byte, size)
	address := uintptr(unsafe.Pointer(&data[0]))
	kept[address] = data
	return uint32(address)
}

func init() {
	fmt.Printf("init %s\n", os.Getenv("GREETING"))
}

func main() {}

func log(text string) {
	proxyLog(2, unsafe.Pointer(unsafe.StringData(text)), uint32(len(text)))
}

func take(address, size uint32) []byte {
	if size == 0 {
		return nil
	}
	data := kept[uintptr(address)][:size]
	delete(kept, uintptr(address))
	return data
}

func header(kind uint32, key string) (string, uint32) {
	var address, size uint32
	status := proxyGetHeaderMapValue(kind, unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)), unsafe.Pointer(&address), unsafe.Pointer(&size))
	if status != 0 {
		return "", status
	}
	return string(take(address, size)), 0
}

func setHeader(kind uint32, key, value string) uint32 {
	return proxyReplaceHeaderMapValue(kind, unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)), unsafe.Pointer(unsafe.StringData(value)), uint32(len(value)))
}

func buffer(kind, size uint32) []byte {
	var address, got uint32
	if proxyGetBufferBytes(kind, 0, size, unsafe.Pointer(&address), unsafe.Pointer(&got)) != 0 {
		return nil
	}
	return take(address, got)
}

//go:wasmexport proxy_on_context_create
func onContextCreate(id, parent uint32) {}

//go:wasmexport proxy_on_configure
func onConfigure(id, size uint32) uint32 {
	if data := buffer(7, size); data != nil {
		prefix = string(data)
	}
	return 1
}

//go:wasmexport proxy_on_request_headers
func onRequestHeaders(id, count, end uint32) uint32 {
	path, _ := header(0, ":path")
	if _, status := header(0, "x-panic"); status == 0 {
		panic("asked to")
	}
	setHeader(0, "x-go", prefix+" "+path)
	log(fmt.Sprintf("request %d headers %s", count, path))
	return 0
}

//go:wasmexport proxy_on_response_headers
func onResponseHeaders(id, count, end uint32) uint32 {
	key := "content-length"
	proxyRemoveHeaderMapValue(2, unsafe.Pointer(unsafe.StringData(key)), uint32(len(key)))
	return 0
}

//go:wasmexport proxy_on_response_body
func onResponseBody(id, size, end uint32) uint32 {
	if end == 0 {
		return 1
	}
	body := []byte(strings.ToUpper(string(buffer(1, size))))
	body = binary.LittleEndian.AppendUint16(body, uint16(size))
	proxySetBufferBytes(1, 0, size, unsafe.Pointer(&body[0]), uint32(len(body)))
	return 0
}
