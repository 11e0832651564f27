// Any text as a where clause, its parameters after NUL bytes, over the tests' table: compiling and matching must not
// crash, the printed form must compile to the same printed form and select the same rows, and of rows that Postgres could
// have printed the reference evaluator must say the same.
#include <cstdio>
#include <cstdlib>
#include <numeric>

#include "sql/binder.h"
#include "sql/order_by.h"
#include "sql/reference.h"
#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

struct Input {
  std::string_view where;
  std::vector<std::string> params;
};

Input split(std::string_view bytes) {
  constexpr std::size_t kParamsMax = 8;
  std::size_t end = std::min(bytes.find('\0'), bytes.size());
  Input out{.where = bytes.substr(0, end), .params = {}};
  while (end < bytes.size() && out.params.size() < kParamsMax) {
    bytes.remove_prefix(end + 1);
    end = std::min(bytes.find('\0'), bytes.size());
    out.params.emplace_back(bytes.substr(0, end));
  }
  return out;
}

// The first kPrintable of them as Postgres prints them.
constexpr std::size_t kPrintable = 2;
const std::vector<TestRow>& rows() {
  static const std::vector<TestRow> out{
      TestRow(),
      TestRow{{"i2", "-32768"},
              {"i4", "0"},
              {"i8", "9223372036854775807"},
              {"n", "-12.50"},
              {"f4", "0.1"},
              {"f8", "NaN"},
              {"t", "Größe_1%"},
              {"v", ""},
              {"c", "ab   "},
              {"b", "t"},
              {"u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
              {"d", "2024-02-29"},
              {"tm", "24:00:00"},
              {"ts", "infinity"},
              {"tz", "0044-03-15 01:02:03+00 BC"},
              {"e", "sad"},
              {"dom", "7"},
              {"j", "{}"},
              {"arr", "{1}"},
              {"ta", "{a,\"b \\\"\",NULL}"},
              {"iv", "P1M-2DT-3H0.5S"}},
      TestRow{{"i2", "x"},
              {"i4", ""},
              {"i8", "99999999999999999999"},
              {"n", "."},
              {"f4", "1e999"},
              {"f8", "-"},
              {"t", "\xff\xe2"},
              {"b", "maybe"},
              {"u", "a"},
              {"d", "2024-13-01"},
              {"tm", "1"},
              {"ts", "2024-01-01 00:00:00+99"},
              {"tz", "-"}},
  };
  return out;
}

void require(bool holds, const char* what, const std::string& sql) {
  if (holds) return;
  std::fprintf(stderr, "%s: %s\n", what, sql.c_str());
  std::abort();
}

void check(const WhereClause& where) {
  auto again = WhereClause::compile(where.canonical(), {}, test_table());
  // What is printed is longer than what was written.
  if (!again && where.canonical().size() > kWhereBytesMax) return;
  require(again.has_value(), again ? "" : again.error().message.c_str(), where.canonical());
  require(again->canonical() == where.canonical(), again->canonical().c_str(), where.canonical());
  for (const TestRow& row : rows()) {
    require(where.matches(row.view()) == again->matches(row.view()), "selects other rows", where.canonical());
  }
}

void refer(const Input& input, const std::string& text) {
  // What is long is compared by paper and pencil for long.
  constexpr std::size_t kBytesMax = 2000;
  if (input.where.size() > kBytesMax) return;
  static const std::vector<std::size_t> columns = [] {
    std::vector<std::size_t> out(test_table().columns.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    return out;
  }();
  auto tree = ParseTree::parse(ClauseKind::kWhere, input.where);
  auto expression = bind_where(*tree, {test_table(), columns, input.params});
  for (std::size_t i = 0; i < kPrintable; ++i) {
    Row row = rows()[i].view();
    std::string differs = reference::disagreement(*expression, row, test_table());
    require(differs.empty(), ("the reference differs: " + differs).c_str(), text);
  }
}

}  // namespace
}  // namespace sluice::sql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::sql;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Input input = split(bytes);
  if (auto where = WhereClause::compile(input.where, input.params, test_table())) {
    check(*where);
    refer(input, where->canonical());
  }
  static const std::vector<std::size_t> columns{0, 1, 6};
  if (auto order = compile_order_by(input.where, test_table(), columns)) {
    auto again = compile_order_by(*order, test_table(), columns);
    require(again && *again == *order, "order by", *order);
  }
  return 0;
}
