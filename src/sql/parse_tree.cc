#include "sql/parse_tree.h"

#include <fmt/format.h>
#include <pg_query.h>

#include <algorithm>

namespace sluice::sql {
namespace {

namespace dom = simdjson::dom;

// Levels of JSON: an expression within another takes at most six.
constexpr std::size_t kTreeDepthMax = 8 * kExpressionDepthMax;

struct Grammar {
  std::string_view before;
  std::string_view field;
};

Grammar grammar_of(ClauseKind kind) {
  if (kind == ClauseKind::kWhere) return {"SELECT FROM x WHERE ", "whereClause"};
  return {"SELECT FROM x ORDER BY ", "sortClause"};
}

using ParseResult = std::unique_ptr<PgQueryParseResult, void (*)(PgQueryParseResult*)>;

ParseResult pg_parse(const std::string& statement) {
  return {new PgQueryParseResult(pg_query_parse(statement.c_str())), [](PgQueryParseResult* result) {
            pg_query_free_parse_result(*result);
            delete result;
          }};
}

// The parser counts characters from 1; 0 is for no position.
std::size_t byte_offset(std::string_view text, int character) {
  if (character <= 0) return 0;
  std::size_t at = 0;
  for (int seen = 1; at < text.size(); ++at) {
    bool continuation = (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
    if (!continuation && seen++ == character) break;
  }
  return at;
}

// Where the statement is one SELECT with the clause and nothing else: the clause.
std::optional<dom::element> only_clause(dom::element tree, std::string_view field) {
  dom::array statements;
  if (tree["stmts"].get(statements) != simdjson::SUCCESS || statements.size() != 1) return std::nullopt;
  dom::object statement;
  if (statements.at(0).get(statement) != simdjson::SUCCESS || statement.size() != 1)
    return std::nullopt;  // a semicolon adds stmt_len
  dom::object select;
  if (statement["stmt"]["SelectStmt"].get(select) != simdjson::SUCCESS) return std::nullopt;
  for (auto [name, value] : select) {
    std::string_view text;
    bool plain = name == "fromClause" || name == field ||
                 (value.get(text) == simdjson::SUCCESS && (text == "LIMIT_OPTION_DEFAULT" || text == "SETOP_NONE"));
    if (!plain) return std::nullopt;
  }
  dom::element clause;
  if (select[field].get(clause) != simdjson::SUCCESS) return std::nullopt;
  return clause;
}

}  // namespace

WhereError error_at(std::size_t position, std::string_view message) {
  return {position, fmt::format("At location {}: {}", position, message)};
}

std::expected<ParseTree, WhereError> ParseTree::parse(ClauseKind kind, std::string_view clause) {
  if (clause.size() > kWhereBytesMax) return std::unexpected(error_at(kWhereBytesMax, "the clause is too long"));
  if (std::size_t nul = clause.find('\0'); nul != std::string_view::npos) {
    return std::unexpected(error_at(nul, "a NUL byte is not allowed"));
  }
  if (!simdjson::validate_utf8(clause)) return std::unexpected(error_at(0, "not UTF-8"));

  Grammar grammar = grammar_of(kind);
  ParseTree out;
  out.clause_at_ = grammar.before.size();
  out.statement_.append(grammar.before).append(clause);
  ParseResult result = pg_parse(out.statement_);
  if (result->error != nullptr) {
    std::size_t at = byte_offset(out.statement_, result->error->cursorpos);
    return std::unexpected(error_at(out.position(static_cast<std::int64_t>(at)), result->error->message));
  }

  out.parser_ = std::make_unique<dom::parser>();
  std::string_view json = result->parse_tree;
  dom::element tree;
  auto error = out.parser_->allocate(json.size(), kTreeDepthMax);
  if (!error) error = out.parser_->parse(json.data(), json.size()).get(tree);
  if (error == simdjson::DEPTH_ERROR) return std::unexpected(error_at(0, "the clause is nested too deeply"));
  if (error) return std::unexpected(error_at(0, "the clause cannot be read"));

  auto root = only_clause(tree, grammar.field);
  if (!root) return std::unexpected(error_at(0, "syntax error: one expression is expected, and nothing after it"));
  out.root_ = *root;
  return out;
}

std::size_t ParseTree::position(std::int64_t location) const {
  auto clause_at = static_cast<std::int64_t>(clause_at_);
  return static_cast<std::size_t>(std::max(location - clause_at, std::int64_t{0}));
}

std::string_view ParseTree::source(std::size_t position) const {
  return std::string_view(statement_).substr(std::min(clause_at_ + position, statement_.size()));
}

TreeNode TreeNode::of(dom::element element) {
  TreeNode out;
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS || object.size() == 0) return out;
  auto first = *object.begin();
  if (first.value.get(out.fields) == simdjson::SUCCESS) out.kind = first.key;
  return out;
}

std::string_view TreeNode::text(std::string_view name) const {
  std::string_view out;
  return has(name) && fields[name].get(out) == simdjson::SUCCESS ? out : std::string_view();
}

std::int64_t TreeNode::number(std::string_view name) const {
  std::int64_t out = 0;
  return has(name) && fields[name].get(out) == simdjson::SUCCESS ? out : 0;
}

bool TreeNode::flag(std::string_view name) const {
  bool out = false;
  return has(name) && fields[name].get(out) == simdjson::SUCCESS && out;
}

bool TreeNode::has(std::string_view name) const {
  return !kind.empty() && !fields[name].error();
}

TreeNode TreeNode::node(std::string_view name) const {
  return has(name) ? of(element(name)) : TreeNode();
}

dom::element TreeNode::element(std::string_view name) const {
  return fields[name].value_unsafe();
}

std::vector<dom::element> TreeNode::list(std::string_view name) const {
  dom::array items;
  if (!has(name) || fields[name].get(items) != simdjson::SUCCESS) return {};
  return {items.begin(), items.end()};
}

}  // namespace sluice::sql
