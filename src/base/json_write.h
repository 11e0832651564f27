// Writing JSON text: strings escaped as RFC 8259 section 7 asks.
#pragma once

#include <string>
#include <string_view>

namespace sluice {

// Appends `text` as a JSON string with its quotes. Bytes at and above 0x80 are copied unchanged: Postgres and the strict
// reader (base/json.h) hand out valid UTF-8; a byte that is not passes through and must not come from anywhere else.
// The common case, nothing to escape, is one scan and one copy.
void append_json_string(std::string& out, std::string_view text);

// The same without the quotes: a part of a JSON string.
void append_json_escaped(std::string& out, std::string_view text);

std::string json_string(std::string_view text);

}  // namespace sluice
