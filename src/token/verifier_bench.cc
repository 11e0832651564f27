// What a verification costs: a token of 480 bytes, as an identity provider issues them.
#include <benchmark/benchmark.h>

#include "token/jws.h"
#include "token/verifier.h"

namespace sluice::token {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::size_t kTokenBytes = 480;

std::string token_of(const Key& key) {
  std::string pad;
  for (;;) {
    const std::string claims =
        R"({"iss":"https://idp.example","sub":"user-1","aud":"sluice","exp":1700000600,"iat":1700000000,)"
        R"("org_id":"7","roles":["a","b"],"pad":")" +
        pad + "\"}";
    std::string token = sign(key, claims);
    if (token.size() >= kTokenBytes) return token;
    pad += 'x';
  }
}

Key key_of(Algorithm algorithm) {
  return algorithm == Algorithm::kHs256 ? Key::hmac_sha256("0123456789abcdef0123456789abcdeX").value()
                                        : Key::ed25519_private("0123456789abcdef0123456789abcdeX").value();
}

void BM_Verify(benchmark::State& state, Algorithm algorithm) {
  const Key key = key_of(algorithm);
  const std::string token = token_of(key);
  const Verifier verifier({.name = "bench", .keys = {key}, .issuer = "https://idp.example", .audience = "sluice"});
  for (auto _ : state) benchmark::DoNotOptimize(verifier.verify(token, kNow).value());
}

void BM_Signature(benchmark::State& state, Algorithm algorithm) {
  const Key key = key_of(algorithm);
  const std::string token = token_of(key);
  const std::vector<Key> keys = {key};
  for (auto _ : state) benchmark::DoNotOptimize(verify_jws(token, keys).value());
}

BENCHMARK_CAPTURE(BM_Verify, HS256, Algorithm::kHs256)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Verify, EdDSA, Algorithm::kEdDsa)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Signature, HS256, Algorithm::kHs256)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(BM_Signature, EdDSA, Algorithm::kEdDsa)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::token

BENCHMARK_MAIN();
