// What a client asks the gatekeeper for, in the body or in the query string: no input crashes, and one shape asked for in a
// list is the shape asked for alone.
#include <cstdlib>
#include <string>
#include <string_view>

#include "gatekeeper/request.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)gatekeeper::parse_requests(text);
  (void)gatekeeper::parse_request("items", text, "");
  if (text.empty()) return 0;
  const auto alone = gatekeeper::parse_request("items", "", text);
  if (!alone) return 0;
  // A body that reads is one object; `table` goes before its first member.
  const std::size_t brace = text.find('{');
  const std::size_t after = text.find_first_not_of(" \t\r\n", brace + 1);
  const std::string table = text[after] == '}' ? R"({"table":"items")" : R"({"table":"items",)";
  const auto listed = gatekeeper::parse_requests(R"({"shapes":[)" + table + std::string(text.substr(brace + 1)) + "]}");
  if (listed && listed->front() != *alone) std::abort();
  return 0;
}
