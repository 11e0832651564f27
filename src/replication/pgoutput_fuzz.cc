// Whatever the bytes are, decoding ends in a message or an error, and every view of a message lies within them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "replication/pgoutput.h"

namespace sluice::replication {
namespace {

struct Checker {
  std::string_view bytes;

  void within(std::string_view view) const {
    if (view.empty()) return;
    if (view.data() < bytes.data() || view.data() + view.size() > bytes.data() + bytes.size()) std::abort();
  }
  void within(Tuple tuple) const {
    if (tuple.size() > kColumnsMax) std::abort();
    for (const TupleValue& value : tuple) {
      if (value.kind != TupleValue::Kind::kText && !value.text.empty()) std::abort();
      within(value.text);
    }
  }

  void operator()(const Begin&) const {}
  void operator()(const Commit&) const {}
  void operator()(const Ignored&) const {}
  void operator()(const Relation& relation) const {
    within(relation.schema);
    within(relation.name);
    for (const RelationColumn& column : relation.columns) within(column.name);
  }
  void operator()(const Insert& insert) const { within(insert.row); }
  void operator()(const Update& update) const {
    within(update.old_row);
    within(update.row);
    if (update.old_kind == 0 && !update.old_row.empty()) std::abort();
  }
  void operator()(const Delete& deletion) const { within(deletion.old_row); }
  void operator()(const Truncate& truncate) const {
    if (truncate.relations.size() * 4 > bytes.size()) std::abort();
  }
};

}  // namespace
}  // namespace sluice::replication

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::replication;
  static Decoder decoder;  // reused, as a stream does: nothing of one message may show in the next
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto message = decoder.decode(bytes);
  if (message) std::visit(Checker{bytes}, *message);
  return 0;
}
