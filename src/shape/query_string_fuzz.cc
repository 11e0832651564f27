// Query strings and subset bodies: whatever is read is printed such that it reads back the same.
#include <cstdlib>
#include <string_view>

#include "shape/request_codec.h"

using namespace sluice::shape;

static void require(bool holds) {
  if (!holds) std::abort();
}

static void round_trip(std::string_view query) {
  const auto request = parse_shape_query(query, Dialect::kOrigin);
  if (!request || !check_position(*request)) return;
  const auto definition = Definition::make(*request->definition);
  if (!definition) return;
  const std::string printed =
      print_query({.definition = *definition, .position = request->position, .subset = request->subset});
  const auto again = parse_shape_query(printed, Dialect::kGrant);
  require(again && check_position(*again));
  const auto same = Definition::make(*again->definition);
  require(same && *same == *definition && same->canonical_text() == definition->canonical_text());
  require(print_query({.definition = *same, .position = again->position, .subset = again->subset}) == printed);
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip(text);
  const auto protocol = parse_shape_query(text, Dialect::kProtocol);
  require(!protocol || !protocol->definition);
  if (const auto subset = parse_subset_body(text); subset && *subset) {
    const std::string printed = print_subset_body(**subset);
    const auto again = parse_subset_body(printed);
    require(again && *again && print_subset_body(**again) == printed);
  }
  return 0;
}
