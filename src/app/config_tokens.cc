#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>

#include "app/config_sections.h"
#include "base/log.h"
#include "identity/authenticator.h"
#include "identity/key_source.h"
#include "token/jwk.h"

namespace sluice::app {
namespace {

using token::Algorithm;

constexpr std::int64_t kDay_s = 24 * 60 * 60;
constexpr std::int64_t kLifetimeDefault_s = kDay_s;

// For tokens of providers: without the HMAC family, whose keys nobody publishes.
const std::vector<Algorithm> kPublishedAlgorithms = {Algorithm::kRs256, Algorithm::kPs256, Algorithm::kEs256,
                                                     Algorithm::kEs384, Algorithm::kEs512, Algorithm::kEdDsa};

bool is_hmac(Algorithm algorithm) {
  return algorithm == Algorithm::kHs256 || algorithm == Algorithm::kHs384 || algorithm == Algorithm::kHs512;
}

Algorithm read_algorithm(TomlTable& table, const std::string& key, const std::string& name) {
  const auto algorithm = token::parse_algorithm(name);
  if (!algorithm)
    table.fail(key, "'" + name + "' is not offered; HS, RS, PS with 256, 384, 512, ES256, ES384, ES512 and EdDSA are");
  return *algorithm;
}

token::Key usable(TomlTable& table, const std::string& key, std::expected<token::Key, token::KeyError> made) {
  if (!made) table.fail(key, std::string(to_string(made.error())));
  return *std::move(made);
}

// `alg` with `secret_env|file` (HMAC) or `public_key_env|file` (the others, PEM).
token::Key read_verifying_key(TomlTable& table, Inputs& inputs) {
  const Algorithm algorithm = read_algorithm(table, "alg", table.required_text("alg"));
  const std::string key_id = table.text("kid").value_or("");
  const std::string name = is_hmac(algorithm) ? "secret" : "public_key";
  const auto material = inputs.secret(table, name);
  if (!material) table.fail("alg", fmt::format("{} needs {}_env or {}_file", to_string(algorithm), name, name));
  return usable(table, "alg",
                is_hmac(algorithm) ? token::Key::hmac(algorithm, *material, key_id)
                                   : token::Key::public_key(algorithm, *material, key_id));
}

std::vector<Algorithm> read_algorithms(TomlTable& table) {
  const auto names = table.texts("algs");
  if (!names) return kPublishedAlgorithms;
  std::vector<Algorithm> algorithms;
  for (const std::string& name : *names) algorithms.push_back(read_algorithm(table, "algs", name));
  if (algorithms.empty()) table.fail("algs", "is empty");
  return algorithms;
}

std::vector<token::Key> read_key_set(TomlTable& table, Inputs& inputs, const std::string& path) {
  const auto set =
      token::parse_jwk_set(inputs.file(table, "jwks_file", path), {.algorithms = read_algorithms(table), .secret = true});
  if (!set) table.fail("jwks_file", path + ": " + set.error());
  for (const token::SkippedKey& skipped : set->skipped)
    log::warn("key_skipped", {{"file", path}, {"kid", skipped.key_id}, {"reason", skipped.reason}});
  if (set->keys.empty()) table.fail("jwks_file", path + " holds no usable key");
  return set->keys;
}

std::shared_ptr<identity::RemoteKeys> read_remote_keys(TomlTable& table, const token::VerifierOptions& verifier) {
  // A provider signs for many; without an audience its tokens for others would do here (RFC 8725 section 3.9).
  if (!verifier.issuer) table.fail("issuer", "is missing: whose tokens these are, exactly as their `iss` says");
  if (!verifier.audience) table.fail("audience", "is missing: whom the tokens must be for, exactly as their `aud` says");
  identity::RemoteKeysOptions options;
  options.name = verifier.name;
  options.issuer = *verifier.issuer;
  options.jwks_url = table.text("jwks_url");
  options.algorithms = read_algorithms(table);
  const auto seconds = [&](const char* key, std::chrono::seconds& value, std::int64_t min) {
    if (auto given = table.integer(key, min, 30 * kDay_s)) value = std::chrono::seconds(*given);
  };
  seconds("refresh_min_s", options.refresh_min, 1);
  seconds("refresh_max_s", options.refresh_max, 1);
  seconds("unknown_key_interval_s", options.unknown_key_interval, 1);
  seconds("stale_max_s", options.stale_max, 1);
  if (options.refresh_max < options.refresh_min) table.fail("refresh_max_s", "is below refresh_min_s");
  auto made = identity::RemoteKeys::make(std::move(options));
  if (!made) table.fail(table.has("jwks_url") ? "jwks_url" : "issuer", made.error());
  return *std::move(made);
}

identity::Issuer read_issuer(TomlTable& table, Inputs& inputs, Config& config, std::vector<std::string> types_refused) {
  token::VerifierOptions options;
  options.name = table.required_text("name");
  options.issuer = table.text("issuer");
  options.audience = table.text("audience");
  options.types_refused = std::move(types_refused);
  options.leeway_s = table.integer("leeway_s", 0, 60).value_or(options.leeway_s);
  options.lifetime_max_s = table.integer("lifetime_max_s", 1, 3650 * kDay_s).value_or(kLifetimeDefault_s);
  std::int64_t& longest = config.gateway.token_lifetime_max_s;
  longest = std::max(longest, options.lifetime_max_s + 2 * options.leeway_s);

  std::shared_ptr<identity::KeySource> keys;
  const auto file = table.text("jwks_file");
  if (int(table.has("alg")) + int(file.has_value()) + int(table.has("jwks_url")) > 1)
    table.fail("name", "give one of `alg` with a key, `jwks_file`, `jwks_url`, or only `issuer` for OpenID discovery");
  if (table.has("alg")) {
    keys = std::make_shared<identity::FixedKeys>(std::vector<token::Key>{read_verifying_key(table, inputs)});
  } else if (file) {
    keys = std::make_shared<identity::FixedKeys>(read_key_set(table, inputs, *file));
  } else {
    auto remote = read_remote_keys(table, options);
    config.remote_keys.emplace_back(options.name, remote);
    keys = std::move(remote);
  }
  return {token::Verifier(std::move(options)), std::move(keys)};
}

// An authenticator for all that come by one way.
std::shared_ptr<identity::Authenticator> authenticator_of(std::vector<identity::Issuer> issuers) {
  if (issuers.empty()) return nullptr;
  identity::AuthenticatorOptions options;
  options.issuers = std::move(issuers);
  return std::make_shared<identity::Authenticator>(std::move(options));
}

// As they were read: those whose tokens come in Authorization under "", the others under their cookie.
using Identities = std::map<std::string, std::vector<identity::Issuer>>;

Identities read_identities(TomlTable& root, Inputs& inputs, Config& config) {
  Identities identities;
  for (TomlTable& table : root.tables("identity")) {
    const std::string cookie = table.text("cookie").value_or("");
    if (table.has("cookie") && !http::is_token(cookie)) table.fail("cookie", "'" + cookie + "' is no cookie's name");
    // An identity token is never a grant, nor the other way round (SECURITY J37).
    identities[cookie].push_back(read_issuer(table, inputs, config, {std::string(gatekeeper::kGrantType)}));
    const std::string& name = identities[cookie].back().verifier.options().name;
    if (!config.identity_names.insert(name).second) table.fail("name", "'" + name + "' is used twice");
    table.finish();
  }
  return identities;
}

void read_gate(TomlTable& root, Inputs& inputs, Config& config) {
  auto gate = root.table("gate");
  if (!gate) return;
  std::set<std::string> names;
  for (TomlTable& table : gate->tables("issuer")) {
    config.gateway.grant_issuers.push_back(read_issuer(table, inputs, config, {}));
    const std::string& name = config.gateway.grant_issuers.back().verifier.options().name;
    if (!names.insert(name).second) table.fail("name", "'" + name + "' is used twice");
    table.finish();
  }
  gateway::LimitsOptions& limits = config.gateway.limits;
  if (auto n = gate->integer("subset_limit_max", 1, 1'000'000'000)) limits.subset_limit_max = static_cast<std::uint64_t>(*n);
  if (auto n = gate->integer("subset_concurrency", 1, 100'000)) limits.subset_concurrency = static_cast<std::size_t>(*n);
  if (auto n = gate->integer("cache_busters_max", 1, gateway::kCacheBustersMaxMax))
    limits.cache_busters_max = static_cast<std::size_t>(*n);
  limits.subset_like_leading_wildcard =
      gate->boolean("subset_like_leading_wildcard").value_or(limits.subset_like_leading_wildcard);
  gate->finish();
}

// `secret_env|file` with HS256 (or another HMAC by `alg`), or `private_key_env|file` with EdDSA (or another by `alg`).
std::optional<token::Key> read_signing_key(TomlTable& table, Inputs& inputs) {
  const auto secret = inputs.secret(table, "secret");
  const auto private_key = inputs.secret(table, "private_key");
  if (!secret && !private_key) return std::nullopt;
  if (secret && private_key) table.fail("secret_env", "give a secret or a private key, not both");
  const std::string alg = table.text("alg").value_or(secret ? "HS256" : "EdDSA");
  const Algorithm algorithm = read_algorithm(table, "alg", alg);
  if (is_hmac(algorithm) != secret.has_value())
    table.fail("alg", alg + (secret ? " does not sign with a secret" : " does not sign with a private key"));
  const std::string key_id = table.text("kid").value_or("");
  return usable(
      table, secret ? "secret_env" : "private_key_file",
      secret ? token::Key::hmac(algorithm, *secret, key_id) : token::Key::private_key(algorithm, *private_key, key_id));
}

std::vector<token::Key> read_gatekeeper_keys(TomlTable& table, Inputs& inputs) {
  std::vector<token::Key> keys;
  if (auto only = read_signing_key(table, inputs)) keys.push_back(*std::move(only));
  std::set<std::string> names;
  for (TomlTable& entry : table.tables("key")) {
    if (!names.insert(entry.required_text("kid")).second) entry.fail("kid", "is used twice");
    auto key = read_signing_key(entry, inputs);
    if (!key) entry.fail("kid", "its key is missing: secret_env, secret_file, private_key_env or private_key_file");
    keys.push_back(*std::move(key));
    entry.finish();
  }
  if (keys.empty())
    table.fail("secret_env",
               "give secret_env|secret_file (HS256), private_key_env|private_key_file (EdDSA) or [[gatekeeper.key]]");
  if (names.size() != keys.size() && !names.empty()) table.fail("key", "with [[gatekeeper.key]], every key belongs there");
  return keys;
}

void read_gatekeeper(TomlTable& root, Inputs& inputs, Config& config) {
  auto table = root.table("gatekeeper");
  if (!table) return;
  gatekeeper::MinterOptions minter{.keys = read_gatekeeper_keys(*table, inputs), .issuer = config.public_url};
  minter.ttl_s = table->integer("ttl_s", 1, 30 * kDay_s).value_or(minter.ttl_s);
  minter.jitter = table->number("jitter", 0, 0.5).value_or(minter.jitter);
  minter.refresh_ahead_s = table->integer("refresh_ahead_s", 0, kDay_s).value_or(minter.refresh_ahead_s);
  config.gateway.refresh_ahead_s = minter.refresh_ahead_s;
  config.gateway.token_lifetime_max_s = std::max(config.gateway.token_lifetime_max_s, minter.ttl_s);
  config.gateway.minter = std::move(minter);
  table->finish();
}

bool same_key(const token::Key& signer, const token::Key& key) {
  constexpr std::string_view kProbe = "sluice key separation";
  return key.algorithm() == signer.algorithm() && key.verify(kProbe, signer.sign(kProbe));
}

// One issuer's tokens for one audience: nothing but a claim would tell a login from a grant.
bool same_tokens(const token::VerifierOptions& identity, const token::VerifierOptions& grants) {
  return identity.issuer && identity.issuer == grants.issuer && identity.audience == grants.audience;
}

// One key for two purposes would make a token for one of them valid for the other (SECURITY J37). Checked for keys that can
// sign; those of one provider are told apart by their audience.
void check_keys_apart(TomlTable& root, const Config& config, const Identities& identities) {
  std::vector<std::pair<std::string, token::Key>> signers;
  if (config.gateway.minter)
    for (const token::Key& key : config.gateway.minter->keys) signers.emplace_back("[gatekeeper]", key);
  for (const identity::Issuer& issuer : config.gateway.grant_issuers)
    for (const token::Key& key : issuer.keys->keys()->keys) {
      const std::string name = "gate.issuer '" + issuer.verifier.options().name + "'";
      for (const auto& [owner, signer] : signers)
        if (owner == "[gatekeeper]" && same_key(signer, key))
          root.fail("gatekeeper", "has the same key as " + name + "; each needs its own");
      if (key.can_sign()) signers.emplace_back(name, key);
    }
  for (const auto& [cookie, issuers] : identities)
    for (const identity::Issuer& issuer : issuers) {
      const token::VerifierOptions& options = issuer.verifier.options();
      for (const token::Key& key : issuer.keys->keys()->keys)
        for (const auto& [owner, signer] : signers)
          if (same_key(signer, key))
            root.fail("identity", "'" + options.name + "' has the same key as " + owner + "; each needs its own");
      for (const identity::Issuer& of_grants : config.gateway.grant_issuers)
        if (same_tokens(options, of_grants.verifier.options()))
          root.fail("identity", "'" + options.name + "' has the issuer and audience of gate.issuer '" +
                                    of_grants.verifier.options().name + "'; give them different audiences");
    }
}

}  // namespace

void read_tokens(TomlTable& root, Inputs& inputs, Config& config) {
  config.gateway.token_lifetime_max_s = 60;  // for clocks, where there is no token at all
  Identities identities = read_identities(root, inputs, config);
  read_gate(root, inputs, config);
  read_gatekeeper(root, inputs, config);
  check_keys_apart(root, config, identities);
  for (auto& [cookie, issuers] : identities) {
    if (cookie.empty())
      config.gateway.identities = authenticator_of(std::move(issuers));
    else
      config.gateway.cookies.push_back({cookie, authenticator_of(std::move(issuers))});
  }
}

}  // namespace sluice::app
