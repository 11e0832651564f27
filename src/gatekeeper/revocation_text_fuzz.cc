// What a file or Redis says: whatever is read as a revocation is printed such that it reads back the same.
#include <cstdlib>
#include <string_view>

#include "gatekeeper/revocation_text.h"

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const auto read = gatekeeper::parse_revocation({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  const std::string printed = gatekeeper::print_revocation(*read);
  if (printed.find('\n') != std::string::npos || printed.size() > gatekeeper::kRevocationTextBytesMax) std::abort();
  const auto again = gatekeeper::parse_revocation(printed);
  if (!again || *again != *read) std::abort();
  return 0;
}
