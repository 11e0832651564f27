// The `shape` claim: whatever is read is written such that it reads back the same.
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "shape/claim_codec.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto json = Json::parse({reinterpret_cast<const char*>(data), size});
  if (!json) return 0;
  const auto granted = shape::read_claim(json->root());
  if (!granted) return 0;
  const auto written = Json::parse(shape::write_claim(*granted));
  if (!written) std::abort();
  const auto again = shape::read_claim(written->root());
  if (!again || *again != *granted) std::abort();
  return 0;
}
