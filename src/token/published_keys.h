// Secrets that everybody knows.
#pragma once

#include <string_view>

namespace sluice::token {

// True for keys printed in specifications, tutorials and the example configurations that people copy, and for one
// character repeated. A key that is none of these may still be a bad one.
bool is_published(std::string_view secret);

}  // namespace sluice::token
