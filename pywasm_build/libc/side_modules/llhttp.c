/* What llhttp asks of its host. This parser of HTTP, which packages bring, takes any WebAssembly for a part of a
 * JavaScript program. Its other users set callbacks of their own, so these are referred to, but not called.
 */
#include <stddef.h>
#include <stdint.h>

#pragma clang diagnostic ignored "-Wunused-parameter"
#pragma clang attribute push(__attribute__((visibility("hidden"))), apply_to = function)

int wasm_on_message_begin(void *parser) { return 0; }
int wasm_on_message_complete(void *parser) { return 0; }
int wasm_on_url(void *parser, const char *text, size_t length) { return 0; }
int wasm_on_status(void *parser, const char *text, size_t length) { return 0; }
int wasm_on_header_field(void *parser, const char *text, size_t length) { return 0; }
int wasm_on_header_value(void *parser, const char *text, size_t length) { return 0; }
int wasm_on_body(void *parser, const char *text, size_t length) { return 0; }
int wasm_on_headers_complete(void *parser, int status, uint8_t upgrade, int keep_alive) { return 0; }

#pragma clang attribute pop
