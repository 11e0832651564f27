// What it costs to decide whether a grant covers a request, and whether a condition holds of a principal's claims.
#include <benchmark/benchmark.h>

#include "sql/condition.h"
#include "sql/covers.h"

namespace sluice::sql {
namespace {

shape::Definition made(const std::string& where, const std::map<unsigned, std::string>& params) {
  return *shape::Definition::make(
      {.table = "items", .where = where, .params = params, .columns = "id,org_id,title,priority"});
}

shape::Definition grant() {
  return made("org_id = $1 AND deleted_at IS NULL", {{1, "7"}});
}

void decide(benchmark::State& state, const shape::Definition& asked, bool expected) {
  const shape::Definition granted = grant();
  if (covers(granted, asked).has_value() != expected) return state.SkipWithError("another answer than expected");
  for (auto _ : state) benchmark::DoNotOptimize(covers(granted, asked));
}

void Covers_Equal(benchmark::State& state) {
  decide(state, grant(), true);
}
void Covers_Narrower(benchmark::State& state) {
  decide(state, made("org_id = $1 AND deleted_at IS NULL AND priority > 3", {{1, "7"}}), true);
}
void Covers_NarrowerByTenConditions(benchmark::State& state) {
  std::string where = "org_id = $1 AND deleted_at IS NULL";
  for (int i = 0; i < 10; ++i) where += " AND title <> 'x" + std::to_string(i) + "'";
  decide(state, made(where, {{1, "7"}}), true);
}
void Covers_RefusedByParameter(benchmark::State& state) {
  decide(state, made("org_id = $1 AND deleted_at IS NULL", {{1, "8"}}), false);
}
void Covers_RefusedByColumn(benchmark::State& state) {
  decide(state, made("org_id = $1 AND deleted_at IS NULL AND secret = 'x'", {{1, "7"}}), false);
}

void hold(benchmark::State& state, std::string_view text, const std::vector<std::optional<std::string_view>>& values) {
  auto condition = Condition::compile(text);
  if (!condition || !condition->holds(values)) return state.SkipWithError("does not hold");
  for (auto _ : state) benchmark::DoNotOptimize(condition->holds(values));
}

void Condition_Scalars(benchmark::State& state) {
  hold(state, "role = 'admin' AND level >= 3", {"admin", "7"});
}
void Condition_List(benchmark::State& state) {
  std::string list = "{1";
  for (int i = 1; i < state.range(0); ++i) list += "," + std::to_string(i * 3);
  list += ",7}";
  hold(state, "7 = ANY(org_ids)", {list});
}
void Condition_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Condition::compile("role = 'admin' AND 7 = ANY(org_ids)"));
}

BENCHMARK(Covers_Equal);
BENCHMARK(Covers_Narrower);
BENCHMARK(Covers_NarrowerByTenConditions);
BENCHMARK(Covers_RefusedByParameter);
BENCHMARK(Covers_RefusedByColumn);
BENCHMARK(Condition_Scalars);
BENCHMARK(Condition_List)->Arg(3)->Arg(100);
BENCHMARK(Condition_Compile);

}  // namespace
}  // namespace sluice::sql

BENCHMARK_MAIN();
