// Reading JSON strictly: tokens, request bodies, key sets.
//
// RFC 8259 leaves to the reader what two members of one name mean; two readers that differ are how a token verified by
// one says something else to the other. Here such a text is an error, as are: invalid UTF-8, lone surrogates, U+0000 in any
// string or name, nesting deeper than asked for, anything after the value. A Json that exists has none of these.
//
// Values are simdjson's (dom::element): views into the document, valid as long as the Json lives. Not thread-safe to
// share while parsing; read-only afterwards.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <expected>
#include <memory>
#include <string_view>

namespace sluice {

enum class JsonError { kSyntax, kTooLong, kTooDeep, kDuplicateName, kNul };

std::string_view to_string(JsonError error);

struct JsonLimits {
  std::size_t bytes_max = 64 * 1024;
  std::size_t depth_max = 16;
};

class Json {
 public:
  static std::expected<Json, JsonError> parse(std::string_view text, JsonLimits limits = {});

  simdjson::dom::element root() const { return root_; }

 private:
  Json(std::unique_ptr<simdjson::dom::parser> parser, simdjson::dom::element root);

  std::unique_ptr<simdjson::dom::parser> parser_;
  simdjson::dom::element root_;
};

}  // namespace sluice
