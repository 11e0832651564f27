// What reading a key set costs: the most keys that a provider may publish, all different. It happens at start and once in
// minutes, on a thread that has requests to serve.
#include <benchmark/benchmark.h>

#include "token/jwk.h"
#include "token/test_keys.h"

namespace sluice::token {
namespace {

// Different keys of one kind: real ones for the curves; for RSA numbers of a modulus's size, which nobody can factor either.
std::string jwk_of(Algorithm algorithm, std::size_t index) {
  const std::string kid = ",\"kid\":\"" + std::to_string(index) + '"';
  if (traits_of(algorithm).family != Family::kRsa) return test_jwk_of(generate(algorithm).get(), traits_of(algorithm), kid);
  std::string modulus = bn_param(test_pkey(algorithm), "n");
  modulus[100] = static_cast<char>(index);
  return R"({"kty":"RSA","e":"AQAB","n":")" + base64url_encode(modulus) + '"' + kid + '}';
}

void BM_JwkSet(benchmark::State& state, Algorithm algorithm, std::vector<Algorithm> allowed) {
  std::string text = "{\"keys\":[";
  for (std::size_t i = 0; i < kJwkSetKeysMax; ++i) text += (i == 0 ? "" : ",") + jwk_of(algorithm, i);
  text += "]}";
  const JwkSetOptions options = {.algorithms = std::move(allowed)};
  for (auto _ : state) {
    const auto set = parse_jwk_set(text, options);
    if (!set || set->keys.size() < kJwkSetKeysMax - 1) state.SkipWithError("keys were skipped");
  }
}

using enum Algorithm;
BENCHMARK_CAPTURE(BM_JwkSet, RS256, kRs256, {kRs256})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_JwkSet, RsaForSixAlgorithms, kRs256, {kRs256, kRs384, kRs512, kPs256, kPs384, kPs512})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_JwkSet, ES256, kEs256, {kEs256})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_JwkSet, ES512, kEs512, {kEs512})->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_JwkSet, EdDSA, kEdDsa, {kEdDsa})->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace sluice::token

BENCHMARK_MAIN();
