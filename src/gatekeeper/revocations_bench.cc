// What a check costs with nothing, one and a million revoked, and what adding and keeping cost.
#include <benchmark/benchmark.h>

#include "base/test_folder.h"
#include "gatekeeper/revocation_text.h"
#include "gatekeeper/revocations.h"
#include "gatekeeper/test_tokens.h"

namespace sluice::gatekeeper {
namespace {

constexpr std::int64_t kForget_s = std::int64_t{1} << 40;

// Of every kind that is looked up, none of them the token's.
void add(Revocations& revocations, std::int64_t count) {
  using Kind = Revocation::Kind;
  for (std::int64_t i = 0; i < count; ++i)
    revocations.add({.kind = i % 2 == 0 ? Kind::kTokenId : Kind::kSubject,
                     .value = "7Jb2kYw0TzqM5n8Qf4" + std::to_string(i),
                     .before_s = i % 2 == 0 ? 0 : 1,
                     .forget_at_s = kForget_s},
                    1000);
}

void BM_Check(benchmark::State& state) {
  static Revocations revocations;
  if (state.thread_index() == 0) add(revocations, state.range(0));
  const auto token = test_token(
      R"({"iss":"https://sync.example.com","aud":"sluice:gate","sub":"alice","sub_iss":"https://login.example.com",)"
      R"("iat":1000,"exp":4600,"jti":"Yc1b0pQ8r2sX5vT7wZ9aKg","shape":{"namespace":"public","table":"items"}})");
  for (auto _ : state) benchmark::DoNotOptimize(revocations.revoked(token->claims()));
}
BENCHMARK(BM_Check)->Arg(0)->Arg(1)->Arg(2)->Arg(1'000'000)->ThreadRange(1, 2)->UseRealTime();

void BM_Add(benchmark::State& state) {
  for (auto _ : state) {
    Revocations revocations;
    add(revocations, state.range(0));
    benchmark::DoNotOptimize(revocations.size());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Add)->Arg(1000)->Arg(100'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

void BM_AddToFile(benchmark::State& state) {
  const TestFolder folder;
  Revocations revocations;
  const auto store = file_revocations(folder.path() + "/revocations.log", revocations);
  store->start();
  std::int64_t i = 0;
  for (auto _ : state)
    if (!store->add({.value = std::to_string(i++), .forget_at_s = kForget_s})) state.SkipWithError("not added");
}
BENCHMARK(BM_AddToFile)->UseRealTime();

}  // namespace
}  // namespace sluice::gatekeeper

BENCHMARK_MAIN();
