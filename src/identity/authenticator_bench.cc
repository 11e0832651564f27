// What authenticating costs a request: a token seen before, a new one, a refused one. `authenticator_bench memory` shows
// instead what a million different tokens of each kind leave behind.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <malloc.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/sha256.h"
#include "identity/authenticator.h"

namespace sluice::identity {
namespace {

constexpr std::int64_t kNow = 1'700'000'000;
constexpr std::size_t kTokenBytes = 480;

token::Key signer(std::string key_id = "") {
  return token::Key::hmac_sha256("0123456789abcdef0123456789abcdeX", std::move(key_id)).value();
}

// Of 480 bytes, as identity providers issue them.
std::string token_of(const token::Key& key, std::string_view subject) {
  std::string claims = R"({"iss":"https://idp.example","aud":"sluice","exp":1700000600,"iat":1700000000,"sub":")";
  claims.append(subject).append(R"(","org_id":"7","roles":["a","b"],"pad":")");
  const std::size_t unpadded = token::sign(key, claims + "\"}").size();
  claims.append(unpadded < kTokenBytes ? (kTokenBytes - unpadded) * 3 / 4 : 0, 'x').append("\"}");
  return token::sign(key, claims);
}

std::string spoilt(std::string token) {
  char& c = token[token.rfind('.') + 1];
  c = c == 'A' ? 'B' : 'A';
  return token;
}

AuthenticatorOptions options_of(const token::Key& key) {
  AuthenticatorOptions options;
  options.issuers.push_back({token::Verifier({.name = "bench", .issuer = "https://idp.example", .audience = "sluice"}),
                             std::make_shared<FixedKeys>(std::vector{key})});
  return options;
}

void BM_Digest(benchmark::State& state) {
  const std::string token = token_of(signer(), "user-1");
  for (auto _ : state) benchmark::DoNotOptimize(sha256(token));
}

void BM_SeenBefore(benchmark::State& state) {
  static Authenticator authenticator(options_of(signer()));
  const std::string token = token_of(signer(), "user-" + std::to_string(state.thread_index()));
  for (auto _ : state) benchmark::DoNotOptimize(authenticator.verify(token, kNow).value());
}

void BM_New(benchmark::State& state) {
  AuthenticatorOptions options = options_of(signer());
  options.cache_entries_max = 64;  // and twice as many tokens: none is there any more when it comes again
  Authenticator authenticator(std::move(options));
  std::vector<std::string> tokens;
  for (int i = 0; i < 128; ++i) tokens.push_back(token_of(signer(), "user-" + std::to_string(i)));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(authenticator.verify(tokens[i++ % tokens.size()], kNow).value());
  if (authenticator.counts().hits != 0) state.SkipWithError("not all were new");
}

void BM_RefusedFromMemory(benchmark::State& state) {
  Authenticator authenticator(options_of(signer()));
  const std::string token = spoilt(token_of(signer(), "user-1"));
  for (auto _ : state) benchmark::DoNotOptimize(authenticator.verify(token, kNow).error());
}

BENCHMARK(BM_Digest)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_SeenBefore)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_SeenBefore)->Unit(benchmark::kMicrosecond)->Threads(2);
BENCHMARK(BM_New)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_RefusedFromMemory)->Unit(benchmark::kMicrosecond);

std::size_t rss_kb() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

// The token of number i, of one kind.
using Make = std::string (*)(const token::Key& key, const std::string& pattern, int i);

// A named key each, which the issuer does not have.
std::string of_unknown_key(const token::Key&, const std::string& pattern, int i) {
  const std::string header = R"({"alg":"HS256","kid":"k)" + std::to_string(10'000'000 + i) + "\"}";
  return base64url_encode(header) + pattern.substr(pattern.find('.'));
}
std::string of_bad_signature(const token::Key&, const std::string& pattern, int i) {
  return pattern.substr(0, pattern.size() - 16) + std::to_string(1'000'000'000'000'000 + i);
}
std::string of_a_subject(const token::Key& key, const std::string&, int i) {
  return token_of(key, "user-" + std::to_string(i));
}

void show_memory(const char* what, Make make) {
  constexpr int kTokens = 1'000'000;
  const token::Key key = signer("main");
  Authenticator authenticator(options_of(key));
  const std::string pattern = token_of(key, "user-0");
  ::malloc_trim(0);
  const std::size_t before = rss_kb();
  for (int i = 0; i < kTokens; ++i) benchmark::DoNotOptimize(authenticator.verify(make(key, pattern, i), kNow));
  const std::size_t after = rss_kb();
  const auto counts = authenticator.counts();
  fmt::print("{:<30} RSS {:>7} kB -> {:>7} kB, remembers {:>6} good and {:>6} refused\n", what, before, after,
             counts.entries, counts.refused_entries);
}

}  // namespace
}  // namespace sluice::identity

int main(int argc, char** argv) {
  using namespace sluice::identity;
  if (argc == 2 && std::string_view(argv[1]) == "memory") {
    show_memory("1,000,000 bad signatures", of_bad_signature);
    show_memory("1,000,000 unknown keys", of_unknown_key);
    show_memory("1,000,000 subjects, all good", of_a_subject);
    return 0;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
