#include "token/jws.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/bytes.h"
#include "base/json.h"
#include "base/json_write.h"

namespace sluice::token {
namespace {

using simdjson::dom::element;

struct Header {
  Algorithm algorithm = Algorithm::kHs256;
  std::optional<std::string> key_id;
  std::string type;
};

// Views into the token.
struct Parts {
  std::string_view header, payload, signature, signing_input;
};

std::expected<Parts, TokenError> split(std::string_view compact) {
  if (compact.size() > kTokenBytesMax) return std::unexpected(TokenError::kTooLong);
  const std::size_t first = compact.find('.');
  const std::size_t last = compact.rfind('.');
  const bool two_dots = first != std::string_view::npos && first != last && compact.find('.', first + 1) == last;
  if (!two_dots) return std::unexpected(TokenError::kNotCompact);
  return Parts{compact.substr(0, first), compact.substr(first + 1, last - first - 1), compact.substr(last + 1),
               compact.substr(0, last)};
}

std::expected<std::string, TokenError> read_text(element value) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::unexpected(TokenError::kBadHeader);
  return std::string(text);
}

std::expected<std::string, TokenError> read_key_id(element value) {
  auto id = read_text(value);
  if (!id) return id;
  const bool printable = std::ranges::all_of(*id, [](char c) { return c >= 0x20 && c < 0x7f; });
  if (id->empty() || id->size() > kKeyIdBytesMax || !printable) return std::unexpected(TokenError::kBadKeyId);
  return id;
}

std::expected<Algorithm, TokenError> read_algorithm(simdjson::dom::object header) {
  std::string_view name;
  if (header.at_key("alg").get(name) != simdjson::SUCCESS) return std::unexpected(TokenError::kBadAlgorithm);
  const auto algorithm = parse_algorithm(name);
  if (!algorithm) return std::unexpected(TokenError::kBadAlgorithm);
  return *algorithm;
}

bool has_any(simdjson::dom::object header, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return header.at_key(name).error() == simdjson::SUCCESS; });
}

std::expected<Header, TokenError> parse_header(std::string_view text) {
  constexpr JsonLimits kLimits = {.bytes_max = std::size_t{4} * 1024, .depth_max = 4};
  const auto json = Json::parse(text, kLimits);
  if (!json) return std::unexpected(TokenError::kBadHeader);
  simdjson::dom::object object;
  if (json->root().get(object) != simdjson::SUCCESS) return std::unexpected(TokenError::kBadHeader);

  const auto algorithm = read_algorithm(object);
  if (!algorithm) return std::unexpected(algorithm.error());
  if (has_any(object, {"crit", "b64"})) return std::unexpected(TokenError::kCritical);
  if (has_any(object, {"jwk", "jku", "x5u", "x5c"})) return std::unexpected(TokenError::kEmbeddedKey);
  Header header{*algorithm, std::nullopt, ""};
  element member;
  if (object.at_key("kid").get(member) == simdjson::SUCCESS) {
    auto id = read_key_id(member);
    if (!id) return std::unexpected(id.error());
    header.key_id = std::move(*id);
  }
  if (object.at_key("typ").get(member) == simdjson::SUCCESS) {
    auto type = read_text(member);
    if (!type) return std::unexpected(type.error());
    header.type = std::move(*type);
  }
  return header;
}

std::expected<Header, TokenError> decode_header(std::string_view encoded) {
  const auto text = base64url_decode(encoded);
  if (!text) return std::unexpected(TokenError::kBadBase64);
  return parse_header(*text);
}

// An issuer's tokens have the same few bytes for a header: the last good ones are remembered on each thread.
class HeaderMemo {
 public:
  // The header lives until the next call.
  std::expected<const Header*, TokenError> get(std::string_view encoded) {
    for (const Entry& entry : entries_)
      if (!encoded.empty() && entry.encoded == encoded) return &entry.header;
    auto header = decode_header(encoded);
    if (!header) return std::unexpected(header.error());
    Entry& entry = entries_[next_];
    next_ = (next_ + 1) % entries_.size();
    entry.encoded = encoded.size() <= kRememberedBytesMax ? encoded : std::string_view();
    entry.header = std::move(*header);
    return &entry.header;
  }

 private:
  static constexpr std::size_t kRemembered = 8;  // issuers and their keys in use at one time
  static constexpr std::size_t kRememberedBytesMax = 512;
  struct Entry {
    std::string encoded;  // empty: nothing remembered
    Header header;
  };
  std::array<Entry, kRemembered> entries_;
  std::size_t next_ = 0;
};

HeaderMemo& thread_memo() {
  thread_local HeaderMemo memo;
  return memo;
}

// The keys that may have signed under a header.
class Candidates {
 public:
  static std::expected<Candidates, TokenError> of(std::span<const Key> keys, const Header& header) {
    const bool by_name = header.key_id && std::ranges::any_of(keys, [](const Key& key) { return !key.key_id().empty(); });
    const std::size_t count_max = by_name ? 1 : kKeysTriedMax;
    Candidates found;
    TokenError error = TokenError::kUnknownKey;
    for (const Key& key : keys) {
      if (by_name && key.key_id() != *header.key_id) continue;
      if (key.algorithm() != header.algorithm) {
        error = TokenError::kBadAlgorithm;
        continue;
      }
      if (found.count_ == count_max) return std::unexpected(TokenError::kUnknownKey);
      found.keys_[found.count_++] = &key;
    }
    if (found.count_ == 0) return std::unexpected(error);
    return found;
  }

  std::span<const Key* const> keys() const { return {keys_.data(), count_}; }

 private:
  std::array<const Key*, kKeysTriedMax> keys_ = {};
  std::size_t count_ = 0;
};

std::expected<void, TokenError> verify_with(std::span<const Key> keys, const Header& header, const Parts& parts,
                                            std::string_view signature) {
  const auto tried = Candidates::of(keys, header);
  if (!tried) return std::unexpected(tried.error());
  for (const Key* key : tried->keys())
    if (key->verify(parts.signing_input, signature)) return {};
  return std::unexpected(TokenError::kBadSignature);
}

}  // namespace

std::expected<VerifiedJws, TokenError> verify_jws(std::string_view compact, std::span<const Key> keys) {
  const auto parts = split(compact);
  if (!parts) return std::unexpected(parts.error());
  const auto header = thread_memo().get(parts->header);
  if (!header) return std::unexpected(header.error());
  const auto signature = base64url_decode(parts->signature);
  if (!signature) return std::unexpected(TokenError::kBadBase64);
  if (auto verified = verify_with(keys, **header, *parts, *signature); !verified) return std::unexpected(verified.error());
  auto payload = base64url_decode(parts->payload);
  if (!payload) return std::unexpected(TokenError::kBadBase64);
  return VerifiedJws{std::move(*payload), (*header)->type};
}

std::optional<std::string> key_id_of(std::string_view compact) {
  const auto parts = split(compact);
  if (!parts) return std::nullopt;
  const auto header = thread_memo().get(parts->header);
  return header ? (*header)->key_id : std::nullopt;
}

std::string sign_jws(const Key& key, std::string_view payload, std::string_view type) {
  std::string header = "{\"alg\":";
  append_json_string(header, to_string(key.algorithm()));
  if (!key.key_id().empty()) header += ",\"kid\":" + json_string(key.key_id());
  if (!type.empty()) header += ",\"typ\":" + json_string(type);
  header += '}';
  const std::string input = base64url_encode(header) + '.' + base64url_encode(payload);
  return input + '.' + base64url_encode(key.sign(input));
}

}  // namespace sluice::token
