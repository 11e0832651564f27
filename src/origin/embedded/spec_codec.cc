#include "origin/embedded/spec_codec.h"

#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "origin/embedded/resolve.h"

namespace sluice::origin::embedded {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kColumnsMax = 1600;  // Postgres's own bound
constexpr std::uint8_t kCasings = 3;

// ---- writing

template <typename Number>
void put(std::string& out, Number number) {
  auto bits = static_cast<std::make_unsigned_t<Number>>(number);
  for (std::size_t i = 0; i < sizeof(Number); ++i) out += static_cast<char>(bits >> (8 * i) & 0xff);
}

void put_bool(std::string& out, bool value) {
  out += value ? '\1' : '\0';
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

// By name, so that a member that is added to the type is not forgotten here.
void put_collation(std::string& out, const sql::Collation& collation) {
  const auto& [casing, orders_bytes, deterministic] = collation;
  put(out, static_cast<std::uint8_t>(casing));
  put_bool(out, orders_bytes);
  put_bool(out, deterministic);
}

void put_column(std::string& out, const sql::Column& column) {
  const auto& [name, type, type_mod, type_name, dimensions, not_null, pk_index, generated, is_enum, labels, base_type,
               collation] = column;
  put_text(out, name);
  put(out, type);
  put(out, type_mod);
  put_text(out, type_name);
  put(out, static_cast<std::int32_t>(dimensions));
  put_bool(out, not_null);
  put(out, static_cast<std::int32_t>(pk_index.value_or(-1)));
  put_bool(out, generated);
  put_bool(out, is_enum);
  put(out, static_cast<std::uint32_t>(labels.size()));
  for (const std::string& label : labels) put_text(out, label);
  put(out, base_type);
  put_collation(out, collation);
}

std::string encode_table(const sql::Table& table) {
  const auto& [oid, schema, name, columns, replica_identity, kind] = table;
  std::string out;
  put(out, oid);
  put_text(out, schema);
  put_text(out, name);
  out += replica_identity;
  out += kind;
  put(out, static_cast<std::uint32_t>(columns.size()));
  for (const sql::Column& column : columns) put_column(out, column);
  return out;
}

// ---- reading

// Goes on from where the last call stopped; after a failure everything fails.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : rest_(bytes) {}

  bool failed() const { return failed_; }
  bool at_end() const { return !failed_ && rest_.empty(); }
  void fail() { failed_ = true; }

  std::string_view bytes(std::size_t count) {
    if (failed_ || count > rest_.size()) return fail(), std::string_view();
    std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  template <typename Number>
  Number number() {
    std::make_unsigned_t<Number> bits = 0;
    std::string_view taken = bytes(sizeof(Number));
    for (std::size_t i = 0; i < taken.size(); ++i) {
      bits |= static_cast<std::make_unsigned_t<Number>>(
          static_cast<std::make_unsigned_t<Number>>(static_cast<std::uint8_t>(taken[i])) << (8 * i));
    }
    return static_cast<Number>(bits);
  }
  bool boolean() {
    auto value = number<std::uint8_t>();
    if (value > 1) fail();
    return value == 1;
  }
  char letter() { return static_cast<char>(number<std::uint8_t>()); }
  std::string_view text() { return bytes(number<std::uint32_t>()); }
  // Of things of at least `each` bytes.
  std::size_t count(std::size_t each) {
    std::size_t value = number<std::uint32_t>();
    if (value > rest_.size() / each) fail();
    return failed_ ? 0 : value;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

sql::Collation read_collation(Cursor& from) {
  sql::Collation collation;
  auto casing = from.number<std::uint8_t>();
  if (casing >= kCasings) from.fail();
  collation.casing = static_cast<sql::Collation::Casing>(casing);
  collation.orders_bytes = from.boolean();
  collation.deterministic = from.boolean();
  return collation;
}

sql::Column read_column(Cursor& from) {
  sql::Column column;
  column.name = from.text();
  column.type = from.number<sql::Oid>();
  column.type_mod = from.number<std::int32_t>();
  column.type_name = from.text();
  column.dimensions = from.number<std::int32_t>();
  column.not_null = from.boolean();
  auto pk_index = from.number<std::int32_t>();
  if (pk_index < -1) from.fail();
  if (pk_index >= 0) column.pk_index = pk_index;
  column.generated = from.boolean();
  column.is_enum = from.boolean();
  for (std::size_t left = from.count(sizeof(std::uint32_t)); left > 0; --left) column.enum_labels.emplace_back(from.text());
  column.base_type = from.number<sql::Oid>();
  column.collation = read_collation(from);
  return column;
}

std::shared_ptr<const sql::Table> read_table(std::string_view bytes) {
  Cursor from(bytes);
  auto table = std::make_shared<sql::Table>();
  table->oid = from.number<sql::Oid>();
  table->schema = from.text();
  table->name = from.text();
  table->replica_identity = from.letter();
  table->kind = from.letter();
  std::size_t columns = from.count(1);
  if (columns > kColumnsMax) from.fail();
  for (; columns > 0 && !from.failed(); --columns) table->columns.push_back(read_column(from));
  return from.at_end() ? table : nullptr;
}

// Rising indexes into the table.
std::vector<std::size_t> read_columns(Cursor& from) {
  std::vector<std::size_t> columns;
  for (std::size_t left = from.count(sizeof(std::uint32_t)); left > 0; --left) {
    columns.push_back(from.number<std::uint32_t>());
    if (columns.size() > 1 && columns.back() <= columns[columns.size() - 2]) from.fail();
  }
  return columns;
}

}  // namespace

std::string encode_spec(std::string_view definition, const ShapeSpec& spec) {
  std::string out;
  put(out, kVersion);
  put_text(out, definition);
  put_bool(out, spec.full);
  put_bool(out, spec.log == shape::LogMode::kChangesOnly);
  const auto& columns = spec.encoder.columns();
  put(out, static_cast<std::uint32_t>(columns.size()));
  for (std::size_t column : columns) put(out, static_cast<std::uint32_t>(column));
  put_bool(out, spec.where.has_value());
  put_text(out, spec.where ? std::string_view(spec.where->canonical()) : std::string_view());
  put_text(out, encode_table(*spec.table));
  return out;
}

std::expected<SpecReader::Read, std::string> SpecReader::read(std::string_view meta) {
  Cursor from(meta);
  if (from.number<std::uint8_t>() != kVersion) return std::unexpected("of another version");
  Read result;
  result.definition = from.text();
  const bool full = from.boolean();
  const bool changes_only = from.boolean();
  auto columns = read_columns(from);
  const bool has_where = from.boolean();
  std::string_view where_text = from.text();
  std::string encoded(from.text());
  if (!from.at_end() || (!has_where && !where_text.empty())) return std::unexpected("not readable");
  auto& table = tables_[encoded];
  if (!table) table = read_table(encoded);
  if (!table || (!columns.empty() && columns.back() >= table->columns.size())) {
    if (!table) tables_.erase(encoded);
    return std::unexpected("not readable");
  }
  std::optional<sql::WhereClause> where;
  if (has_where) {
    auto compiled = sql::WhereClause::compile(where_text, {}, *table);
    if (!compiled) return std::unexpected("a where clause that is not understood: " + compiled.error().message);
    where = std::move(*compiled);
  }
  result.spec =
      make_spec(table, std::move(where), std::move(columns), full ? shape::Replica::kFull : shape::Replica::kDefault,
                changes_only ? shape::LogMode::kChangesOnly : shape::LogMode::kFull);
  return result;
}

}  // namespace sluice::origin::embedded
