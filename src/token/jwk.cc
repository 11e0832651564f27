#include "token/jwk.h"

#include <algorithm>
#include <optional>
#include <span>

#include "base/json.h"
#include "token/jwk_material.h"
#include "token/key_impl.h"

namespace sluice::token {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr JsonLimits kLimits = {.bytes_max = kJwkSetBytesMax, .depth_max = 8};

constexpr const char* kAmbiguous = "another key has its kid";

template <typename T>
using Or = std::expected<T, const char*>;  // or the reason to skip the key

bool has(object jwk, std::string_view name) {
  return jwk.at_key(name).error() == simdjson::SUCCESS;
}

// nullopt where it is absent.
Or<std::optional<std::string_view>> read_text(object jwk, std::string_view name, const char* reason) {
  element value;
  if (jwk.at_key(name).get(value) != simdjson::SUCCESS) return std::nullopt;
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) return std::unexpected(reason);
  return text;
}

Or<std::string> read_key_id(object jwk) {
  constexpr const char* kReason = "kid is not 1 to 128 printable characters";
  const auto id = read_text(jwk, "kid", kReason);
  if (!id) return std::unexpected(id.error());
  if (!*id) return std::string();
  if ((*id)->empty() || !is_key_id(**id)) return std::unexpected(kReason);
  return std::string(**id);
}

// Absent, or a list without repetition that holds "verify" (RFC 7517 section 4.3).
bool may_verify(object jwk) {
  element value;
  if (jwk.at_key("key_ops").get(value) != simdjson::SUCCESS) return true;
  simdjson::dom::array operations;
  if (value.get(operations) != simdjson::SUCCESS) return false;
  std::vector<std::string_view> seen;
  for (const element item : operations) {
    std::string_view name;
    if (item.get(name) != simdjson::SUCCESS || seen.size() == 8 || std::ranges::find(seen, name) != seen.end()) return false;
    seen.push_back(name);
  }
  return std::ranges::find(seen, "verify") != seen.end();
}

Or<void> check_use(object jwk) {
  const auto use = read_text(jwk, "use", "use is not \"sig\"");
  if (!use) return std::unexpected(use.error());
  if (*use && **use != "sig") return std::unexpected("use is not \"sig\"");
  if (!may_verify(jwk)) return std::unexpected("key_ops does not hold \"verify\"");
  return {};
}

Or<void> check_published(object jwk, std::string_view type, bool secret) {
  if (secret) return {};
  if (type == "oct" || has(jwk, "k")) return std::unexpected("a secret among published keys");
  if (has(jwk, "d")) return std::unexpected("a private key among published keys");
  return {};
}

// Those of `allowed` that the key may be used with.
Or<std::vector<Algorithm>> algorithms_of(object jwk, std::string_view type, std::span<const Algorithm> allowed) {
  const auto curve = read_text(jwk, "crv", "crv is not a string");
  if (!curve) return std::unexpected(curve.error());
  const auto name = read_text(jwk, "alg", "alg is not a string");
  if (!name) return std::unexpected(name.error());
  if (*name) {
    const auto algorithm = parse_algorithm(**name);
    if (!algorithm || std::ranges::find(allowed, *algorithm) == allowed.end())
      return std::unexpected("alg is not among those allowed");
    if (!fits(*algorithm, type, curve->value_or(""))) return std::unexpected("alg is not of the key's type and curve");
    return std::vector{*algorithm};
  }
  std::vector<Algorithm> found;
  for (const Algorithm algorithm : allowed)
    if (fits(algorithm, type, curve->value_or(""))) found.push_back(algorithm);
  if (found.empty()) return std::unexpected("no allowed algorithm is of its type and curve");
  return found;
}

std::expected<Key, KeyError> make_key(Algorithm algorithm, const JwkMaterial& material, std::string key_id) {
  if (!material.key) return Key::hmac(algorithm, material.secret, std::move(key_id));
  EVP_PKEY_up_ref(material.key.get());
  return signature_key(algorithm, PKey(material.key.get()), std::move(key_id), false);
}

class SetReader {
 public:
  // `mixed`: keys of other types stand beside `oct` ones.
  SetReader(const JwkSetOptions& options, bool mixed) : options_(options), mixed_(mixed) {}

  void add(element item) {
    object jwk;
    if (item.get(jwk) != simdjson::SUCCESS) return skip("", "not an object");
    const auto key_id = read_key_id(jwk);
    if (!key_id) return skip("", key_id.error());
    const auto read = add_keys(jwk, *key_id);
    if (!read) skip(*key_id, read.error());
  }

  JwkSet finish() {
    for (Entry& entry : entries_)
      if (entry.key && !entry.ambiguous) set_.keys.push_back(std::move(*entry.key));
    return std::move(set_);
  }

 private:
  // A key that cannot be used has its name all the same.
  struct Entry {
    std::string key_id;
    Algorithm algorithm;
    std::optional<Key> key;
    std::string digest;  // "" where the key could not be read: equal to no other
    bool ambiguous = false;
  };

  void skip(std::string key_id, std::string_view reason) {
    set_.skipped.push_back({std::move(key_id), std::string(reason)});
  }

  Or<void> add_keys(object jwk, const std::string& key_id) {
    const auto type = read_text(jwk, "kty", "kty is not a string");
    if (!type) return std::unexpected(type.error());
    if (!*type) return std::unexpected("kty is missing");
    if (auto good = check_use(jwk); !good) return good;
    if (auto good = check_published(jwk, **type, options_.secret); !good) return good;
    // Whoever publishes such a set publishes the secret too.
    if (mixed_ && **type == "oct") return std::unexpected("a secret in one set with public keys");
    const auto algorithms = algorithms_of(jwk, **type, options_.algorithms);
    if (!algorithms) return std::unexpected(algorithms.error());
    const auto material = read_material(jwk, algorithms->front());
    if (!material) {
      for (const Algorithm algorithm : *algorithms) add_entry({key_id, algorithm, std::nullopt, ""});
      return std::unexpected(material.error());
    }
    std::optional<KeyError> reported;  // one reason is said once, not for each algorithm
    for (const Algorithm algorithm : *algorithms) {
      auto key = make_key(algorithm, *material, key_id);
      if (!key && reported != key.error()) skip(key_id, to_string((reported = key.error()).value()));
      add_entry({key_id, algorithm, key ? std::optional(std::move(*key)) : std::nullopt, material->digest});
    }
    return {};
  }

  // A key that is there already is not taken again; two different ones of one name and algorithm spoil the name for both.
  void add_entry(Entry added) {
    for (Entry& entry : entries_) {
      if (entry.key_id != added.key_id || entry.algorithm != added.algorithm) continue;
      if (!entry.digest.empty() && entry.digest == added.digest) return;
      if (entry.key_id.empty()) continue;
      if (entry.key && !entry.ambiguous) skip(entry.key_id, kAmbiguous);
      if (added.key) skip(added.key_id, kAmbiguous);
      entry.ambiguous = true;
      return;
    }
    entries_.push_back(std::move(added));
  }

  const JwkSetOptions& options_;
  bool mixed_;
  std::vector<Entry> entries_;
  JwkSet set_;
};

bool is_mixed(simdjson::dom::array keys) {
  bool secret = false, other = false;
  for (const element item : keys) {
    std::string_view type;
    if (item.at_key("kty").get(type) == simdjson::SUCCESS) (type == "oct" ? secret : other) = true;
  }
  return secret && other;
}

}  // namespace

std::expected<JwkSet, std::string> parse_jwk_set(std::string_view text, const JwkSetOptions& options) {
  const auto json = Json::parse(text, kLimits);
  if (!json) return std::unexpected("not a key set: " + std::string(to_string(json.error())));
  object root;
  if (json->root().get(root) != simdjson::SUCCESS) return std::unexpected("not a key set: not an object");
  element keys;
  if (root.at_key("keys").get(keys) != simdjson::SUCCESS) {
    if (!has(root, "kty")) return std::unexpected("not a key set: no \"keys\"");
    SetReader reader(options, false);
    reader.add(json->root());
    return reader.finish();
  }
  simdjson::dom::array items;
  if (keys.get(items) != simdjson::SUCCESS) return std::unexpected("not a key set: \"keys\" is not an array");
  if (items.size() > kJwkSetKeysMax) return std::unexpected("not a key set: more than 256 keys");
  SetReader reader(options, is_mixed(items));
  for (const element item : items) reader.add(item);
  return reader.finish();
}

}  // namespace sluice::token
