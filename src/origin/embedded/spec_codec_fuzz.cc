// Whatever the bytes are, reading them ends in a shape's spec or an error; what could be read is written as it was read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "origin/embedded/spec_codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::origin::embedded;
  const std::string_view meta(reinterpret_cast<const char*>(data), size);
  const auto read = SpecReader().read(meta);
  if (!read) return 0;
  const std::string written = encode_spec(read->definition, *read->spec);
  const auto again = SpecReader().read(written);
  if (!again || again->definition != read->definition || again->spec->identity != read->spec->identity) std::abort();
  if (*again->spec->table != *read->spec->table) std::abort();
  return 0;
}
