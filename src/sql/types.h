// Tables and values as where clauses see them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sql {

using Oid = std::uint32_t;

// pg_type.oid of the built-in types that a where clause may refer to.
namespace oid {
inline constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat4 = 700, kFloat8 = 701,
                     kBpchar = 1042, kVarchar = 1043, kDate = 1082, kTime = 1083, kTimestamp = 1114, kTimestamptz = 1184,
                     kInterval = 1186, kTimetz = 1266, kNumeric = 1700, kUuid = 2950, kUnknown = 705;
inline constexpr Oid kBoolArray = 1000, kInt2Array = 1005, kInt4Array = 1007, kTextArray = 1009, kBpcharArray = 1014,
                     kVarcharArray = 1015, kInt8Array = 1016, kFloat4Array = 1021, kFloat8Array = 1022,
                     kTimestampArray = 1115, kDateArray = 1182, kTimeArray = 1183, kTimestamptzArray = 1185,
                     kIntervalArray = 1187, kNumericArray = 1231, kUuidArray = 2951;
}  // namespace oid

// What has to be known of a text column's collation to answer as Postgres does. The default is any libc locale but the
// Turkic ones; whoever reads the catalog says otherwise where pg_collation or pg_database does.
struct Collation {
  // How lower() folds letters: ILIKE is lower() on both sides.
  enum class Casing : std::uint8_t {
    kLibc,   // a libc locale where I lower-cases to i, and so does U+0130
    kAscii,  // lc_ctype C or POSIX: A to Z and nothing else
    kOther,  // tr, az, and every ICU locale: ILIKE is refused
  };
  Casing casing = Casing::kLibc;
  bool orders_bytes = false;  // lc_collate C or POSIX: only then may a where clause order text (<, BETWEEN)
  bool deterministic = true;  // false: strings of different bytes may be equal; every comparison is refused

  bool operator==(const Collation&) const = default;
};

struct Column {
  std::string name;
  Oid type = 0;
  std::int32_t type_mod = -1;
  std::string type_name;  // pg_type.typname of the element where the column is an array
  int dimensions = 0;     // pg_attribute.attndims; 0 for a scalar
  bool not_null = false;
  std::optional<int> pk_index;
  bool generated = false;
  bool is_enum = false;
  // pg_enum.enumlabel in its order; empty where not known: then any label compiles, and none is before another.
  std::vector<std::string> enum_labels;
  // pg_type.typbasetype of a domain, else 0: a where clause sees a domain as its base type.
  Oid base_type = 0;
  Collation collation;

  bool operator==(const Column&) const = default;
};

// The columns of one table, in attnum order without dropped ones. Immutable once published.
struct Table {
  Oid oid = 0;
  std::string schema;
  std::string name;
  std::vector<Column> columns;
  char replica_identity = 'd';  // pg_class.relreplident
  char kind = 'r';              // pg_class.relkind

  std::optional<std::size_t> find(std::string_view column) const;
  bool operator==(const Table&) const = default;
};

// Whether the table is still what it was, but for labels that were added to enums of it: those that there were are in the
// order that they had.
bool is_still(const Table& table, const Table& before);

// A row in Postgres's text output, as COPY and pgoutput hand it out: one entry a column of the Table, nullopt for NULL.
// The session that made it has client_encoding UTF8, DateStyle ISO, TimeZone UTC, extra_float_digits above 0.
using Row = std::span<const std::optional<std::string_view>>;

}  // namespace sluice::sql
