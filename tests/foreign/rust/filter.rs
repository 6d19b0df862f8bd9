//! A filter for the raw ABI in Rust with its standard library, without an SDK: it counts header names in a map, rewrites
//! headers, changes a buffered body and panics when asked to.

use std::collections::HashMap;
use std::sync::Mutex;

extern "C" {
    fn __wasm_call_ctors();
    fn proxy_log(level: u32, message: *const u8, size: usize) -> u32;
    fn proxy_get_header_map_pairs(kind: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_get_header_map_value(kind: u32, key: *const u8, key_size: usize, value: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(kind: u32, key: *const u8, key_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_remove_header_map_value(kind: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_buffer_bytes(kind: u32, start: usize, max: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, data: *const u8, data_size: usize) -> u32;
}

const REQUEST_HEADERS: u32 = 0;
const RESPONSE_HEADERS: u32 = 2;
const RESPONSE_BODY: u32 = 1;
const PLUGIN_CONFIGURATION: u32 = 7;
const INFO: u32 = 2;

static CONFIGURATION: Mutex<Option<String>> = Mutex::new(None);

#[no_mangle]
pub extern "C" fn proxy_abi_version_0_2_1() {}

/// Where it is called by name, the linker does not put a call of it into every export: the allocator may not read the
/// environment.
#[no_mangle]
pub extern "C" fn _initialize() {
    unsafe { __wasm_call_ctors() };
}

/// What the host has for us, as bytes that we own: it was allocated by `proxy_on_memory_allocate`.
fn taken(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    match call(&mut data, &mut size) {
        0 if data.is_null() => Some(Vec::new()),
        0 => Some(unsafe { Vec::from_raw_parts(data, size, size) }),
        _ => None,
    }
}

#[no_mangle]
pub extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut memory = vec![0; size].into_boxed_slice();
    let address = memory.as_mut_ptr();
    std::mem::forget(memory);
    address
}

fn header(name: &str) -> Option<String> {
    let value = taken(|data, size| unsafe {
        proxy_get_header_map_value(REQUEST_HEADERS, name.as_ptr(), name.len(), data, size)
    });
    value.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Header names with how often they occur, from the ABI's form of a map: count, sizes, then names and values, each with a
/// zero byte behind it.
fn names(map: &[u8]) -> HashMap<String, usize> {
    let number = |at: usize| u32::from_le_bytes([map[at], map[at + 1], map[at + 2], map[at + 3]]) as usize;
    let (mut found, mut at) = (HashMap::new(), 4 + 8 * number(0));
    for entry in 0..number(0) {
        let (name, value) = (number(4 + 8 * entry), number(8 + 8 * entry));
        *found.entry(String::from_utf8_lossy(&map[at..at + name]).into_owned()).or_insert(0) += 1;
        at += name + 1 + value + 1;
    }
    found
}

#[no_mangle]
pub extern "C" fn proxy_on_context_create(_id: u32, _parent: u32) {}

#[no_mangle]
pub extern "C" fn proxy_on_configure(_id: u32, size: usize) -> u32 {
    let bytes = taken(|data, got| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, size, data, got) });
    *CONFIGURATION.lock().unwrap() = bytes.and_then(|b| String::from_utf8(b).ok());
    println!("configured for {}", std::env::var("AUDIENCE").unwrap_or("nobody".to_string()));
    1
}

#[no_mangle]
pub extern "C" fn proxy_on_request_headers(_id: u32, _count: u32, _end: u32) -> u32 {
    if let Some(why) = header("x-panic") {
        panic!("asked to: {why}");
    }
    let map = taken(|data, size| unsafe { proxy_get_header_map_pairs(REQUEST_HEADERS, data, size) }).unwrap();
    let mut repeated: Vec<_> = names(&map).into_iter().filter(|(_, times)| *times > 1).collect();
    repeated.sort();
    let said = format!("{} of {:?}", CONFIGURATION.lock().unwrap().as_deref().unwrap_or(""), repeated);
    unsafe {
        proxy_replace_header_map_value(REQUEST_HEADERS, "x-rust".as_ptr(), 6, said.as_ptr(), said.len());
        proxy_log(INFO, said.as_ptr(), said.len());
    }
    0
}

#[no_mangle]
pub extern "C" fn proxy_on_response_headers(_id: u32, _count: u32, _end: u32) -> u32 {
    unsafe { proxy_remove_header_map_value(RESPONSE_HEADERS, "content-length".as_ptr(), 14) };
    0
}

#[no_mangle]
pub extern "C" fn proxy_on_response_body(_id: u32, size: usize, end: u32) -> u32 {
    if end == 0 {
        return 1;
    }
    let body = taken(|data, got| unsafe { proxy_get_buffer_bytes(RESPONSE_BODY, 0, size, data, got) }).unwrap_or_default();
    let turned: String = String::from_utf8_lossy(&body).chars().rev().collect();
    unsafe { proxy_set_buffer_bytes(RESPONSE_BODY, 0, size, turned.as_ptr(), turned.len()) };
    0
}
