// The answer of a user's authorization API: nothing crashes, and what is granted lies within what was asked for.
#include <cstdlib>
#include <string_view>

#include "policy/http_exchange.h"
#include "policy/narrowing.h"

using namespace sluice;

namespace {

shape::Definition asked(std::optional<std::string> where, std::optional<std::string> columns) {
  shape::DefinitionText text;
  text.table = "items";
  text.where = std::move(where);
  if (text.where) text.params[1] = "7";
  text.columns = std::move(columns);
  return shape::Definition::make(text).value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static const shape::Definition definitions[] = {asked({}, {}), asked("org_id = $1", {}), asked("org_id = $1", "id,title")};
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  for (const shape::Definition& definition : definitions) {
    const policy::Decision decision = policy::read_http_answer(body, definition);
    if (decision.granted.has_value() != (decision.kind == policy::Decision::Kind::kAllow)) std::abort();
    if (decision.granted && !policy::lies_within(definition, decision.granted->definition)) std::abort();
    if (decision.kind == policy::Decision::Kind::kDeny && decision.reason.size() > policy::kHttpReasonBytesMax) std::abort();
  }
  return 0;
}
