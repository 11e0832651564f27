// What a row costs, and what a clause costs to compile.
#include <benchmark/benchmark.h>

#include "sql/test_table.h"
#include "sql/where.h"

namespace sluice::sql {
namespace {

const TestRow& row() {
  static const TestRow out{{"i4", "20"},
                           {"i8", "7"},
                           {"n", "123.4500"},
                           {"t", "the quick brown fox"},
                           {"f8", "0.5"},
                           {"b", "t"},
                           {"u", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
                           {"tz", "2024-02-29 12:00:00.5+00"}};
  return out;
}

void match(benchmark::State& state, std::string_view where, const std::vector<std::string>& params = {}) {
  auto clause = WhereClause::compile(where, params, test_table());
  if (!clause) return state.SkipWithError(clause.error().message.c_str());
  for (auto _ : state) benchmark::DoNotOptimize(clause->matches(row().view()));
}

void Match_Conjunction(benchmark::State& state) {
  match(state, "i8 = $1 AND i4 > $2", {"7", "15"});
}
void Match_Uuid(benchmark::State& state) {
  match(state, "u = $1", {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"});
}
void Match_Numeric(benchmark::State& state) {
  match(state, "n >= 123.45");
}
void Match_Timestamptz(benchmark::State& state) {
  match(state, "tz > '2024-01-01'");
}
void Match_Like(benchmark::State& state) {
  match(state, "t LIKE '%brown%'");
}
void Match_Ilike(benchmark::State& state) {
  match(state, "t ILIKE '%BROWN%'");
}

// One change, asked of 1,000 clauses whose words it does not have, in a text of so many bytes.
void Match_Ilikes(benchmark::State& state) {
  std::vector<WhereClause> clauses;
  for (int i = 0; i < 1000; ++i) {
    auto clause = WhereClause::compile("t ILIKE $1", {"%Word" + std::to_string(i) + "%"}, test_table());
    if (!clause) return state.SkipWithError(clause.error().message.c_str());
    clauses.push_back(std::move(*clause));
  }
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += "The quick brown fox walks on; ";
  text.resize(static_cast<std::size_t>(state.range(0)));
  TestRow one{{"t", text}};
  for (auto _ : state) {
    for (const WhereClause& clause : clauses) benchmark::DoNotOptimize(clause.matches(one.view()));
  }
}

void Match_List(benchmark::State& state) {
  std::string where = "i8 IN (0";
  for (int i = 1; i < state.range(0); ++i) where += "," + std::to_string(i * 3);
  match(state, where + ")");
}

void Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(WhereClause::compile("i8 = $1 AND i4 > $2", {"7", "15"}, test_table()));
}

BENCHMARK(Match_Conjunction);
BENCHMARK(Match_Uuid);
BENCHMARK(Match_Numeric);
BENCHMARK(Match_Timestamptz);
BENCHMARK(Match_Like);
BENCHMARK(Match_Ilike);
BENCHMARK(Match_Ilikes)->Arg(20)->Arg(100)->Arg(1000);
BENCHMARK(Match_List)->Arg(3)->Arg(100)->Arg(1000);
BENCHMARK(Compile);

}  // namespace
}  // namespace sluice::sql

BENCHMARK_MAIN();
