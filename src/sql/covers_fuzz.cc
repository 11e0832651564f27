// Two definitions from the input, of which the second asks and the first grants: a definition covers itself; where the one
// covers the other, the granted conjuncts are all among those asked, and no row is selected that is not granted.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "sql/conjuncts.h"
#include "sql/covers.h"
#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

using shape::Definition;

constexpr std::size_t kParamsMax = 4;

// The next field of the input, up to a NUL.
std::string_view next_field(std::string_view& bytes) {
  std::size_t end = std::min(bytes.find('\0'), bytes.size());
  std::string_view field = bytes.substr(0, end);
  bytes.remove_prefix(std::min(end + 1, bytes.size()));
  return field;
}

std::optional<std::string> unless_empty(std::string_view field) {
  return field.empty() ? std::nullopt : std::optional<std::string>(field);
}

// where, columns, queryable columns, and a digit: so many params follow, and more than 4 is replica=full.
std::optional<Definition> next_definition(std::string_view& bytes) {
  shape::DefinitionText text{.table = "items"};
  text.where = unless_empty(next_field(bytes));
  text.columns = unless_empty(next_field(bytes));
  text.queryable_columns = unless_empty(next_field(bytes));
  std::string_view digit = next_field(bytes);
  unsigned number = digit.empty() ? 0 : static_cast<unsigned char>(digit[0]) % 10;
  if (number > kParamsMax) text.replica = "full";
  for (unsigned i = 1; i <= number % (kParamsMax + 1); ++i) text.params[i] = next_field(bytes);
  auto made = Definition::make(text);
  return made ? std::optional(std::move(*made)) : std::nullopt;
}

void require(bool holds, const char* what, const Definition& granted, const Definition& asked) {
  if (holds) return;
  std::fprintf(stderr, "%s\ngranted: %s\nasked: %s\n", what, granted.canonical_text().c_str(),
               asked.canonical_text().c_str());
  std::abort();
}

// Nullopt where Postgres's grammar does not read it.
std::optional<std::vector<std::string>> texts_of(const Definition& definition, ParamNumbers& numbers) {
  std::vector<std::string> out;
  if (!definition.where()) return out;
  auto tree = ParseTree::parse(ClauseKind::kWhere, *definition.where());
  if (!tree) return std::nullopt;
  auto conjuncts = conjuncts_of(*tree, definition.params(), numbers);
  if (!conjuncts) return std::nullopt;
  for (Conjunct& conjunct : *conjuncts) out.push_back(std::move(conjunct.text));
  std::ranges::sort(out);
  return out;
}

const std::vector<TestRow>& rows() {
  static const std::vector<TestRow> out{
      TestRow(), TestRow{{"i2", "1"}, {"i4", "0"}, {"i8", "7"}, {"t", "a"}, {"b", "t"}, {"arr", "{7,NULL}"}},
      TestRow{{"i2", "0"}, {"i4", "-5"}, {"i8", "8"}, {"t", ""}, {"b", "f"}, {"n", "0.1"}, {"f4", "0.1"}, {"ta", "{a}"}},
      TestRow{{"i4", "7"}, {"i8", "-7"}, {"t", "x'"}, {"v", "a"}, {"c", "a "}, {"arr", "{}"}, {"d", "2024-01-01"}}};
  return out;
}

bool matches(const std::optional<WhereClause>& where, const TestRow& row) {
  return !where || where->matches(row.view());
}

// False where the engine refuses the clause.
bool compile(const Definition& definition, std::optional<WhereClause>& out) {
  if (!definition.where()) return true;
  auto where = WhereClause::compile(*definition.where(), definition.params(), test_table());
  if (!where) return false;
  out.emplace(std::move(*where));
  return true;
}

void check_rows(const Definition& granted, const Definition& asked) {
  std::optional<WhereClause> outer;
  std::optional<WhereClause> inner;
  if (!compile(granted, outer) || !compile(asked, inner)) return;
  for (const TestRow& row : rows()) {
    require(!matches(inner, row) || matches(outer, row), "a row too many", granted, asked);
  }
}

void check(const Definition& granted, const Definition& asked) {
  require(covers(granted, granted).has_value(), "not within itself", granted, granted);
  require(covers(asked, asked).has_value(), "not within itself", asked, asked);
  if (!covers(granted, asked)) return;
  check_rows(granted, asked);
  if (granted.where() == asked.where() && granted.params() == asked.params()) return;
  ParamNumbers numbers;
  auto wide = texts_of(granted, numbers);
  auto narrow = texts_of(asked, numbers);
  require(wide && narrow, "covered, and cannot be read", granted, asked);
  // A condition said twice is the same condition.
  wide->erase(std::ranges::unique(*wide).begin(), wide->end());
  require(std::ranges::includes(*narrow, *wide), "a condition of the grant is missing", granted, asked);
}

}  // namespace
}  // namespace sluice::sql

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::sql;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto granted = next_definition(bytes);
  auto asked = next_definition(bytes);
  if (granted && asked) check(*granted, *asked);
  return 0;
}
