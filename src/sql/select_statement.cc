#include "sql/select_statement.h"

#include <fmt/format.h>
#include <pg_query.h>
#include <simdjson.h>

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "sql/parse_tree.h"

namespace sluice::sql {
namespace {

namespace dom = simdjson::dom;
using ParseResult = std::unique_ptr<PgQueryParseResult, void (*)(PgQueryParseResult*)>;

ParseResult pg_parse(const std::string& statement) {
  return {new PgQueryParseResult(pg_query_parse(statement.c_str())), [](PgQueryParseResult* result) {
            pg_query_free_parse_result(*result);
            delete result;
          }};
}

// The only statement's SELECT.
std::optional<dom::element> only_select(dom::element tree) {
  dom::array statements;
  if (tree["stmts"].get(statements) != simdjson::SUCCESS || statements.size() != 1) return std::nullopt;
  dom::element select;
  if (statements.at(0)["stmt"]["SelectStmt"].get(select) != simdjson::SUCCESS) return std::nullopt;
  if (select["intoClause"].error() == simdjson::SUCCESS) return std::nullopt;
  return select;
}

// The tree is at most as deep as simdjson reads (1,024 levels).
void collect_params(dom::element element, std::set<std::int64_t>& params) {
  dom::array list;
  dom::object fields;
  if (element.get(list) == simdjson::SUCCESS) {
    for (dom::element item : list) collect_params(item, params);
  } else if (element.get(fields) == simdjson::SUCCESS) {
    for (auto [name, value] : fields) {
      if (name == "ParamRef") params.insert(TreeNode::of(element).number("number"));
      collect_params(value, params);
    }
  }
}

}  // namespace

std::expected<SelectStatement, WhereError> SelectStatement::parse(std::string_view text) {
  if (text.size() > kWhereBytesMax) return std::unexpected(error_at(kWhereBytesMax, "the query is too long"));
  if (text.contains('\0')) return std::unexpected(error_at(text.find('\0'), "a NUL byte is not allowed"));
  if (!simdjson::validate_utf8(text)) return std::unexpected(error_at(0, "not UTF-8"));

  const ParseResult parsed = pg_parse(std::string(text));
  if (parsed->error != nullptr) {
    return std::unexpected(error_at(static_cast<std::size_t>(parsed->error->cursorpos), parsed->error->message));
  }
  dom::parser parser;
  dom::element tree;
  if (parser.parse(std::string_view(parsed->parse_tree)).get(tree) != simdjson::SUCCESS) {
    return std::unexpected(error_at(0, "nested too deeply"));
  }
  const auto select = only_select(tree);
  if (!select) return std::unexpected(error_at(0, "not one SELECT"));

  std::set<std::int64_t> params;
  collect_params(*select, params);
  if (!params.empty() && (*params.begin() != 1 || *params.rbegin() != std::int64_t(params.size()))) {
    return std::unexpected(error_at(0, "its parameters are not $1, $2, … without a gap"));
  }
  return SelectStatement(params.size());
}

}  // namespace sluice::sql
