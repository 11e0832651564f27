#include "sql/claim_types.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "sql/column_ref.h"
#include "sql/literal.h"

namespace sluice::sql {
namespace {

using simdjson::dom::element;

// No claim is an interval.
std::optional<Type> claim_type_named(std::string_view name) {
  auto type = type_named(name);
  return type == Type::kInterval ? std::nullopt : type;
}

// A type, and whether a cast said so: then numbers of other types may stand beside it, but no other cast.
struct Use {
  Type type;
  bool declared = false;
};

// What is known of a subexpression: nothing, its type, or that it is a name (or the elements of one).
struct Hint {
  std::optional<Use> use = {};
  std::optional<std::size_t> name = {};
};

std::optional<Use> combined(const Use& a, const Use& b) {
  if (a.type == b.type) return Use{a.type, a.declared || b.declared};
  if (!is_number(a.type) || !is_number(b.type) || (a.declared && b.declared)) return std::nullopt;
  if (a.declared || b.declared) return a.declared ? a : b;
  return Use{std::max(a.type, b.type)};  // declared in the order of promotion
}

struct Name {
  ClaimType claim;
  std::size_t position = 0;
  std::size_t group;  // the name that stands for all that are of one type with it; itself where it is that one
  std::optional<Use> use = {};
  std::optional<bool> list = {};
};

class Inference {
 public:
  explicit Inference(const ParseTree& tree) : tree_(tree) {}

  std::expected<std::vector<ClaimType>, WhereError> run() {
    learn(scalar(tree_.root()), Use{Type::kBool});
    if (error_) return std::unexpected(*error_);
    std::vector<ClaimType> out;
    for (Name& name : names_) {
      if (const auto& use = names_[group_of(name.group)].use) name.claim.type = use->type;
      name.claim.list = name.list.value_or(false);
    }
    for (Name& name : names_) out.push_back(std::move(name.claim));
    return out;
  }

 private:
  void fail(std::size_t position, std::string_view message) {
    if (!error_) error_ = error_at(position, message);
  }

  std::size_t group_of(std::size_t name) const {
    while (names_[name].group != name) name = names_[name].group;
    return name;
  }

  void conflict(std::size_t name, const Use& a, const Use& b) {
    fail(names_[name].position, fmt::format("{} is used as {} and as {}", fmt::join(names_[name].claim.path, "."),
                                            name_of(a.type), name_of(b.type)));
  }

  void learn(const Hint& hint, const Use& use) {
    if (!hint.name) return;
    auto& known = names_[group_of(*hint.name)].use;
    auto both = known ? combined(*known, use) : use;
    if (!both) return conflict(*hint.name, *known, use);
    known = both;
  }

  // The two are of one type.
  void same(const Hint& a, const Hint& b) {
    if (b.use) learn(a, *b.use);
    if (a.use) learn(b, *a.use);
    if (!a.name || !b.name) return;
    std::size_t into = group_of(*a.name);
    std::size_t from = group_of(*b.name);
    if (into == from) return;
    if (auto use = names_[from].use) learn(a, *use);
    names_[from].group = into;
  }

  void mark(const Hint& hint, bool list) {
    if (!hint.name) return;
    Name& name = names_[*hint.name];
    if (name.list.value_or(list) != list) {
      fail(name.position, fmt::format("{} is used as a list and as a single value", fmt::join(name.claim.path, ".")));
    }
    name.list = list;
  }

  // A subexpression that is one value.
  Hint scalar(element tree) {
    Hint out = value(tree);
    mark(out, false);
    return out;
  }

  Hint value(element tree) {
    if (depth_ >= kExpressionDepthMax) return {};
    ++depth_;
    Hint out = value_of(TreeNode::of(tree));
    --depth_;
    return out;
  }

  Hint value_of(const TreeNode& node) {
    if (node.kind == "ColumnRef") return name_at(node);
    if (node.kind == "A_Const") return constant(node);
    if (node.kind == "TypeCast") return cast(node);
    if (node.kind == "A_Expr") return operation(node);
    if (node.kind == "NullTest" && node.has("arg")) value(node.element("arg"));
    if (node.kind == "BooleanTest" && node.has("arg")) learn(scalar(node.element("arg")), Use{Type::kBool});
    if (node.kind == "BoolExpr") {
      for (element arg : node.list("args")) learn(scalar(arg), Use{Type::kBool});
    }
    bool test = node.kind == "NullTest" || node.kind == "BooleanTest" || node.kind == "BoolExpr";
    return test ? Hint{.use = Use{Type::kBool}} : Hint{};
  }

  Hint constant(const TreeNode& node) const {
    auto literal = bind_literal(tree_, node);
    if (!literal || literal->operand.constant.null) return {};
    Type type = literal->type();
    if (type == Type::kUnknown) return {.use = Use{Type::kText}};
    return {.use = Use{is_integer(type) ? Type::kInt8 : type}};
  }

  // A cast says what its operand is, and what it is itself.
  Hint cast(const TreeNode& node) {
    if (!node.has("arg")) return {};
    if (array_type_named(node)) return array_cast(node);
    Hint arg = scalar(node.element("arg"));
    auto name = scalar_type_named(node);
    auto type = name ? claim_type_named(*name) : std::nullopt;
    if (!type) return {};
    learn(arg, Use{*type, true});
    return {.use = Use{is_integer(*type) && !arg.name ? Type::kInt8 : *type}};
  }

  // The hint is of the elements.
  Hint array_cast(const TreeNode& node) {
    Hint arg = array(node.element("arg"));
    auto type = claim_type_named(*array_type_named(node));
    if (!type) return {};
    learn(arg, Use{*type, true});
    return {.use = Use{*type}};
  }

  Hint operation(const TreeNode& node) {
    if (!node.has("rexpr")) return {};
    std::string_view kind = node.text("kind");
    auto names = node.list("name");
    std::string_view name = names.empty() ? std::string_view() : TreeNode::of(names.back()).text("sval");
    if (!node.has("lexpr")) return scalar(node.element("rexpr"));
    if (name == "@>" || name == "<@" || name == "&&") {
      same(array(node.element("lexpr")), array(node.element("rexpr")));
    } else {
      Hint left = scalar(node.element("lexpr"));
      if (kind == "AEXPR_LIKE" || kind == "AEXPR_ILIKE" || name.find("~~") != std::string_view::npos)
        learn(left, Use{Type::kText});
      else
        beside(left, node, kind);
    }
    return {.use = Use{Type::kBool}};
  }

  // The right side of a comparison, a list or an array of what stands on the left.
  void beside(const Hint& left, const TreeNode& node, std::string_view kind) {
    if (kind == "AEXPR_OP_ANY" || kind == "AEXPR_OP_ALL") return same(left, array(node.element("rexpr")));
    TreeNode right = node.node("rexpr");
    if (right.kind != "List") return same(left, scalar(node.element("rexpr")));
    for (element item : right.list("items")) same(left, scalar(item));
  }

  // The elements of an array.
  Hint array(element tree) {
    TreeNode node = TreeNode::of(tree);
    if (node.kind == "TypeCast" && node.has("arg") && depth_ < kExpressionDepthMax) {
      ++depth_;
      Hint out = array_type_named(node) ? array_cast(node) : Hint{};
      --depth_;
      return out;
    }
    Hint out;
    if (node.kind == "ColumnRef") {
      out = name_at(node);
      mark(out, true);
    }
    if (node.kind != "A_ArrayExpr") return out;
    for (element item : node.list("elements")) {
      Hint one = scalar(item);
      if (!one.use) continue;
      auto both = out.use ? combined(*out.use, *one.use) : one.use;
      if (both) out.use = both;
    }
    return out;
  }

  Hint name_at(const TreeNode& node) {
    auto fields = node.list("fields");
    std::size_t position = tree_.position(node.number("location"));
    Name name{.claim = {.key = path_key(fields), .path = {}}, .position = position, .group = names_.size()};
    if (auto known = by_key_.find(name.claim.key); known != by_key_.end()) return {.name = known->second};
    if (fields.empty() || fields.size() > kPathStepsMax) {
      fail(position, "a path has too many steps");
      return {};
    }
    for (element field : fields) {
      TreeNode step = TreeNode::of(field);
      std::string_view text = step.text("sval");
      if (step.kind != "String") fail(position, "a path has names only");
      if (text.size() > kPathStepBytesMax) fail(position, "a name is longer than 59 bytes");
      name.claim.path.emplace_back(text);
    }
    by_key_.emplace(name.claim.key, names_.size());
    names_.push_back(std::move(name));
    return {.name = names_.size() - 1};
  }

  const ParseTree& tree_;
  std::vector<Name> names_;
  std::map<std::string, std::size_t, std::less<>> by_key_;
  std::optional<WhereError> error_;
  std::size_t depth_ = 0;
};

}  // namespace

std::expected<std::vector<ClaimType>, WhereError> infer_claim_types(const ParseTree& tree) {
  return Inference(tree).run();
}

}  // namespace sluice::sql
