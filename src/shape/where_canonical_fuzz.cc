// Canonical where clauses: idempotent, and to Postgres's own parser the clause they were made from.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "shape/definition.h"
#include "shape/where_oracle.h"

using namespace sluice::shape;

static void require(bool holds, const char* what, const std::string& where, const std::string& canonical) {
  if (holds) return;
  std::fprintf(stderr, "%s\n%s\n%s\n", what, where.c_str(), canonical.c_str());
  std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string where(reinterpret_cast<const char*>(data), size);
  const auto made = canonicalize_where(where);
  if (!made) return 0;
  const auto again = canonicalize_where(made->text);
  require(again && again->text == made->text && again->params_used == made->params_used, "not idempotent", where,
          made->text);
  const auto tree = postgres_tree(where);
  if (!tree) return 0;
  require(postgres_tree(made->text) == tree, "changes the meaning", where, made->text);
  require(postgres_tree("(" + made->text + ")") == tree, "breaks out of parentheses", where, made->text);
  return 0;
}
