// The head parsers' way into Fields: names and values that Beast has checked byte by byte are not checked again.
#pragma once

#include "http/message.h"

namespace sluice::http {

struct ParsedFields {
  static void append(Fields& fields, std::string_view name, std::string_view value) { fields.append(name, value); }
};

}  // namespace sluice::http
