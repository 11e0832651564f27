#include "gateway/coverage.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "base/sha256.h"
#include "shape/claim_codec.h"
#include "sql/covers.h"

namespace sluice::gateway {
namespace {

using shape::Definition;
using shape::GrantedShape;
using Columns = std::vector<std::string>;

// Of both definitions: a client chooses one of them, so nothing weaker than a cryptographic hash will do.
Sha256 digest_of(const Definition& granted, const Definition& asked) {
  std::string text = granted.canonical_text();
  text += '\0';
  text += asked.canonical_text();
  return sha256(text);
}

struct DigestHash {
  std::size_t operator()(const Sha256& digest) const { return hash_of(digest); }
};

// Some 100 bytes each. A client that asks for ever new definitions empties it for the others of its thread, which then
// cost what they cost without it.
constexpr std::size_t kRememberedMax = 1'024;

std::expected<void, std::string> covers_remembered(const Definition& granted, const Definition& asked) {
  thread_local std::unordered_map<Sha256, std::optional<std::string>, DigestHash> known;
  const Sha256 digest = digest_of(granted, asked);
  if (const auto found = known.find(digest); found != known.end()) {
    if (found->second) return std::unexpected(*found->second);
    return {};
  }
  auto covered = sql::covers(granted, asked);
  if (known.size() >= kRememberedMax) known.clear();
  known.emplace(digest, covered ? std::nullopt : std::optional(covered.error()));
  return covered;
}

Columns intersection(const Columns& a, const Columns& b) {
  Columns both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(both));
  return both;
}

// What the client asks for is held against the grant with its queryable columns said: its own, or where it says none, as
// many of the granted ones as it reads.
Definition with_queryable_columns_said(const Definition& granted, Definition asked) {
  if (asked.queryable_columns() || !granted.queryable_columns()) return asked;
  if (!asked.columns() || asked.columns() == granted.columns())
    return asked.with_queryable_columns(*granted.queryable_columns());
  return asked.with_queryable_columns(intersection(*asked.columns(), *granted.queryable_columns()));
}

struct Found {
  Definition definition;  // for upstream
  bool equal;
};

std::expected<Found, std::string> cover(const Definition& granted, const Definition& asked) {
  if (!granted.columns() && !granted.queryable_columns() && shape::same_grant(granted, asked)) return Found{asked, true};
  const Definition limits = with_hidden_columns_hidden(granted);
  Definition wanted = with_queryable_columns_said(limits, asked);
  if (shape::same_grant(limits, wanted)) return Found{std::move(wanted), true};
  if (granted.table() != asked.table()) return std::unexpected("table: another is granted");
  if (auto covered = covers_remembered(limits, wanted); !covered) return std::unexpected(std::move(covered.error()));
  return Found{std::move(wanted), false};
}

}  // namespace

Definition with_hidden_columns_hidden(Definition definition) {
  if (definition.columns() && !definition.queryable_columns())
    return definition.with_queryable_columns(*definition.columns());
  return definition;
}

std::expected<Covered, NotCovered> find_cover(std::span<const GrantedShape> granted, Definition asked, bool log_given) {
  NotCovered why{"the grant has no shape"};
  for (std::size_t i = 0; i < granted.size(); ++i) {
    const GrantedShape& shape = granted[i];
    auto found = cover(shape.definition, asked);
    if (!found) {
      if (why.parameter.empty()) why.reason = std::move(found.error());
      continue;
    }
    Definition& definition = found->definition;
    if (shape.log && *shape.log != definition.log()) {
      if (log_given) {
        why = {"log: another mode is granted", "log"};
        continue;
      }
      definition = definition.with_log(*shape.log);
    }
    return Covered{std::move(definition), shape.subset, i, found->equal};
  }
  return std::unexpected(std::move(why));
}

}  // namespace sluice::gateway
