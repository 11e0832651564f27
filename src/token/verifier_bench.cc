// What a token costs that was not seen before, beside OpenSSL's own verification of the same bytes: 480 bytes or a little
// more, as identity providers issue them.
//
//   BM_Verifier/<alg>   the whole: header, signature, claims
//   BM_Signature/<alg>  header and signature
//   BM_OpenSsl/<alg>    the bare minimum: the signature is decoded, in OpenSSL's form, its context set up beforehand
//   BM_Issuers/<n>      the whole with tokens of n issuers in turn, each with its own header
#include <benchmark/benchmark.h>
#include <openssl/core_names.h>

#include "token/ecdsa_signature.h"
#include "token/jws.h"
#include "token/test_keys.h"
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

void BM_Verifier(benchmark::State& state, Algorithm algorithm) {
  const std::string token = token_of(test_key(algorithm));
  const Verifier verifier(
      {.name = "bench", .keys = {test_public_key(algorithm)}, .issuer = "https://idp.example", .audience = "sluice"});
  for (auto _ : state) benchmark::DoNotOptimize(verifier.verify(token, kNow).value());
}

void BM_Signature(benchmark::State& state, Algorithm algorithm) {
  const std::string token = token_of(test_key(algorithm));
  const std::vector<Key> keys = {test_public_key(algorithm)};
  for (auto _ : state) benchmark::DoNotOptimize(verify_jws(token, keys).value());
}

void must(bool held) {
  if (!held) std::abort();
}

// One context with its key, used again and again.
void run_hmac(benchmark::State& state, const AlgorithmTraits& traits, std::string_view text) {
  EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  EVP_MAC_CTX* const context = EVP_MAC_CTX_new(mac);
  const OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>(traits.digest), 0),
                               OSSL_PARAM_construct_end()};
  must(EVP_MAC_init(context, bytes_of(kTestSecret), kTestSecret.size(), params) == 1);
  unsigned char out[EVP_MAX_MD_SIZE];
  std::size_t size = 0;
  for (auto _ : state) {
    must(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 && EVP_MAC_update(context, bytes_of(text), text.size()) == 1 &&
         EVP_MAC_final(context, out, &size, sizeof(out)) == 1);
    benchmark::DoNotOptimize(out);
  }
  EVP_MAC_CTX_free(context);
  EVP_MAC_free(mac);
}

void run_ed25519(benchmark::State& state, EVP_PKEY* key, std::string_view text, std::string_view signature) {
  const MdContext context(EVP_MD_CTX_new());
  must(EVP_DigestVerifyInit_ex(context.get(), nullptr, nullptr, nullptr, nullptr, key, nullptr) == 1);
  for (auto _ : state)
    must(EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(text), text.size()) == 1);
}

// The hash by one call, then the verification of a hash in one context.
void run_prehashed(benchmark::State& state, const AlgorithmTraits& traits, EVP_PKEY* key, std::string_view text,
                   std::string_view signature) {
  EVP_MD* const digest = EVP_MD_fetch(nullptr, traits.digest, nullptr);
  const PKeyContext context(EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr));
  must(EVP_PKEY_verify_init(context.get()) == 1);
  if (traits.family == Family::kRsa) must(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1);
  if (traits.family == Family::kRsaPss)
    must(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) == 1);
  must(EVP_PKEY_CTX_set_signature_md(context.get(), digest) == 1);
  const MdContext hash(EVP_MD_CTX_new());
  unsigned char hashed[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  for (auto _ : state)
    must(EVP_DigestInit_ex2(hash.get(), digest, nullptr) == 1 &&
         EVP_DigestUpdate(hash.get(), text.data(), text.size()) == 1 && EVP_DigestFinal_ex(hash.get(), hashed, &size) == 1 &&
         EVP_PKEY_verify(context.get(), bytes_of(signature), signature.size(), hashed, size) == 1);
  EVP_MD_free(digest);
}

// r and s as OpenSSL wants them; their range does not matter here.
std::string der_of(std::string_view signature) {
  const auto der = ecdsa_to_der(signature, std::string(signature.size() / 2, '\xff'));
  return {reinterpret_cast<const char*>(der->bytes.data()), der->size};
}

void BM_OpenSsl(benchmark::State& state, Algorithm algorithm) {
  const AlgorithmTraits& traits = traits_of(algorithm);
  const std::string token = token_of(test_key(algorithm));
  const std::string_view text = std::string_view(token).substr(0, token.rfind('.'));
  const std::string signature = *base64url_decode(std::string_view(token).substr(text.size() + 1));
  if (traits.family == Family::kHmac) return run_hmac(state, traits, text);
  if (traits.family == Family::kEdDsa) return run_ed25519(state, test_pkey(algorithm), text, signature);
  run_prehashed(state, traits, test_pkey(algorithm), text, traits.family == Family::kEcdsa ? der_of(signature) : signature);
}

void BM_Issuers(benchmark::State& state) {
  std::vector<Key> keys;
  std::vector<std::string> tokens;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    keys.push_back(test_key(Algorithm::kHs256, "https://idp.example/keys/" + std::to_string(i)));
    tokens.push_back(token_of(keys.back()));
  }
  const Verifier verifier({.name = "bench", .keys = keys, .issuer = "https://idp.example", .audience = "sluice"});
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(verifier.verify(tokens[next], kNow).value());
    next = (next + 1) % tokens.size();
  }
}

void register_all() {
  constexpr auto kUnit = benchmark::kMicrosecond;
  for (const Algorithm algorithm : kAllAlgorithms) {
    const std::string name(to_string(algorithm));
    benchmark::RegisterBenchmark(("BM_OpenSsl/" + name).c_str(), BM_OpenSsl, algorithm)->Unit(kUnit);
    benchmark::RegisterBenchmark(("BM_Signature/" + name).c_str(), BM_Signature, algorithm)->Unit(kUnit);
    benchmark::RegisterBenchmark(("BM_Verifier/" + name).c_str(), BM_Verifier, algorithm)->Unit(kUnit);
  }
}

BENCHMARK(BM_Issuers)->Arg(1)->Arg(2)->Arg(8)->Arg(9)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::token

int main(int argc, char** argv) {
  sluice::token::register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
