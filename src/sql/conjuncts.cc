#include "sql/conjuncts.h"

#include <fmt/format.h>

#include "base/json_write.h"
#include "sql/literal.h"

namespace sluice::sql {
namespace {

namespace dom = simdjson::dom;

class TreeWriter {
 public:
  TreeWriter(const ParseTree& tree, const std::vector<std::string>& params, ParamNumbers& numbers)
      : tree_(tree), params_(params), numbers_(numbers) {}

  std::expected<std::string, WhereError> write(dom::element element) {
    out_.clear();
    add(element);
    if (error_) return std::unexpected(*error_);
    return std::move(out_);
  }

 private:
  // Recursion is as deep as the JSON, which ParseTree bounds.
  void add(dom::element element) {
    switch (element.type()) {
      case dom::element_type::OBJECT: return add_object(element.get_object().value_unsafe());
      case dom::element_type::ARRAY: {
        out_ += '[';
        for (dom::element item : element.get_array().value_unsafe()) {
          add(item);
          out_ += ',';
        }
        out_ += ']';
        return;
      }
      case dom::element_type::STRING: return append_json_string(out_, element.get_string().value_unsafe());
      default: out_ += simdjson::minify(element);
    }
  }

  void add_object(dom::object object) {
    out_ += '{';
    for (auto [name, value] : object) {
      if (name == "location") continue;
      append_json_string(out_, name);
      out_ += ':';
      if (name == "ParamRef")
        add_param(value);
      else if (name == "A_Const")
        add_constant(value);
      else
        add(value);
      out_ += ',';
    }
    out_ += '}';
  }

  static TreeNode node_of(std::string_view kind, dom::element fields) {
    TreeNode out;
    if (fields.get(out.fields) == simdjson::SUCCESS) out.kind = kind;
    return out;
  }

  void add_param(dom::element fields) {
    auto param = bind_param(tree_, node_of("ParamRef", fields), params_);
    if (!param) return fail(param.error());
    out_ += fmt::format("{}", numbers_.of(param->operand.constant.text));
  }

  // The parser leaves integers out unless they are above zero (literal.cc): they are read from the clause.
  void add_constant(dom::element fields) {
    TreeNode node = node_of("A_Const", fields);
    if (!node.has("ival")) return add(fields);
    bool located = node.number("location") > 0;
    auto value = bind_literal(tree_, node);
    if (!value) return fail(value.error());
    if (!located) return fail(error_at(0, "a number cannot be read"));
    out_ += fmt::format("{}", value->operand.constant.integer);
  }

  void fail(WhereError error) {
    if (!error_) error_ = std::move(error);
  }

  const ParseTree& tree_;
  const std::vector<std::string>& params_;
  ParamNumbers& numbers_;
  std::string out_;
  std::optional<WhereError> error_;
};

void flatten(dom::element tree, std::vector<dom::element>& out) {
  TreeNode node = TreeNode::of(tree);
  if (node.kind != "BoolExpr" || node.text("boolop") != "AND_EXPR") return out.push_back(tree);
  for (dom::element arg : node.list("args")) flatten(arg, out);
}

}  // namespace

std::expected<std::vector<Conjunct>, WhereError> conjuncts_of(const ParseTree& tree, const std::vector<std::string>& params,
                                                              ParamNumbers& numbers) {
  std::vector<dom::element> trees;
  flatten(tree.root(), trees);
  TreeWriter writer(tree, params, numbers);
  std::vector<Conjunct> out;
  out.reserve(trees.size());
  for (dom::element conjunct : trees) {
    auto text = writer.write(conjunct);
    if (!text) return std::unexpected(text.error());
    out.push_back({conjunct, std::move(*text)});
  }
  return out;
}

}  // namespace sluice::sql
