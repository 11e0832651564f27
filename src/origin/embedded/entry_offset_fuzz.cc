// Whatever the bytes are: as an entry they have an offset or none; as a row's values they do not change what the entry of
// the row says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "origin/embedded/entry_offset.h"
#include "origin/embedded/row_encoder.h"

namespace sluice::origin::embedded {
namespace {

sql::Table table_named(std::string name) {
  sql::Table table;
  table.schema = "public";
  table.name = name;
  table.columns.resize(2);
  table.columns[0].name = "id";
  table.columns[0].pk_index = 0;
  table.columns[1].name = std::move(name);
  return table;
}

void check(std::string_view text) {
  RowEncoder encoder(table_named(std::string(text)), {0, 1});
  std::vector<std::optional<std::string_view>> before = {text, std::nullopt};
  std::vector<std::optional<std::string_view>> after = {"1", text};
  const std::string transaction = transaction_json(12345, 6);
  std::string removed, added;
  encoder.append_key_change(removed, added, before, after, {transaction, 7}, {transaction, 8}, true);
  removed += kEntryEnd;
  added += kLastEntryEnd;
  if (entry_offset(removed) != shape::Offset::at(12345, 7)) std::abort();
  if (entry_offset(added) != shape::Offset::at(12345, 8)) std::abort();
}

}  // namespace
}  // namespace sluice::origin::embedded

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)sluice::origin::embedded::entry_offset(text);
  sluice::origin::embedded::check(text);
  return 0;
}
