// What reading a request costs: the query string of an ordinary live request, its definition, and its canonical spelling.
#include <benchmark/benchmark.h>

#include "base/json.h"
#include "shape/claim_codec.h"
#include "shape/request_codec.h"

namespace sluice::shape {
namespace {

constexpr std::string_view kQuery =
    "columns=%22id%22%2C%22title%22%2C%22org_id%22&cursor=67391220&handle=53879140-1763900000000000&live=true&log=full"
    "&offset=26743256_7&params%5B1%5D=7&params%5B2%5D=open&table=items&where=org_id+%3D+%241+AND+status+%3D+%242";
constexpr std::string_view kWhere =
    "org_id = $1 AND status = $2 AND lower(title) LIKE 'a%' AND (priority > 5 OR done IS NULL)";
constexpr std::string_view kClaim =
    R"({"table":"items","where":"org_id = $1 AND status = $2","params":{"1":"7","2":"open"},"columns":["id","title","org_id"]})";

void BM_ParseQuery(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(parse_shape_query(kQuery, Dialect::kGrant).value());
}

void BM_MakeDefinition(benchmark::State& state) {
  const auto request = parse_shape_query(kQuery, Dialect::kGrant).value();
  for (auto _ : state) benchmark::DoNotOptimize(Definition::make(*request.definition).value());
}

void BM_CanonicalizeWhere(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(canonicalize_where(kWhere).value());
}

void BM_ReadClaim(benchmark::State& state) {
  const Json json = Json::parse(kClaim).value();
  for (auto _ : state) benchmark::DoNotOptimize(read_claim(json.root()).value());
}

void BM_PrintQuery(benchmark::State& state) {
  const auto read = parse_shape_query(kQuery, Dialect::kGrant).value();
  const Request request{.definition = Definition::make(*read.definition).value(), .position = read.position};
  for (auto _ : state) benchmark::DoNotOptimize(print_query(request));
}

BENCHMARK(BM_ParseQuery)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_MakeDefinition)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_CanonicalizeWhere)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_ReadClaim)->Unit(benchmark::kMicrosecond);
BENCHMARK(BM_PrintQuery)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sluice::shape

BENCHMARK_MAIN();
