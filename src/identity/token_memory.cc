#include "identity/token_memory.h"

#include <algorithm>

namespace sluice::identity {
namespace {

// What an entry occupies, by its token's length: the claims are kept parsed, in tables of some sixteen times their text,
// which is three quarters of a token; a content is of the same order as the text.
constexpr std::size_t kEntryBytes = 1'024;
constexpr std::size_t kBytesPerTokenByte = 14;

}  // namespace

// The clock may be set back: then nbf and iat could refuse what was good later.
bool TokenMemory::holds(const Entry& entry, std::int64_t now_s) const {
  return now_s >= entry.from_s && now_s < entry.until_s && entry.revision == issuers_[entry.issuer].keys->revision();
}

std::optional<Authenticated> TokenMemory::find(const Sha256& digest, std::int64_t now_s) {
  return entries_.with(digest, [&](RecentMap<Entry>& map) -> std::optional<Authenticated> {
    const Entry* entry = map.find(digest);
    if (!entry) return std::nullopt;
    if (holds(*entry, now_s)) return entry->good;
    map.erase(digest);
    return std::nullopt;
  });
}

void TokenMemory::put(const Sha256& digest, std::size_t token_bytes, Authenticated good, std::size_t issuer,
                      std::uint64_t revision, std::int64_t now_s) {
  const std::int64_t until_s = std::min(good.token->claims().expires_at_s(), now_s + ttl_s_);
  if (until_s <= now_s) return;  // good only by the leeway
  Entry entry{std::move(good), issuer, revision, now_s, until_s};
  const std::size_t bytes = kEntryBytes + kBytesPerTokenByte * token_bytes;
  entries_.with(digest, [&](RecentMap<Entry>& map) { map.put(digest, std::move(entry), bytes); });
}

}  // namespace sluice::identity
